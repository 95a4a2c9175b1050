# shellcheck shell=bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Sourced by the Makefile's recipes and by every script here, never run: where things are, and the same environment on every machine.
# tests/conftest.py is the same for a pytest that is called directly.
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

# for scripts that run one thing after another: go no further where the make that called them was killed
unless_make_ended() { [[ ! ${MAKELEVEL:-} || -d /proc/$PPID ]] || die "the make that called this has ended"; }

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

# rooted COMMAND [ARGUMENT]...: run it as root, through sudo where that is needed, and give what it wrote back to the user
rooted() {
    if is_root; then
        "$@"
    else
        echo "'$*' needs root: calling sudo"
        local code=0
        as_root "$@" || code=$?
        as_root chown -R "$(id -u):$(id -g)" .cache
        return "$code"
    fi
}

tally() { python tools/tally.py "$@"; }

# what the tests' harness does for scripts, see tests/harness/__main__.py
harness() { PYTHONPATH=$root/.cache python -m ansible_collections.vdisk.gluster.tests.harness "$@"; }

# pyenv puts a stub for every Python it has on PATH, also for those that are switched off; ansible-test takes the stub
# for the real thing and dies on it. So the stubs leave PATH and the real ones join at its end.
use_real_pythons() {
    local folder
    PATH=$(tr : '\n' <<<"$PATH" | grep -v '/shims$' | paste -sd:)
    for folder in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin; do
        [[ -d $folder ]] && PATH=$PATH:$folder
    done
    export PATH
}

# print the versions that ansible-test knows and this machine has, the oldest first
found_pythons() (
    use_real_pythons
    for version in $(python -c 'from ansible_test._util.target.common.constants import *
print(*REMOTE_ONLY_PYTHON_VERSIONS, *CONTROLLER_PYTHON_VERSIONS)'); do
        if "python$version" -c '' 2>/dev/null; then echo "$version"; fi
    done
)
