#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A contributor's loop: the linters of code beside the unit tests, and a table of what ran.
source "$(dirname "$0")/env.sh"
rm -f .cache/ran/check.jsonl
harness preflight unit

failed=0
tools/lint.sh check >.cache/check.log 2>&1 &
linters=$!
report=.cache/ran/check-pytest.xml
# one process more than processors, for some tests wait; one that is done takes tests from the others
in_parallel=(-n $(($(nproc) + 1)) --dist worksteal)
tally run check pytest --junit "$report" -- pytest -q tests/unit "${in_parallel[@]}" --junit-xml="$report" || failed=1
wait "$linters" || failed=1
cat .cache/check.log
echo
tally table check || failed=1
exit "$failed"
