#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Tests with real virtual machines on a real GlusterFS: guests write, modules change their disks, nothing is lost. Needs root and FUSE.
# usage: live.sh [OPTION OF pytest]...
source "$(dirname "$0")/env.sh"
tools/setup.sh test
is_root || exec tools/rooted.sh tools/live.sh "$@"

tools/preflight.sh --lab libvirtd qemu-system-x86_64 unshare gcc
tools/guest.sh
tools/glance.sh
rm -f .cache/ran/live.jsonl
stop_after=$(tools/glusterd.sh start)
trap '[[ $stop_after != started ]] || tools/glusterd.sh stop' EXIT

# Debian has libvirt's binding for its own Python only, so that one runs the tests and the modules, with the packages of .venv
libraries=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
PYTHONPATH=$libraries /usr/bin/python3 -c 'import libvirt, yaml, pytest' ||
    die "/usr/bin/python3 does not run the packages of .venv: make it anew with PYTHON=/usr/bin/python3"
python tools/tally.py run live pytest --junit .cache/ran/live-pytest.xml -- \
    env PYTHONPATH="$libraries${PYTHONPATH:+:$PYTHONPATH}" /usr/bin/python3 -m pytest tests/functional/live -n 2 --dist worksteal --junit-xml=.cache/ran/live-pytest.xml "$@"
