#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Measure the modules against bare qemu-img on a real GlusterFS, and print the tables.
source "$(dirname "$0")/env.sh"
tools/setup.sh test
is_root || exec tools/rooted.sh tools/bench.sh "$@"

[[ -e tests/bench/run.py ]] || die "tests/bench/run.py is missing"
tools/preflight.sh
stop_after=$(tools/glusterd.sh start)
trap '[[ $stop_after != started ]] || tools/glusterd.sh stop' EXIT
python tests/bench/run.py "$@"
