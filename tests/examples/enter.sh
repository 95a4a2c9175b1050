#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run a command with this machine's files, changes to which nobody else sees and nobody keeps. For a mount and process name space of its own.
# usage: unshare --mount --pid --fork enter.sh CHECKOUT COMMAND [ARGUMENT]...
# What is written below CHECKOUT is kept. The rest lies over the machine's files in memory, and is gone with the name space.
set -euo pipefail
checkout=$1
shift

mount --make-rprivate /
over=$checkout/.cache/examples
mkdir -p "$over"
mount -t tmpfs -o mode=755 examples "$over"
mkdir "$over"/{upper,work,new}
mount -t overlay -o "lowerdir=/,upperdir=$over/upper,workdir=$over/work" overlay "$over/new"
new=$over/new
mount --rbind /dev "$new/dev"
mount --rbind /sys "$new/sys"
mount -t proc proc "$new/proc"
for own in run tmp var/lib/vdisk var/lib/glusterd var/log/glusterfs; do
    mkdir -p "$new/$own"
    mount -t tmpfs -o mode=1777 examples "$new/$own"
done
mkdir -p "$new/$checkout"
mount --bind "$checkout" "$new/$checkout"
mkdir "$new/run/machine"
pivot_root "$new" "$new/run/machine"
cd /
umount -l /run/machine
# a libvirtd in name spaces of its own sees what is mounted later
mount --make-rshared /
ip link set lo up
cd "$checkout"
# not exec: somebody has to be process 1 and reap what daemons leave
"$@"
