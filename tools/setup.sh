#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prepare this checkout: system packages, .venv, and the link that makes Ansible find the collection here.
# usage: setup.sh run|test    run: enough to run the playbooks; test: also what the tests need
#        setup.sh freeze      resolve each requirements*.in in an empty venv and write the result down
# Does only what is missing, so that every other target can call it first.
source "$(dirname "$0")/env.sh"

case ${1:-} in
run) apt_lists=(requirements-apt.txt) pip_lists=(requirements.txt) ;;
test) apt_lists=(requirements-apt.txt requirements-apt-dev.txt) pip_lists=(requirements.txt requirements-dev.txt) ;;
freeze) ;;
*) die "usage: $0 run|test|freeze" ;;
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
    command -v apt-get >/dev/null || die "needs ${missing[*]}; this machine has no apt-get, so install them by hand"
    echo "setup: apt-get install ${missing[*]}"
    # one unreachable third-party list must not stop us; if a package is missing, the install says so
    as_root apt-get -qq update >.cache/apt.log 2>&1 || echo "setup: not every package list could be fetched" >&2
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
        install_packages "python3-venv=3.11.*"
        python=$(find_python) || die "no Python from 3.11 to 3.13 that can make a venv; name one in PYTHON"
    fi
    echo "setup: making .venv with $python"
    "$python" -m venv .venv
    echo "$root" >.venv/made-for
}

install_python_tools() {
    local stamp=.venv/installed-$1
    # a venv knows its own path, so a moved checkout needs a new one
    if [[ $(cat .venv/made-for 2>/dev/null) != "$root" ]] || ! usable .venv/bin/python; then
        make_venv
    fi
    if cat "${pip_lists[@]}" | cmp -s - "$stamp"; then
        return
    fi
    echo "setup: installing ${pip_lists[*]}"
    .venv/bin/python -m pip install -qq --disable-pip-version-check "${pip_lists[@]/#/-r}"
    cat "${pip_lists[@]}" >"$stamp"
    # the longer list holds the shorter one
    cat requirements.txt >.venv/installed-run
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
mapfile -t packages < <(grep -hv '^#' "${apt_lists[@]}")
install_packages "${packages[@]}"
install_python_tools "$1"
