# shellcheck shell=bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Sourced by every script here, never run: where things are, and the same environment on every machine.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# the sbin folders hold GlusterFS's programs and are missing from a normal user's PATH
export PATH=$root/.venv/bin:$PATH:/usr/sbin:/sbin
export ANSIBLE_COLLECTIONS_PATH=$root/.cache
export ANSIBLE_CONFIG=$root/ansible.cfg
# Ansible refuses to start without a UTF-8 locale; this one is there on every Debian
export LC_ALL=C.UTF-8
# no __pycache__ in the tree, least of all one that belongs to root
export PYTHONDONTWRITEBYTECODE=1
# git refuses a checkout that belongs to another user, as it does under sudo
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

is_root() { [[ $(id -u) == 0 ]]; }

as_root() {
    if is_root; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "'$*' needs root: run make as root, or install sudo"
    fi
}
