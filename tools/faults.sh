#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Kill tasks at their system calls, take random turns on two hosts, run many at once: nothing is lost. Needs root and FUSE.
# usage: faults.sh [--all] [--spread CALLS] [--seed FIRST] [--sequences NUMBER] [--steps NUMBER] [OPTION OF pytest]...
source "$(dirname "$0")/env.sh"
tools/setup.sh test
is_root || exec tools/rooted.sh tools/faults.sh "$@"

tools/preflight.sh --lab
rm -f .cache/ran/faults.jsonl
stop_after=$(tools/glusterd.sh start)
trap '[[ $stop_after != started ]] || tools/glusterd.sh stop' EXIT

python tools/tally.py run faults pytest --junit .cache/ran/faults-pytest.xml -- \
    pytest tests/functional/faults -n 2 --dist worksteal --junit-xml=.cache/ran/faults-pytest.xml "$@"
