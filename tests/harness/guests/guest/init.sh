#!/bin/sh
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Process 1 of the test guest: loads drivers, starts the agent where there is a channel for it, then the record writer.
# The kernel's command line says what to do: live.mode=raw|fs|idle live.agent=0|1 live.slots=N live.lanes=N
# live.ack=MILLISECONDS live.pause=MICROSECONDS
export PATH=/bin:/sbin:/usr/sbin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
while read -r module; do insmod "/modules/$module" || echo "LIVE failed to load $module"; done </modules/order

mode=raw agent=0 slots=4096 lanes=1 ack=50 pause=0
read -r words </proc/cmdline
for word in $words; do
    case $word in
    live.mode=*) mode=${word#*=} ;;
    live.agent=*) agent=${word#*=} ;;
    live.slots=*) slots=${word#*=} ;;
    live.lanes=*) lanes=${word#*=} ;;
    live.ack=*) ack=${word#*=} ;;
    live.pause=*) pause=${word#*=} ;;
    esac
done

# there is no udev that would name the port, and its name comes some time after the driver was loaded
tries=0
while [ "$agent" = 1 ] && [ $tries -lt 400 ]; do
    for port in /sys/class/virtio-ports/*; do
        if [ "$(cat "$port/name" 2>/dev/null)" = org.qemu.guest_agent.0 ] && [ -c "/dev/${port##*/}" ]; then
            qemu-ga -m virtio-serial -p "/dev/${port##*/}" -t /run -f /run/agent.pid -l /run/agent.log &
            agent=started
        fi
    done
    [ "$agent" = started ] || usleep 25000
    tries=$((tries + 1))
done
[ "$agent" != 1 ] || echo "LIVE failed: no channel of the agent"

# the disks that records go to are the first ones; one that is attached later is not touched
paths=
for letter in a b c d; do
    [ "$lanes" -gt 0 ] || break
    disk=/dev/vd$letter
    tries=0
    while [ ! -b $disk ] && [ $tries -lt 200 ]; do
        usleep 25000
        tries=$((tries + 1))
    done
    [ -b $disk ] || echo "LIVE failed: no $disk"
    paths="$paths $disk"
    lanes=$((lanes - 1))
done

case $mode in
raw)
    # shellcheck disable=SC2086 # several paths
    writer "$slots" "$ack" "$pause" $paths &
    ;;
fs)
    mkdir -p /mnt
    if ! mount -t ext4 /dev/vda /mnt 2>/dev/null; then
        # not busybox's, which knows ext2 only
        /sbin/mke2fs -q -t ext4 -F /dev/vda
        mount -t ext4 /dev/vda /mnt
    fi
    writer "$slots" "$ack" "$pause" /mnt/records &
    ;;
idle) echo "LIVE idle" ;;
esac
# process 1 must not end, and reaps what the agent starts
while :; do
    wait
    sleep 1
done
