#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Which lines of the modules are run by the unit tests and by share/ and roles/ of tests/functional, where each module runs in the process of
# its test on a real GlusterFS. Not counted: what only runs with virtual machines (live/), unless with --live; after a kill (faults/); in
# processes of their own.
# usage: coverage.sh [--live] [OPTION OF pytest, for the functional tests]...
# --live: count the modules' processes of tests/functional/live too, which takes 20 minutes more.
source "$(dirname "$0")/env.sh"

live=no
if [[ ${1:-} == --live ]]; then
    live=yes
    shift
fi
export COVERAGE_FILE=$root/.cache/coverage/real-runs
mkdir -p .cache/coverage
rm -f "$COVERAGE_FILE"*
failed=0
pytest -q tests/unit --all -n auto --cov --cov-report= || failed=1
pytest -q tests/functional/share tests/functional/roles --all -n 2 --cov --cov-append --cov-report= "$@" || failed=1
if [[ $live == yes ]]; then
    # there modules run in processes of their own, which pytest-cov does not see; a sitecustomize measures each of them
    printf '[run]\nbranch = true\nparallel = true\nsource = %s\n' "$root/plugins" >.cache/coverage/live.ini
    COVERAGE_PROCESS_START=$root/.cache/coverage/live.ini PYTHONPATH=$root/tools/measured \
        pytest -q tests/functional/live -n 2 --dist worksteal "$@" || failed=1
    coverage combine --append --quiet "$COVERAGE_FILE".*
fi
coverage report --skip-covered --show-missing --include='plugins/module_utils/*,plugins/modules/*' | tee .cache/coverage/report.txt
exit "$failed"
