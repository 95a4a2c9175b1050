#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ansible-test sanity on every Python of this machine that it knows, from 3.8 up, with nothing ignored.
# usage: sanity.sh [OPTION OF ansible-test sanity]...
source "$(dirname "$0")/env.sh"
tools/setup.sh test
source tools/pythons.sh

if compgen -G 'tests/sanity/ignore*' >/dev/null; then
    die "tests/sanity/ignore* must not exist: mend what it hides"
fi

must_run=(ansible-doc pep8 pylint runtime-metadata shebang validate-modules yamllint)
for version in $(found_pythons); do
    must_run+=("compile-python-$version" "import-python-$version")
done
results=.cache/ansible-test/sanity/ansible_collections/vdisk/gluster/tests/output/junit
# asked for less than everything: then that must run
[[ $# == 0 ]] || must_run=()
exec python tools/tally.py run sanity ansible-test --junit "$results" "${must_run[@]/#/--must-run=}" -- \
    tools/ansible-test.sh sanity --junit "$@"
