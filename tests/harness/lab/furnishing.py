# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host finds on its disk at its first boot: this machine's own root, seen through an overlay, without what is this machine's own.

The overlay's upper directory is filled before anything mounts it. A directory that is marked opaque there hides the one below it.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import stat
import uuid

from ansible_collections.vdisk.gluster.tests.harness.lab.plan import Plan, PlannedHost, etc_hosts, known_hosts

_EMPTIED = ("var/lib/glusterd", "var/lib/libvirt", "var/cache/libvirt", "var/log", "etc/libvirt/qemu", "etc/systemd/system", "root/.ssh")
"""Hidden: state and identity of daemons of this machine, and what it starts at boot. Directories below stay, without files."""
_KEPT = ("var/lib/glusterd/groups", "var/lib/glusterd/hooks")
"""Files of packages within those."""
_NOT_STATE = ("etc/systemd/system", "root/.ssh")
_MASKED_UNITS = (
    # what would touch the kernel that all hosts and this machine share
    *("systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket".split()),
    *("systemd-sysctl.service systemd-modules-load.service systemd-binfmt.service kmod-static-nodes.service modprobe@.service".split()),
    *("proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount sys-kernel-debug.mount sys-kernel-tracing.mount".split()),
    *("sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount swap.target apparmor.service".split()),
    *("systemd-random-seed.service systemd-timesyncd.service systemd-boot-system-token.service systemd-pcrphase.service".split()),
    # what a host without console, users and packages of its own has no use for
    *("systemd-logind.service systemd-firstboot.service systemd-hwdb-update.service systemd-machine-id-commit.service".split()),
    *("systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-tmpfiles-setup-dev.service".split()),
    *("systemd-remount-fs.service getty.target console-getty.service systemd-journal-catalog-update.service".split()),
)
_MASKED_GENERATORS = ("systemd-sysv-generator", "systemd-rc-local-generator", "systemd-gpt-auto-generator", "systemd-getty-generator")
_SSHD = """[Unit]
Description=ssh for Ansible and for the tests
[Service]
Type=notify
RuntimeDirectory=sshd
ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/lab.conf
# connections outlive a restart
KillMode=process
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
_READY = """[Unit]
Description=tell that this host is up
After=lab-sshd.service
[Service]
Type=oneshot
ExecStart=/usr/bin/touch /lab/ready
"""
_SSHD_CONFIGURATION = """HostKey /etc/ssh/lab_host_key
AuthorizedKeysFile /root/.ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
Subsystem sftp internal-sftp
MaxStartups 100
MaxSessions 100
PidFile none
"""
_LIBVIRTD = """[Unit]
Description=libvirtd, where the package that brings its unit is not installed
After=dbus.service
[Service]
Type=notify
ExecStart=/usr/sbin/libvirtd
KillMode=process
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
_USERS = {"passwd": "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n", "group": "libvirt-qemu:x:64055:\n"}
"""QEMU's user, with the numbers that Debian gives it, where no package has made it."""


def furnish(upper: pathlib.Path, planned: Plan, host: PlannedHost, keys: pathlib.Path) -> None:
    """Fill the upper directory of a host; C(keys) holds the lab's keys of ssh."""
    upper.mkdir()
    for place in _EMPTIED:
        _empty(upper, place)
    _write(upper, "etc/hosts", etc_hosts(planned))
    _write(upper, "etc/hostname", f"{host.name}\n")
    _write(upper, "etc/resolv.conf", "")
    _write(upper, "etc/fstab", "")
    _write(upper, "etc/machine-id", f"{uuid.uuid4().hex}\n")
    _users(upper)
    _systemd(upper)
    _ssh(upper, planned, keys)
    _libvirt(upper)


def _systemd(upper: pathlib.Path) -> None:
    units = "etc/systemd/system"
    for unit in _MASKED_UNITS:
        (upper / units / unit).symlink_to("/dev/null")
    _directory(upper, "etc/systemd/system-generators")
    for generator in _MASKED_GENERATORS:
        (upper / "etc/systemd/system-generators" / generator).symlink_to("/dev/null")
    _write(upper, f"{units}/lab-sshd.service", _SSHD)
    _write(upper, f"{units}/lab-ready.service", _READY)
    wanted = _directory(upper, f"{units}/multi-user.target.wants")
    for unit in ("lab-sshd.service", "lab-ready.service"):
        (wanted / unit).symlink_to(f"../{unit}")
    (upper / units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")


def _ssh(upper: pathlib.Path, planned: Plan, keys: pathlib.Path) -> None:
    public = (keys / "id.pub").read_text()
    _write(upper, "etc/ssh/lab.conf", _SSHD_CONFIGURATION)
    _write(upper, "etc/ssh/lab_host_key", (keys / "host_key").read_text(), 0o600)
    # from host to host too, as live migration does
    # nothing that shells of this machine's root do at their start is done for each command that comes by ssh; some of it waits a minute
    for name in (".bashrc", ".profile", ".bash_profile"):
        _write(upper, f"root/{name}", "")
    _write(upper, "root/.ssh/authorized_keys", public, 0o600)
    _write(upper, "root/.ssh/id_ed25519", (keys / "id").read_text(), 0o600)
    _write(upper, "root/.ssh/known_hosts", known_hosts(planned, (keys / "host_key.pub").read_text()))


def _libvirt(upper: pathlib.Path) -> None:
    if not os.path.exists("/lib/systemd/system/libvirtd.service"):
        _write(upper, "etc/systemd/system/libvirtd.service", _LIBVIRTD)
    # all hosts have the machine's own identity otherwise, and a machine is not moved to the host it is on
    _write(upper, "etc/libvirt/libvirtd.conf", f'host_uuid = "{uuid.uuid4()}"\nauth_unix_rw = "none"\nunix_sock_rw_perms = "0700"\n')
    _write(upper, "etc/libvirt/qemu.conf", '# no virtlogd is needed then\nstdio_handler = "file"\n')


def _users(upper: pathlib.Path) -> None:
    for file, line in _USERS.items():
        known = pathlib.Path("/etc", file).read_text(encoding="utf-8")
        if "\nlibvirt-qemu:" not in known:
            _write(upper, f"etc/{file}", known + line)


def _empty(upper: pathlib.Path, place: str) -> None:
    below, above = pathlib.Path("/", place), _directory(upper, place)
    os.setxattr(above, "trusted.overlay.opaque", b"y")
    if not below.is_dir() or place in _NOT_STATE:
        return
    for directory, names, _files in os.walk(below):
        path = pathlib.Path(directory)
        depth = len(path.relative_to(below).parts)
        if place == "var/lib/glusterd" and not depth:
            names[:] = [name for name in names if name not in ("vols", "peers", "snaps", "bitd", "glustershd")]
        if depth >= 3:
            names.clear()
        for name in names:
            if (path / name).is_dir() and not (path / name).is_symlink():
                _directory(upper, str((path / name).relative_to("/")))
    for kept in _KEPT:
        if kept.startswith(f"{place}/") and pathlib.Path("/", kept).is_dir():
            shutil.copytree(f"/{kept}", upper / kept, symlinks=True, dirs_exist_ok=True)


def _directory(upper: pathlib.Path, place: str) -> pathlib.Path:
    """Make a directory with those above it, each like the one that it covers."""
    path = upper
    for part in pathlib.PurePath(place).parts:
        path = path / part
        if path.exists():
            continue
        path.mkdir()
        try:
            status = pathlib.Path("/", path.relative_to(upper)).stat()
        except FileNotFoundError:
            continue
        os.chown(path, status.st_uid, status.st_gid)
        path.chmod(stat.S_IMODE(status.st_mode))
    return path


def _write(upper: pathlib.Path, place: str, text: str, mode: int = 0o644) -> None:
    path = _directory(upper, os.path.dirname(place)) / os.path.basename(place)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
