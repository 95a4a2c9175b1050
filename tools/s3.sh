#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Put an S3 server into .cache/s3, a venv of its own: it wants packages that the tools do not.
# Does nothing where it is there already.
source "$(dirname "$0")/env.sh"
tools/setup.sh test

venv=.cache/s3
exec 9>.cache/s3.lock
flock 9
[[ $(cat "$venv/made-for" 2>/dev/null) == "$root" ]] || rm -rf "$venv"
if ! cmp -s tests/requirements/s3.txt "$venv/installed"; then
    echo "s3: installing tests/requirements/s3.txt into $venv"
    .venv/bin/python -m venv --clear "$venv"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-compile -r tests/requirements/s3.txt
    echo "$root" >"$venv/made-for"
    cp tests/requirements/s3.txt "$venv/installed"
fi
