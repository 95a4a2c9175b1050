#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Break each invariant in a copy of the collection and see that a named test notices. Takes minutes; needs root and FUSE.
# usage: mutations.sh [WORD OF A PATCH'S NAME]...
source "$(dirname "$0")/env.sh"
tools/setup.sh test
is_root || exec tools/rooted.sh tools/mutations.sh "$@"

tools/preflight.sh
stop_after=$(tools/glusterd.sh start)
trap '[[ $stop_after != started ]] || tools/glusterd.sh stop' EXIT
python tests/mutations/mutate.py "$@"
