#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Put a real OpenStack Image service into .cache/glance, a venv of its own: it wants other versions of what the tools use.
# Does nothing where it is there already.
source "$(dirname "$0")/env.sh"
tools/setup.sh test

venv=.cache/glance
exec 9>.cache/glance.lock
flock 9
[[ $(cat "$venv/made-for" 2>/dev/null) == "$root" ]] || rm -rf "$venv"
if ! cmp -s tests/requirements/glance.txt "$venv/installed"; then
    echo "glance: installing tests/requirements/glance.txt into $venv"
    .venv/bin/python -m venv --clear "$venv"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-compile -r tests/requirements/glance.txt
    echo "$root" >"$venv/made-for"
    cp tests/requirements/glance.txt "$venv/installed"
fi
