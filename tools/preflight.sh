#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Say in one sentence each what this machine lacks for tests on a real GlusterFS. Nothing is skipped for lack of it.
# usage: preflight.sh [--lab] [PROGRAM THAT IS NEEDED TOO]...
# --lab: also what several hosts as name spaces of this machine need, see lab.sh
source "$(dirname "$0")/env.sh"
lab=no
if [[ ${1:-} == --lab ]]; then
    lab=yes
    shift
    set -- ip nsenter unshare pivot_root ssh-keygen sshd mkfs.xfs mkfs.ext4 dbus-daemon libvirtd /lib/systemd/systemd "$@"
fi

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
# works WORD...: does a command succeed in name spaces that nobody else sees?
works() { unshare --mount --net --propagation private "$@" >/dev/null 2>&1; }
if [[ $lab == yes ]] && is_root; then
    works true || lacks+=("leave to make name spaces: in a container pass --privileged")
    works sh -ec 'ip link add name v0 type veth peer name v1; ip link add name b0 type bridge' ||
        lacks+=("virtual cables or bridges: load the modules veth and bridge")
    works sh -ec 'mount -t tmpfs t /mnt; mkdir /mnt/u /mnt/w /mnt/r
        mount -t overlay o -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r' ||
        lacks+=("overlays over /: load the module overlay; a root file system that is two overlays already cannot have a third")
    # mounting it here, outside of a cgroup name space, would reset the options of the mount that is there
    works unshare --cgroup mount -t cgroup2 c /mnt || lacks+=("cgroups of version 2: the kernel needs them, beside version 1 or alone")
    for directory in /etc /usr /var/lib; do
        [[ $(stat -c %d "$directory") == $(stat -c %d /) ]] ||
            lacks+=("$directory on the file system of /: hosts of a lab see that one only")
    done
fi
[[ ${#lacks[@]} == 0 ]] && exit
printf 'tests on a real GlusterFS cannot run here, this machine lacks %s\n' "${lacks[@]}" >&2
exit 1
