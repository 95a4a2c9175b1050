#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Put the collection awx.awx into .cache/awx; PyPI has it as a part of the package ansible, of which nothing else is kept.
# Does nothing where it is there already.
source "$(dirname "$0")/env.sh"
tools/setup.sh test

place=.cache/awx
exec 9>.cache/awx.lock
flock 9
if ! cmp -s tests/requirements/awx.txt "$place/unpacked"; then
    echo "awx: taking awx.awx out of the package of tests/requirements/awx.txt"
    rm -rf "$place"
    mkdir -p "$place"
    .venv/bin/python -m pip download -qq --disable-pip-version-check --no-deps --only-binary :all: -d "$place" -r tests/requirements/awx.txt
    .venv/bin/python -c '
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as package:
    package.extractall(sys.argv[2], [name for name in package.namelist() if name.startswith("ansible_collections/awx/awx/")])
' "$place"/ansible-*.whl "$place"
    rm "$place"/ansible-*.whl
    cp tests/requirements/awx.txt "$place/unpacked"
fi
