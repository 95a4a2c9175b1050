#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prepare this checkout for one part: system packages, .venv, and the link that makes Ansible find the collection here.
# usage: setup.sh PART      run: enough to run the playbooks; check, lint, integration ...: what that target needs; test: what all need
#        setup.sh freeze    resolve each requirements*.in in an empty venv and write the result down
# Does only what is missing, and says what that is, so that every other target can call it first.
source "$(dirname "$0")/env.sh"

part=${1:-}
# of requirements/: PIP.txt, and apt-NAME.txt for each NAME
case $part in
run | clear-leftovers) pip='' apt='' ;;
check) pip=check apt='' ;;
lint) pip=lint apt=lint ;;
sanity) pip=check apt=lint ;;
integration) pip=functional apt='gluster browser' ;;
coverage) pip=coverage apt='gluster lab guests browser' ;;
faults | live | month | examples | lab) pip=functional apt='gluster lab guests' ;;
matrix) pip=functional apt='lint gluster lab guests' ;;
bench) pip=check apt='gluster lab' ;;
molecule) pip=molecule apt='gluster lab guests' ;;
mutations) pip=functional apt='gluster lab guests browser' ;;
release) pip='lint functional' apt='lint gluster lab guests' ;;
test) pip='lint molecule' apt='lint gluster lab guests browser' ;;
freeze) ;;
*) die "usage: $0 PART, the name of a target, or $0 freeze" ;;
esac

# the versions of Python that the pinned ansible-core runs on, with what it takes to make a venv
usable() {
    "$1" -c 'import sys, ssl, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

find_python() {
    local python
    for python in "${PYTHON:-}" /usr/bin/python3.11 python3.11 python3.12 python3.13 python3; do
        if usable "$python"; then
            echo "$python"
            return
        fi
    done
    return 1
}

# installed NAME=GLOB: is this package here in a version that fits?
installed() {
    local status
    status=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "${1%%=*}" 2>/dev/null) || return 1
    # shellcheck disable=SC2053 # the right side is a pattern on purpose
    [[ $status == "installed "${1#*=} ]]
}

install_packages() {
    local package missing=()
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} != 0 ]] || return 0
    command -v apt-get >/dev/null || die "$part needs ${missing[*]}; this machine has no apt-get, so install them by hand"
    echo "setup: $part needs apt packages: ${missing[*]}"
    # one unreachable third-party list must not stop us; if a package is missing, the install says so
    as_root apt-get -qq update >.cache/apt.log 2>&1 || echo "setup: not every package list could be fetched" >&2
    local all
    all=$(apt-get -s install --no-install-recommends "${missing[@]}" 2>/dev/null | grep -c '^Inst') || true
    echo "setup: installing them, $all packages with what they depend on"
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >>.cache/apt.log 2>&1 || {
        cat .cache/apt.log >&2
        die "could not install ${missing[*]}; the versions are those of Debian 12"
    }
}

make_venv() {
    local python
    # first of all: its python is on PATH, and must not be found as the one to make itself with
    rm -rf .venv
    if ! python=$(find_python); then
        [[ $part != check ]] || die "no Python from 3.11 to 3.13 that can make a venv; install python3-venv, or name one in PYTHON"
        install_packages "python3-venv=3.11.*"
        python=$(find_python) || die "no Python from 3.11 to 3.13 that can make a venv; name one in PYTHON"
    fi
    echo "setup: making .venv with $python"
    "$python" -m venv .venv
    echo "$root" >.venv/made-for
}

# the lists that PIP.txt takes in, itself too
pip_files() {
    local file
    for file in "$@"; do
        echo "$file"
        # shellcheck disable=SC2046 # one word a list
        pip_files $(sed -n "s|^-[rc] |$(dirname "$file")/|p" "$file")
    done
}

install_python_tools() {
    local lists=(requirements.txt) name needed stamp
    for name in $pip; do lists+=("requirements/$name.txt"); done
    stamp=.venv/installed-$(tr ' ' - <<<"${pip:-run}")
    # a venv knows its own path, so a moved checkout needs a new one
    if [[ $(cat .venv/made-for 2>/dev/null) != "$root" ]] || ! usable .venv/bin/python; then
        make_venv
    fi
    needed=$(pip_files "${lists[@]}" | xargs cat)
    if [[ $needed == "$(cat "$stamp" 2>/dev/null)" ]]; then
        return
    fi
    echo "setup: $part needs the Python packages of ${lists[*]}; installing those that .venv lacks"
    .venv/bin/python -m pip install -qq --disable-pip-version-check "${lists[@]/#/-r}"
    echo "$needed" >"$stamp"
}

freeze() {
    local list=$1
    shift
    .venv/bin/python -m venv --clear .cache/freeze
    .cache/freeze/bin/python -m pip install -qq "${@/#/-r}"
    {
        echo "# Frozen from $*: run \"make freeze\" after a change there."
        .cache/freeze/bin/python -m pip freeze
    } >"$list.new"
    mv "$list.new" "$list"
}

if [[ $1 == freeze ]]; then
    freeze requirements.txt requirements.in
    freeze requirements-dev.txt requirements.in requirements-dev.in
    for list in glance s3 importer; do
        freeze "tests/requirements/$list.txt" "tests/requirements/$list.in"
    done
    exit
fi

mkdir -p .cache/ansible_collections/vdisk
# two makes at once would fill one venv twice
exec 9>.cache/setup.lock
flock 9
ln -sfn ../../.. .cache/ansible_collections/vdisk/gluster
apt_lists=()
# checks and linters run no playbook
[[ " check lint sanity " == *" $part "* ]] || apt_lists=(requirements-apt.txt)
for name in $apt; do apt_lists+=("requirements/apt-$name.txt"); done
mapfile -t packages < <(cat /dev/null "${apt_lists[@]}" | grep -v '^#')
install_packages "${packages[@]}"
install_python_tools
