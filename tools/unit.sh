#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Unit tests, on two processes, with the coverage of plugins/.
# usage: unit.sh [OPTION OF pytest]...
source "$(dirname "$0")/env.sh"
tools/setup.sh test
mkdir -p .cache/coverage
exec python tools/tally.py run unit pytest --junit .cache/ran/unit-pytest.xml -- \
    pytest tests/unit -n 2 --cov --cov-report=term --junit-xml=.cache/ran/unit-pytest.xml "$@"
