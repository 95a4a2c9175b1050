#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run one of the collection's playbooks on this machine.
# usage: playbook.sh NAME [OPTION OF ansible-playbook]...
source "$(dirname "$0")/env.sh"
tools/setup.sh run

become=()
if ! is_root; then
    become=(--become)
    # ask for the password once, and only where sudo wants one
    sudo -n true 2>/dev/null || become+=(--ask-become-pass)
fi
if [[ -t 1 ]]; then
    # it writes into a pipe here, and would leave the colours out
    export ANSIBLE_FORCE_COLOR=true
fi
name=$1
shift
exec python tools/tally.py run "$name" ansible-playbook -- ansible-playbook "${become[@]}" "vdisk.gluster.$name" "$@"
