#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prepare a release: version in galaxy.yml, fragments into CHANGELOG.rst, documentation, archive, importer, quickstart.
# Nothing is tagged or uploaded.
# usage: release.sh [--try] [VERSION]    without VERSION: what galaxy.yml is on the way to
#                                        --try: in a copy of this checkout, .cache/release, and nothing here changes
source "$(dirname "$0")/env.sh"

try=
if [[ ${1:-} == --try ]]; then
    try=yes
    shift
fi
version=${1:-$(sed -n 's/^version: \(.*\)-dev0$/\1/p' galaxy.yml)}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "usage: $0 [--try] VERSION, as 1.2.3 (semantic versioning)"

if [[ $try ]]; then
    copy=$root/.cache/release
    rm -rf "$copy"
    mkdir -p "$copy"
    git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
        [[ ! -e $file ]] || printf '%s\0' "$file"
    done | tar --null -T - -cf - | tar -xf - -C "$copy"
    git init -q "$copy"
    git -C "$copy" -c user.name=release -c user.email=release@localhost -c core.excludesFile=/dev/null add -A
    git -C "$copy" -c user.name=release -c user.email=release@localhost commit -qm copy
    exec make --no-print-directory -C "$copy" release VERSION="$version" TRY=
fi

[[ -z $(git status --porcelain) ]] || die "commit or take away what git status shows first"
ls changelogs/fragments/*.yml >/dev/null 2>&1 || die "there is no fragment in changelogs/fragments: nothing has changed for a user"
sed -i "s/^version: .*/version: $version/" galaxy.yml
antsibull-changelog release --version "$version"
antsibull-changelog lint
make --no-print-directory docs importer
# that very archive, installed into an empty place, does the quickstart, in name spaces of its own
EXAMPLES_ARCHIVE=$root/.cache/dist/vdisk-gluster-$version.tar.gz make --no-print-directory examples ARGS="-k test_the_archive"
git status --short
cat <<END
release: $version is prepared. Look at CHANGELOG.rst, then:
  git add -A && git commit -m "Release $version" && git tag "$version"    # the name of the tag is the version
  ansible-galaxy collection publish .cache/dist/vdisk-gluster-$version.tar.gz
and set the next version, with -dev0, in galaxy.yml.
END
