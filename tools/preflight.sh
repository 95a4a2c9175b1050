#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Say in one sentence each what this machine lacks for tests on a real GlusterFS. Nothing is skipped for lack of it.
# usage: preflight.sh [PROGRAM THAT IS NEEDED TOO]...
source "$(dirname "$0")/env.sh"

lacks=()
is_root || lacks+=("root: GlusterFS is mounted, and bricks are made, by root only")
for program in glusterd gluster mount.glusterfs qemu-img "$@"; do
    command -v "$program" >/dev/null ||
        lacks+=("the program $program: install the packages of requirements-apt-dev.txt")
done
# the device can be there and be forbidden, as in most containers
if ! { : <>/dev/fuse; } 2>/dev/null; then
    lacks+=("a /dev/fuse that opens: load the module fuse; in a container pass --device /dev/fuse --cap-add SYS_ADMIN")
fi
[[ ${#lacks[@]} == 0 ]] && exit
printf 'tests on a real GlusterFS cannot run here, this machine lacks %s\n' "${lacks[@]}" >&2
exit 1
