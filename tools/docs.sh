#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Make the documentation site of docs/ and of the plugins' own documentation in .cache/docs/html. A warning is an error.
# usage: docs.sh
source "$(dirname "$0")/env.sh"
tools/setup.sh test

site=$root/.cache/docs
rm -rf "$site"
mkdir -p "$site/source/collections"
cp docs/*.md "$site/source/"
# its log file goes to the home folder
HOME=$root/.cache antsibull-docs collection --use-current --squash-hierarchy --fail-on-error \
    --dest-dir "$site/source/collections" vdisk.gluster
sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --jobs 2 \
    --conf-dir tools/docs --doctree-dir "$site/doctrees" "$site/source" "$site/html"
pages=$(find "$site/html" -name '*.html' | wc -l)
echo "docs: $pages pages, no warning: .cache/docs/html/index.html"
