# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount tables, fstab and shares files are read as the programs beside us write them."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, DeadMount, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import fstab, mounts
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.fstab import FstabEntry
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.mounts import Mount, mount_at, parse_mount_table
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import (
    Share,
    capacity,
    check_base,
    check_mounted,
    check_share,
    is_mounted_from,
    join_options,
    mount_point_of,
    parse_shares_file,
    shares_of,
)

TABLE = r"""/dev/vda / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
gl1:/vms /mnt/a\040b fuse.glusterfs rw,relatime,user_id=0 0 0
gl1:/vms\134x /mnt/tab\011line\012back\134slash\043 fuse.glusterfs rw 0 0
tmpfs /mnt/a\040b tmpfs rw 0 0
torn line
"""


def test_octal_escapes_of_the_mount_table_are_undone() -> None:
    mounts = parse_mount_table(TABLE)
    assert mounts[2] == Mount("gl1:/vms", "/mnt/a b", "fuse.glusterfs", "rw,relatime,user_id=0")
    assert mounts[3].source == "gl1:/vms\\x"
    assert mounts[3].mount_point == "/mnt/tab\tline\nback\\slash#"
    assert len(mounts) == 5


def test_an_escaped_backslash_does_not_begin_another_escape() -> None:
    assert mounts.unescape(r"\134040") == r"\040"


@pytest.mark.parametrize("text", ["plain", "a b", "tab\t", "line\n", "back\\slash", r"\040", "#comment", "ä b"])
def test_what_is_escaped_is_read_back(text: str) -> None:
    field = mounts.escape(text)
    assert mounts.unescape(field) == text
    assert not set(field) & set(" \t\n#")


def test_of_two_mounts_over_one_another_the_upper_one_counts() -> None:
    found = mount_at(parse_mount_table(TABLE), "/mnt/a b")
    assert found is not None and found.fs_type == "tmpfs"
    assert mount_at(parse_mount_table(TABLE), "/mnt") is None


def test_the_mount_table_of_this_machine_has_its_root() -> None:
    assert mount_at(mounts.read_mount_table(), "/") is not None


def test_only_a_fuse_mount_of_this_very_share_is_this_share() -> None:
    assert is_mounted_from(Mount("gl1:/vms", "/m", "fuse.glusterfs", ""), "gl1:/vms")
    for mount in (
        Mount("gl1:/vms", "/m", "nfs", ""),
        Mount("gl1:vms", "/m", "fuse.glusterfs", ""),
        Mount("gl2:/vms", "/m", "fuse.glusterfs", ""),
        Mount("gl1:/vms/a", "/m", "fuse.glusterfs", ""),
    ):
        assert not is_mounted_from(mount, "gl1:/vms")


def test_of_several_servers_the_mount_table_has_the_first() -> None:
    share = check_share("gl1,gl2:/vms/a")
    assert is_mounted_from(Mount("gl1:/vms/a", "/m", "fuse.glusterfs", ""), share)
    for source in ("gl2:/vms/a", "gl1,gl2:/vms/a", "gl1:/vms", "gl1:/other/a"):
        assert not is_mounted_from(Mount(source, "/m", "fuse.glusterfs", ""), share)


@pytest.mark.parametrize("name", [",gl1:/vms", "gl1,:/vms", "gl1,,gl2:/vms", "gl1, gl2:/vms", "gl1,-o:/vms"])
def test_a_list_of_servers_has_no_gaps(name: str) -> None:
    with pytest.raises(BadInput, match="is not a share"):
        check_share(name)


def test_a_directory_that_is_not_mounted_or_holds_another_mount_is_refused() -> None:
    share = Share("gl1:/vms", "/m")
    with pytest.raises(Unavailable, match="not mounted at /m; mount it with gluster_share_mount"):
        check_mounted(share, ())
    with pytest.raises(Unavailable, match="but tmpfs .tmpfs. is mounted there"):
        check_mounted(share, (Mount("gl1:/vms", "/m", "fuse.glusterfs", ""), Mount("tmpfs", "/m", "tmpfs", "")))


def test_capacity_is_that_of_the_file_system(tmp_path) -> None:
    found = capacity(Share("gl1:/vms", str(tmp_path)))
    assert 0 < found.available <= found.total
    with pytest.raises(Unavailable) as caught:
        capacity(Share("gl1:/vms", str(tmp_path / "nothing")))
    assert not isinstance(caught.value, DeadMount)


FSTAB = "# /etc/fstab\nUUID=1 / ext4 defaults 0 1\n\n  # gl1:/vms /mnt/a glusterfs x 0 0\nnone /proc proc"
ENTRY = FstabEntry("gl1:/vms", "/mnt/a", "_netdev,acl")


def test_an_entry_is_added_at_the_end_and_no_other_line_changes() -> None:
    text = fstab.with_entry(FSTAB, ENTRY)
    assert text == FSTAB + "\ngl1:/vms /mnt/a glusterfs _netdev,acl 0 0\n"
    assert fstab.find(text, "/mnt/a") == ENTRY
    assert fstab.with_entry(text, ENTRY) == text


def test_an_entry_replaces_those_of_the_same_mount_point_in_their_place() -> None:
    text = "a /x ext4 d 0 0\ngl9:/old /mnt/a glusterfs o 0 0\nb /y ext4 d 0 0\ngl8:/older\t/mnt/a glusterfs o 0 0\n"
    assert fstab.with_entry(text, ENTRY) == f"a /x ext4 d 0 0\n{ENTRY.line()}\nb /y ext4 d 0 0\n"


def test_an_entry_taken_away_leaves_the_rest_byte_for_byte() -> None:
    assert fstab.without_entry(fstab.with_entry(FSTAB, ENTRY), "/mnt/a") == FSTAB + "\n"
    assert fstab.without_entry(FSTAB, "/mnt/a") == FSTAB
    assert fstab.without_entry("gl1:/vms /mnt/a glusterfs d 0 0", "/mnt/a") == ""


def test_a_comment_is_no_entry_and_stays() -> None:
    assert fstab.find(FSTAB, "/mnt/a") is None
    assert "# gl1:/vms /mnt/a" in fstab.without_entry(FSTAB, "/mnt/a")


def test_a_share_with_a_space_is_written_with_its_escape() -> None:
    entry = FstabEntry("gl1:/vms/a b", "/mnt/a", "_netdev")
    assert entry.line().partition(" ")[0] == r"gl1:/vms/a\040b"
    assert fstab.find(fstab.with_entry("", entry), "/mnt/a") == entry
    assert fstab.with_entry("", entry) == entry.line() + "\n"


def test_a_shares_file_of_cinder_is_read() -> None:
    text = "# shares\n\ngl1:/vms\n gl2:/vms -o backup-volfile-servers=gl3,acl \ngl1:/vms/a\\040b log-level=ERROR\n\t# end\n"
    shares, warnings = parse_shares_file(text)
    assert shares == {"gl1:/vms": None, "gl2:/vms": "backup-volfile-servers=gl3,acl", "gl1:/vms/a b": "log-level=ERROR"}
    assert list(shares) == ["gl1:/vms", "gl2:/vms", "gl1:/vms/a b"]
    assert warnings == ()


def test_options_may_follow_a_tab() -> None:
    assert parse_shares_file("gl1:/vms\t-o acl\n")[0] == {"gl1:/vms": "acl"}


def test_a_malformed_line_of_a_shares_file_is_skipped_with_a_warning_by_number() -> None:
    shares, warnings = parse_shares_file("gl1:/vms\nnonsense\n/dev/sdb /mnt ext4\ngl2:/vms\n")
    assert list(shares) == ["gl1:/vms", "gl2:/vms"]
    assert [warning.split(" of ")[0] for warning in warnings] == ["line 2", "line 3"]


def test_a_share_named_twice_counts_once_with_its_first_options() -> None:
    assert parse_shares_file("gl1:/vms -o acl\ngl1:/vms\n")[0] == {"gl1:/vms": "acl"}


def params(**given: object) -> dict[str, object]:
    return {"share": None, "shares": None, "shares_file": None, "mount_point_base": "/mnt/", **given}


def test_a_task_names_its_shares_in_one_of_three_ways(tmp_path) -> None:
    said: list[str] = []
    one = Share("gl1:/vms", mount_point_of("/mnt", "gl1:/vms"))
    assert shares_of(params(share="gl1:/vms"), said.append) == (one,)
    assert [share.name for share in shares_of(params(shares=["gl2:/b", "gl1:/a", "gl2:/b"]), said.append)] == ["gl2:/b", "gl1:/a"]
    assert said == []
    file = tmp_path / "shares"
    file.write_text("gl1:/vms -o acl\nbad\n", encoding="utf-8")
    assert shares_of(params(shares_file=str(file), options="log-level=ERROR"), said.append)[0].options == "acl,log-level=ERROR"
    assert len(said) == 1 and said[0].startswith(f"{file}: line 2")


def test_a_task_that_names_no_share_is_refused(tmp_path) -> None:
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text("# nothing\n", encoding="utf-8")
    binary.write_bytes(b"\xff\xfe")
    for given, sentence in (
        ({"shares": []}, "list is empty|not a share"),
        ({"shares_file": str(empty)}, "contains no share"),
        ({"shares_file": str(binary)}, "cannot be read"),
        ({"shares_file": str(tmp_path / "none")}, "cannot be read: No such file"),
        ({"share": "gl1:/vms/"}, "is not a share"),
    ):
        with pytest.raises(BadInput, match=sentence):
            shares_of(params(**given), lambda _warning: None)


@pytest.mark.parametrize("base", ["mnt", "", "/", "//", "/mnt a", "/mnt\t"])
def test_a_mount_point_base_the_mount_helper_cannot_take_is_refused(base: str) -> None:
    with pytest.raises(BadInput, match="mount_point_base"):
        check_base(base)


def test_mount_options_are_joined_without_empty_ones() -> None:
    assert join_options("acl,", None, " ", "log-level=ERROR") == "acl,log-level=ERROR"
    assert join_options(None, "") is None
