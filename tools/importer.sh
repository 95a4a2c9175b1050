#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Let the program judge the archive in .cache/dist that Ansible Galaxy judges every upload with. A warning is an error.
source "$(dirname "$0")/env.sh"
harness install importer
venv=.cache/importer
archive=$(echo "$root"/.cache/dist/*.tar.gz)
log=$root/.cache/importer.log
# its linter looks up playbooks that others import by their names, in the home folder only
mkdir -p .cache/.ansible/collections
ln -sfn ../../ansible_collections .cache/.ansible/collections/ansible_collections
# it lints with the ansible-lint that it finds first, and leaves its files where it is started
cd .cache
env -u ANSIBLE_CONFIG PATH="$root/$venv/bin:$PATH" HOME="$root/.cache" "$root/$venv/bin/python" -m galaxy_importer.main "$archive" >"$log" 2>&1 || {
    cat "$log" >&2
    die "the importer refuses $archive"
}
grep -q '^Importer processing completed successfully' "$log" || die "the importer did not come to its end: $log"
if grep -iE '(WARNING|ERROR)\b' "$log" | grep -v '^Loading module_utils'; then
    die "the importer complains: $log"
fi
echo "importer: $(basename "$archive") is taken without a warning"
