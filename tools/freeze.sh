#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Resolve each requirements*.in in an empty venv and write the result down.
source "$(dirname "$0")/env.sh"
tools/setup.sh run

freeze() {
    local list=$1
    shift
    .venv/bin/python -m venv --clear .cache/freeze
    .cache/freeze/bin/python -m pip install -qq "${@/#/-r}"
    {
        echo "# Frozen from $*: run \"make freeze\" after a change there."
        .cache/freeze/bin/python -m pip freeze
    } >"$list.new"
    mv "$list.new" "$list"
}

freeze requirements.txt requirements.in
freeze requirements-dev.txt requirements.in requirements-dev.in
freeze tests/requirements/glance.txt tests/requirements/glance.in
freeze tests/requirements/s3.txt tests/requirements/s3.in
freeze tests/requirements/importer.txt tests/requirements/importer.in
