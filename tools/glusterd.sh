#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Start or stop GlusterFS's management daemon, also where systemd is not process 1.
# usage: glusterd.sh start|stop
# start prints "started", or "running" where it already was: only who started it should stop it.
source "$(dirname "$0")/env.sh"

has_systemd() { [[ -d /run/systemd/system ]]; }
answers() { gluster --mode=script --timeout=5 pool list >/dev/null 2>&1; }

case ${1:-} in
start)
    if pgrep -x glusterd >/dev/null; then
        echo running
    else
        if has_systemd; then systemctl start glusterd >&2; else glusterd >&2; fi
        echo started
    fi
    for _ in {1..60}; do
        if answers; then exit; fi
        sleep 0.5
    done
    die "glusterd does not answer; see /var/log/glusterfs/glusterd.log"
    ;;
stop)
    if has_systemd; then systemctl stop glusterd; else kill "$(</run/glusterd.pid)"; fi
    ;;
*) die "usage: $0 start|stop" ;;
esac
