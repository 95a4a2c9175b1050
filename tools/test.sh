#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# All parts of the test, also after one of them failed, and a table of what each of them ran.
# usage: test.sh [all]    all: kills at every moment, not at a sample of them; takes hours
source "$(dirname "$0")/env.sh"
rm -rf .cache/ran

parts=(unit lint sanity integration faults live molecule examples matrix)
declare -A more=([matrix]=--quick)
[[ ${1:-} != all ]] || more=([integration]=--all [faults]=--all [live]=--all)
failed=0
run() {
    printf '\n##### %s\n' "$1"
    make --no-print-directory "$1" ARGS="${more[$1]:-}"
}
for part in "${parts[@]}"; do
    if [[ $part == lint ]]; then
        # this and the next one keep no more than a processor busy each
        run lint >.cache/lint.log 2>&1 &
        continue
    fi
    run "$part" || failed=1
    if [[ $part == sanity ]]; then
        wait $! || failed=1
        cat .cache/lint.log
    fi
done
echo
tally table "${parts[@]}" || failed=1
exit "$failed"
