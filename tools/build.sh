#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Build the collection's archive into .cache/dist, and look whether its modules are in it.
source "$(dirname "$0")/env.sh"
tools/setup.sh run
rm -rf .cache/dist
ansible-galaxy collection build --output-path .cache/dist
for module in plugins/modules/*.py; do
    tar -tzf .cache/dist/*.tar.gz "$module" >/dev/null || die "$module is not in the archive"
done
