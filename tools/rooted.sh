#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run a script of this checkout as root through sudo, and give what it wrote back to the user.
# usage: rooted.sh SCRIPT [ARGUMENT]...
source "$(dirname "$0")/env.sh"
trap 'as_root chown -R "$(id -u):$(id -g)" .cache' EXIT
echo "$1 needs root: calling sudo"
as_root "$@"
