#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Molecule's scenarios, each on a lab of its own (tools/lab.sh): all of them, two at a time, or those that are named. Needs root and FUSE.
# usage: molecule.sh [SCENARIO]...
source "$(dirname "$0")/env.sh"
tools/setup.sh test
is_root || exec tools/rooted.sh tools/molecule.sh "$@"

tools/preflight.sh --lab qemu-system-x86_64 gcc
tools/guest.sh
rm -f .cache/ran/molecule.jsonl
mkdir -p .cache/molecule
scenarios=("$@")
if [[ $# == 0 ]]; then
    for file in extensions/molecule/*/molecule.yml; do
        scenarios+=("$(basename "$(dirname "$file")")")
    done
fi

# its state lies in the checkout, and its output is shown whole when it has ended
run() {
    MOLECULE_EPHEMERAL_DIRECTORY=$root/.cache/molecule/$1 NO_COLOR=1 python tools/tally.py run molecule "$1" --scenario -- \
        timeout 900 molecule test -s "$1" >".cache/molecule/$1.log" 2>&1 || touch "$failed"
    cat ".cache/molecule/$1.log"
}

failed=$(mktemp -u)
trap 'rm -f "$failed"' EXIT
for scenario in "${scenarios[@]}"; do
    while [[ $(jobs -rp | wc -l) -ge 2 ]]; do wait -n || true; done
    run "$scenario" &
done
wait
[[ ! -e $failed ]]
