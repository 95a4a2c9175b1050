#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Download Debian's packages of which the test guest is made and unpack them into .cache/guest. Nothing is installed.
source "$(dirname "$0")/env.sh"
mkdir -p .cache
# two runs at once would fill one directory twice
exec 9>.cache/guest.lock
flock 9
[[ ! -d .cache/guest ]] || exit 0

new=$root/.cache/guest.new
download() {
    local kernel
    # the meta package only names the kernel of the day
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
    [[ -n $kernel ]] || return 1
    # apt's own user cannot enter every checkout
    (cd "$new" && apt-get -qq -o APT::Sandbox::User=root download "$kernel" busybox-static qemu-guest-agent) >>.cache/apt.log 2>&1
}

rm -rf "$new"
mkdir "$new"
if ! download; then
    as_root apt-get -qq update >>.cache/apt.log 2>&1 || echo "guest: not every package list could be fetched" >&2
    download || {
        tail -n 20 .cache/apt.log >&2
        die "could not download the guest's packages; they are those of Debian 12 for amd64"
    }
fi
for package in "$new"/*.deb; do
    dpkg -x "$package" "$new"
    rm "$package"
done
mv "$new" .cache/guest
