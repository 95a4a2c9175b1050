#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run every example of the documentation, as it is written there, on a real GlusterFS. Needs root and FUSE.
# usage: examples.sh [OPTION OF pytest]...    EXAMPLES_CORE: a venv with another ansible-core
# The examples name hosts, volumes and paths of anybody: gl1:/vms, /etc/fstab, /var/backups. So they run in name spaces with a network,
# files and processes of their own, in which all of that is there, and which this machine does not see.
source "$(dirname "$0")/env.sh"

harness preflight examples
# before the network is left
harness install guest glance

# Debian has libvirt's binding for its own Python only, so that one runs the modules, with the packages of .venv
libraries=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# two at a time, each in name spaces of its own
part() {
    local number=$1 code=0
    shift
    harness run unshare --mount --net --uts --pid --fork --kill-child tests/examples/enter.sh "$root" \
        env PYTHONPATH="$libraries" EXAMPLES_HAVE_ENTERED=1 /usr/bin/python3 -m pytest tests/examples --part "$number/2" \
        --junit-xml=".cache/ran/examples/$number.xml" "$@" >".cache/ran/examples/$number.log" 2>&1 || code=$?
    cat ".cache/ran/examples/$number.log"
    # that nothing is left for one of them is no failure; that there was nothing at all is told by who counts
    [[ $code == 0 || $code == 5 ]]
}

if [[ ${EXAMPLES_UNTALLIED:-} ]]; then
    rm -rf .cache/ran/examples
    mkdir -p .cache/ran/examples
    part 1 "$@" &
    first=$!
    failed=0
    part 2 "$@" || failed=1
    wait "$first" || failed=1
    grep -h '^examples: ' .cache/ran/examples/*.log || true
    exit "$failed"
fi
# not above: what matrix.sh runs by this script counts as its own
rm -f .cache/ran/examples.jsonl
export EXAMPLES_UNTALLIED=1
tally run examples pytest --junit .cache/ran/examples -- tools/examples.sh "$@"
