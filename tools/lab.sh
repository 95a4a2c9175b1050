#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A lab: several hosts as name spaces of this machine, each with systemd, sshd and, if it is wanted, glusterd or libvirtd. Needs root.
# usage: lab.sh NAME up [--servers 3] [--hypervisors 2] [--brick tmpfs|xfs|ext4] [--brick-size 512M]
#        lab.sh NAME down|status|inventory
#        lab.sh NAME exec HOST [PROGRAM [ARGUMENT]...]
#        lab.sh NAME cut|join|crash|boot HOST    pull its cable, put it back, cut its power, switch it on
source "$(dirname "$0")/env.sh"
if ! is_root; then
    rooted "$root/tools/lab.sh" "$@"
    exit
fi
[[ ${2:-} != up ]] || tools/setup.sh lab >&2
PYTHONPATH=$root/.cache exec python3 -m ansible_collections.vdisk.gluster.tests.harness.lab "$@"
