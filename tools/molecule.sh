#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Molecule's scenarios, each on a lab of its own, see lab.sh. Needs root and FUSE.
# usage: molecule.sh [SCENARIO]...    default: all
source "$(dirname "$0")/env.sh"
tools/setup.sh test
is_root || exec tools/rooted.sh tools/molecule.sh "$@"

tools/preflight.sh --lab qemu-system-x86_64 gcc
tools/guest.sh
[[ $# != 0 ]] || set -- $(cd extensions/molecule && ls -d -- */ | tr -d /)
for scenario in "$@"; do
    molecule test --scenario-name "$scenario"
done
