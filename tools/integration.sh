#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Tests of the whole collection on a real GlusterFS of this machine. Needs root and FUSE.
# usage: integration.sh [OPTION OF pytest]...
source "$(dirname "$0")/env.sh"
tools/setup.sh test
tools/glance.sh
tools/awx.sh
tools/s3.sh
source tools/pythons.sh
is_root || exec tools/rooted.sh tools/integration.sh "$@"

tools/preflight.sh
rm -f .cache/ran/integration.jsonl
stop_after=$(tools/glusterd.sh start)
trap '[[ $stop_after != started ]] || tools/glusterd.sh stop' EXIT

read -r oldest _ < <(found_pythons | xargs)
controller=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
failed=0
# the tests of pytest run the modules on the Python of .venv; these run them on the oldest one of this machine, beside them: both wait often;
# in a session of their own, so that they end with this script and not after it
setsid python tools/tally.py run integration ansible-test --targets tests/integration/targets -- \
    tools/ansible-test.sh integration --allow-root --allow-destructive \
    --controller "origin:python=$controller" --target "controller:python=$oldest" >.cache/targets.log 2>&1 &
targets=$!
trap 'kill -- "-$targets" 2>/dev/null || true; [[ $stop_after != started ]] || tools/glusterd.sh stop' EXIT
python tools/tally.py run integration pytest --junit .cache/ran/integration-pytest.xml -- \
    pytest tests/functional/share tests/functional/roles -n 3 --dist worksteal --junit-xml=.cache/ran/integration-pytest.xml "$@" || failed=1
wait "$targets" || failed=1
cat .cache/targets.log
exit "$failed"
