#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Every supported ansible-core on a Python that takes it, and the modules on every Python of a managed host; at the end a table.
# usage: matrix.sh [--quick] [CORE|targets]...    --quick: one page of examples for each core, as make test does it
#                                                 CORE: only these, as 2.17; targets: only the modules on every Python
# A core whose Python this machine does not have is told in the table as missing; with CI set that is a failure.
source "$(dirname "$0")/env.sh"

quick=
if [[ ${1:-} == --quick ]]; then
    quick=yes
    shift
fi
only=" $* "

rm -f .cache/ran/matrix.jsonl
failed=0
counted() {
    unless_make_ended
    tally run matrix "$@" || failed=1
}

# make_venv DIRECTORY CORE PYTHON
make_venv() {
    local tools
    tools=$(grep -E '^(hypothesis|pytest|pytest-xdist)==' requirements-dev.in)
    if [[ $(cat "$1/made-for" 2>/dev/null) != "$root $2 $tools" ]]; then
        "$3" -m venv --clear "$1"
        # shellcheck disable=SC2086 # one word a package
        "$1/bin/python" -m pip install -qq --disable-pip-version-check "ansible-core==$2" $tools
        echo "$root $2 $tools" >"$1/made-for"
    fi
}

missing=()
while read -r core version; do
    line=${core%.*}
    [[ $only == "  " || $only == *" $line "* ]] || continue
    if ! python=$(use_real_pythons && command -v "python$version") || ! "$python" -c 'import ensurepip'; then
        missing+=("$line: no Python $version")
        continue
    fi
    venv=$root/.cache/matrix/$core
    make_venv "$venv" "$core" "$python"
    pages="snapshots"
    [[ $quick ]] || pages="snapshots or gluster_share_mount or gluster_snapshot or gluster_volume_file or backup or gluster_server"
    counted "$line-examples" --junit .cache/ran/examples -- \
        env EXAMPLES_CORE="$venv" EXAMPLES_UNTALLIED=1 tools/examples.sh -k "test_the_examples_run and ($pages)"
    [[ ! $quick ]] || continue
    # the collection is found as a plain package here: these cores are not all known to the plugins of pytest that the other tests use
    counted "$line-units" --junit ".cache/ran/matrix-$line-units.xml" -- \
        env PYTHONPATH="$root/.cache" "$venv/bin/python" -m pytest -q -c /dev/null --rootdir "$root" --import-mode=importlib \
        -n 2 -p no:cacheprovider --junit-xml="$root/.cache/ran/matrix-$line-units.xml" tests/unit
    counted "ansible-$line-sanity" --junit ".cache/ansible-test/sanity-$line/ansible_collections/vdisk/gluster/tests/output/junit" \
        --must-run=validate-modules --must-run=ansible-doc --must-run="compile-python-$version" --must-run="import-python-$version" -- \
        env ANSIBLE_TEST_VENV="$venv" ANSIBLE_TEST_COPY="sanity-$line" tools/ansible-test.sh run sanity --junit
done < <(grep '^[0-9]' tests/requirements/cores.txt)

if [[ ! $quick && ($only == "  " || $only == *" targets "*) ]]; then
    for version in $(found_pythons); do
        # compiled and imported on each by the sanity tests above; this runs them all on it
        harness glusterd tools/ansible-test.sh targets matrix "ansible-target-$version" "$version" || failed=1
    done
fi
echo
tally table matrix || failed=1
for what in "${missing[@]}"; do echo "matrix: not run: $what"; done
[[ ${#missing[@]} == 0 || ! ${CI:-} ]] || failed=1
exit "$failed"
