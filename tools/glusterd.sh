#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Start or stop GlusterFS's management daemon, also where systemd is not process 1.
# usage: glusterd.sh start|stop
# start prints "started", or "running" where it already was: only who started it should stop it.
source "$(dirname "$0")/env.sh"

has_systemd() { [[ -d /run/systemd/system ]]; }
# a dead process that nobody has reaped, as under a lazy process 1, does not count
runs() { pgrep --runstates R,S,D -x glusterd >/dev/null; }
complain() {
    tail -n 20 /var/log/glusterfs/glusterd.log >&2 || true
    die "glusterd $1"
}
start() { if has_systemd; then systemctl start glusterd; else glusterd -p /run/glusterd.pid; fi >&2; }
answers() { gluster --mode=script --timeout=5 pool list >/dev/null 2>&1; }

case ${1:-} in
start)
    if runs; then
        echo running
    else
        start || complain "does not start"
        echo started
    fi
    for _ in {1..60}; do
        if answers; then exit; fi
        sleep 0.5
    done
    complain "does not answer"
    ;;
stop)
    if has_systemd; then systemctl stop glusterd; else kill "$(</run/glusterd.pid)"; fi
    for _ in {1..20}; do
        runs || exit 0
        sleep 0.5
    done
    complain "does not stop"
    ;;
*) die "usage: $0 start|stop" ;;
esac
