#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Every linter, also after one of them failed.
# usage: lint.sh [check]    check: only those that make check runs
source "$(dirname "$0")/env.sh"
part=${1:-lint}
[[ $part != lint ]] || rm -f .cache/ran/lint.jsonl

failed=()
lint() {
    tally run "$part" "$@" || failed+=("$1")
}

finish() {
    [[ ${#failed[@]} == 0 ]] || die "failed: ${failed[*]}"
    exit
}

lint ruff --files '*.py' -- ruff check
lint mypy --no-arguments --files 'plugins/*.py' -- mypy
lint words --no-arguments --files 'plugins/*.py' 'roles/*.yml' 'playbooks/*.yml' -- python tools/words.py
[[ $part != check ]] || finish
lint yamllint --files '*.yml' '*.yaml' -- yamllint -s
lint vermin --files 'plugins/modules/*.py' 'plugins/module_utils/*.py' -- vermin -q --violations --no-tips -t=3.8-
lint shellcheck --files '*.sh' .ci/run -- shellcheck -x
# the hosts of molecule's scenarios are in inventories of their own
lint ansible-lint -- env ANSIBLE_HOST_PATTERN_MISMATCH=ignore ansible-lint --nocolor
lint antsibull-changelog --no-arguments --files 'changelogs/fragments/*.yml' changelogs/changelog.yaml -- \
    antsibull-changelog lint
# its log file goes to the home folder
lint antsibull-docs --no-arguments --files 'plugins/modules/*.py' -- \
    env HOME="$root/.cache" antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .
lint ansible-doc -- ansible-doc --json --type module --list vdisk.gluster
lint reuse -- reuse lint
lint sphinx --no-arguments --files 'docs/*.md' -- make --no-print-directory docs
lint galaxy-importer --no-arguments --files galaxy.yml -- make --no-print-directory importer

finish
