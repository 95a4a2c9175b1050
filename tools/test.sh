#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# All parts of the test, also after one of them failed, and a table of what each of them ran.
# usage: test.sh        what everybody waits for: of many like cases a sample, which the commit decides
#        test.sh all    all cases, kills at every call, every ansible-core, the mutations; takes a day. A part that has passed on what is
#                       tested now is not run again, so that a run that was cut off goes on
source "$(dirname "$0")/env.sh"

tools/setup.sh test
# two parts whose names differ by a number are pieces of one that would take too long
if [[ ${1:-} == all ]]; then
    rows=.cache/ran-all
    parts=(unit lint sanity integration faults-1 faults-2 live-1 live-2 molecule examples matrix mutations)
    declare -A options=(
        [unit]=--all [integration]=--all [molecule]=--all
        [faults-1]="--all --part 1/2" [faults-2]="--all --part 2/2"
        [live-1]="--all --part 1/2" [live-2]="--all --part 2/2"
    )
    # every file that is not ignored, committed or not
    tested=$(git ls-files -co --exclude-standard -z | xargs -0 sha256sum 2>/dev/null | sha256sum)
else
    rows=.cache/ran
    rm -rf "$rows"
    parts=(unit lint sanity integration faults live molecule examples matrix)
    declare -A options=([matrix]=--quick)
    tested=
fi
mkdir -p .cache/ran "$rows"

run() {
    local part=$1 name=${1%-[0-9]*} code=0
    unless_make_ended
    if [[ $tested && $(cat "$rows/$part.passed" 2>/dev/null) == "$tested" ]]; then
        printf '\n##### %s has passed before\n' "$part"
        return
    fi
    printf '\n##### %s\n' "$part"
    rm -f "$rows/$part.passed" "$rows/$part.jsonl" ".cache/ran/$name.jsonl"
    make --no-print-directory "$name" ARGS="${options[$part]:-}" || code=$?
    [[ $rows == .cache/ran || ! -e .cache/ran/$name.jsonl ]] || cp ".cache/ran/$name.jsonl" "$rows/$part.jsonl"
    [[ $code != 0 ]] || echo "$tested" >"$rows/$part.passed"
    return "$code"
}

failed=0
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
tally table --rows "$rows" "${parts[@]}" || failed=1
echo "in all, with what was installed: $((SECONDS / 60)) min $((SECONDS % 60)) s"
exit "$failed"
