# shellcheck shell=bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Sourced, never run: the Pythons of this machine, for ansible-test.

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

# print the versions that ansible-test knows and this machine has
found_pythons() (
    use_real_pythons
    for version in $(python -c 'from ansible_test._util.target.common.constants import *
print(*REMOTE_ONLY_PYTHON_VERSIONS, *CONTROLLER_PYTHON_VERSIONS)'); do
        if "python$version" -c '' 2>/dev/null; then echo "$version"; fi
    done
)
