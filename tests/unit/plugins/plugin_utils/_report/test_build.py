# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: hosts become one whole, what matters comes first, the next page is compared with the last, and no value becomes markup."""

from __future__ import annotations

import copy
import datetime
import html.parser
import json
import pathlib
import re

import pytest
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report import formatting as words
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report import memory
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.build import report
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.chain import drawing
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.findings import ReportThresholds, findings
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.merge import merge
from ansible_collections.vdisk.gluster.tests.harness import observed
from ansible_collections.vdisk.gluster.tests.harness.observed import GIB, MIB, NOW, TIB, days, share, unmounted, volume

TEMPLATES = str(pathlib.Path(__file__).parents[5] / "roles" / "share_report" / "templates")
LATER = "2026-11-25T03:00:00Z"


def made(seen, now=NOW, **options):
    return report(seen, now, TEMPLATES, **options)


def told(seen, limits=None, history=None):
    """Return the findings as severity and sentence."""
    found = findings(merge(seen), words.parse_time(NOW), limits or ReportThresholds(), history or {}, None)
    return [(finding.severity, finding.text) for finding in found]


def only(shares, volumes=()):
    return {"hv1": {"shares": list(shares), "volumes": list(volumes)}}


# --- one whole


def test_what_two_hosts_see_is_told_once():
    here = volume(domains=["a"], all_domains=["a"], in_use=True, problems=["p", "q"])
    there = {**volume(domains=["b"], all_domains=["b", "c"]), "problems": ["q", "r"]}
    whole = merge({"hv2": {"shares": [share()], "volumes": [there]}, "hv1": {"shares": [share()], "volumes": [here]}})
    (seen,) = whole.shares
    (one,) = seen.volumes
    assert [sight.host for sight in seen.sights] == ["hv2", "hv1"]
    assert [(domain.host, domain.name, domain.running) for domain in one.domains] == [
        ("hv1", "a", True),
        ("hv2", "b", True),
        ("hv2", "c", False),
    ]
    assert one.in_use and one.problems == ("q", "r", "p") and seen.provisioned == 20 * GIB


def test_a_share_that_one_host_cannot_read_is_known_through_another():
    whole = merge({"hv1": {"shares": [unmounted("gl1:/vms", "dead")], "volumes": []}, "hv2": only([share()], [volume()])["hv1"]})
    assert whole.shares[0].best.host == "hv2" and len(whole.volumes) == 1 and whole.shares[0].total == 4 * TIB


@pytest.mark.parametrize("failed", [None, {}, {"msg": "no"}, {"unreachable": True, "msg": "no"}, {"failed": True, "volumes": []}])
def test_a_host_that_told_nothing_is_a_problem_and_hides_no_other(failed):
    (error, *rest) = told({"hv0": failed, **only([share()])})
    assert error[0] == "error" and error[1].startswith("hv0 ") and not rest


def test_a_file_of_unknown_format_counts_by_what_it_takes():
    (one,) = merge(only([share()], [volume(virtual_size=None)])).volumes
    assert one.provisioned == one.allocated == 6 * GIB


# --- what matters


def test_nothing_is_wrong_with_what_is_sound():
    assert told(observed.sound()) == []


def test_problems_come_before_warnings_and_those_before_notes():
    severities = [severity for severity, _text in told(observed.troubled())]
    assert severities == sorted(severities, key=["error", "warning", "note"].index) and set(severities) == {"error", "warning", "note"}


@pytest.mark.parametrize(
    "seen, sentence",
    [
        (only([share(used=int(3.5 * TIB))]), ("warning", "gl1:/vms is 88 % full: 512 GiB of 4 TiB left.")),
        (only([share(used=int(3.95 * TIB))]), ("error", "gl1:/vms is 99 % full: 51.2 GiB of 4 TiB left.")),
        (only([share()], [volume(virtual_size=9 * TIB)]), ("warning", "gl1:/vms has provisioned 2.2 times its size: 9 TiB of 4 TiB.")),
        (only([share(writable=False)]), ("warning", "On hv1, gl1:/vms can only be read.")),
        (only([share(event_threads=2)]), ("note", "On hv1, gl1:/vms is mounted with 2 event threads.")),
        (only([unmounted("gl1:/vms", "gl1:/vms is dead")]), ("error", "On hv1, gl1:/vms is dead")),
        (only([share()], [volume(points=days(70))]), ("warning", "1 chain is longer than 64 files; the longest has 71.")),
        (only([share()], [volume(points=days(32))]), ("warning", "3 snapshots are older than 30 days.")),
        (only([share()], [volume(managed=False)]), ("note", "1 volume is not adopted yet.")),
        (only([share()], [volume(problems=["bad"])]), ("error", "web-1 on gl1:/vms: bad")),
        ({}, ("error", "No host was asked.")),
    ],
)
def test_each_of_these_gets_a_word(seen, sentence):
    assert sentence in told(seen)


def test_limits_of_nothing_are_no_limits():
    seen = only([share()], [volume(points=days(90), virtual_size=90 * TIB)])
    assert told(seen, ReportThresholds(provisioned=0, age=0, chain=0)) == []


def test_a_volume_that_runs_on_two_hosts_at_once_is_told():
    running = volume(domains=["a"], all_domains=["a"], in_use=True)
    seen = {host: {"shares": [share()], "volumes": [running]} for host in ("hv1", "hv2")}
    assert told(seen) == [("warning", "web-1 on gl1:/vms is open in domains of hv1 and hv2 at the same time.")]


def test_a_share_that_is_soon_full_is_told():
    points = [[observed.ago(days=9 - day), 4 * TIB, (3000 + 50 * day) * GIB] for day in range(10)]
    assert memory.days_until_full(points) == pytest.approx((4096 - 3450) / 50, rel=0.01)
    assert told(only([share()]), history={"gl1:/vms": points}) == [
        ("warning", "gl1:/vms is full in 13 days, if it goes on as in the last days.")
    ]
    assert memory.days_until_full(points[:2]) is None and memory.days_until_full(points[::-1][:1]) is None
    assert memory.days_until_full([[at, total, 3000 * GIB] for at, total, _used in points]) is None


# --- the chain


def test_a_strip_is_to_scale_and_every_file_can_be_seen():
    (one,) = merge(only([share()], [volume(points=[{"name": "s", "size": 18 * GIB}], base=2 * GIB)])).volumes
    strip = drawing(one, words.parse_time(NOW), ReportThresholds())["strip"]
    widths = {kind: float(re.fullmatch(r"M[0-9.]+ 0h([0-9.]+)v10h-\1z", path)[1]) for kind, path in strip.items()}
    assert set(widths) == {"base", "now"} and widths["now"] / widths["base"] == pytest.approx(9, rel=0.1)
    assert sum(widths.values()) == pytest.approx(997)
    for length in (1, 61, 200, 1000):
        (one,) = merge(only([share()], [volume(points=days(length - 1), base=90 * TIB)])).volumes
        pieces = re.findall(r"M([0-9.]+) 0h([0-9.]+)v", "".join(drawing(one, words.parse_time(NOW), ReportThresholds())["strip"].values()))
        assert len(pieces) == length and min(float(width) for _left, width in pieces) > 0
        assert max(float(left) + float(width) for left, width in pieces) == pytest.approx(1000, abs=1)


def test_a_snapshot_stands_at_the_file_that_holds_its_data():
    (one,) = merge(only([share()], [volume(points=days(2))])).volumes
    rows = drawing(one, words.parse_time(NOW), ReportThresholds())["chain"]
    assert [(row["file"], [point["name"] for point in row["points"]]) for row in rows] == [
        ("web-1.daily-001", []),
        ("web-1.daily-000", ["daily-001"]),
        ("web-1", ["daily-000"]),
    ]
    assert [row["kind"] for row in rows] == ["now", "layer", "base"]


def test_a_long_chain_is_summed_up_in_the_middle_and_nothing_is_lost():
    (one,) = merge(only([share()], [volume(points=days(199))])).volumes
    rows = drawing(one, words.parse_time(NOW), ReportThresholds())["chain"]
    (folded,) = (row for row in rows if row["kind"] == "fold")
    assert len(rows) == 19 and folded["files"] == 182 and folded["snapshots"] == "182 snapshots"
    listed = [point["name"] for row in rows if row["kind"] != "fold" for point in row["points"]]
    assert folded["span"] == "daily-187 to daily-006" and "daily-188" in listed and "daily-005" in listed


# --- the next page


def test_the_same_makes_the_same_page_and_a_later_one_differs_in_its_time_only():
    first = made(observed.sound())
    again = made(observed.sound(), previous_page=first["page"])
    assert not first["unchanged"] and again["unchanged"]
    assert made(observed.sound(), previous_page=again["page"])["page"] == again["page"]
    later = made(observed.sound(), LATER, previous_page=again["page"])
    assert later["unchanged"] and later["page"] != again["page"]


def test_what_has_changed_is_told_and_told_again_until_something_else_changes():
    page = made(observed.sound())["page"]
    seen = observed.sound()
    seen["hv1"]["shares"][0]["available_bytes"] -= 7 * GIB
    seen["hv1"]["volumes"][0]["chain"][0]["allocated_size"] += 5 * GIB
    seen["hv1"]["volumes"][3] = volume("new-1")
    changed = made(seen, LATER, previous_page=page)
    assert not changed["unchanged"]
    assert changed["changes"] == ["gl1:/vms: used +7 GiB, provisioned ±0.", "New: new-1.", "Gone: web-2.", "Changed most: db-1 +5 GiB."]
    assert made(seen, LATER, previous_page=changed["page"])["changes"] == changed["changes"]


def test_what_a_file_system_stirs_by_itself_is_no_change_and_small_steps_add_up():
    def less(count, elsewhere=4096):
        seen = {"hv1": observed.sound()["hv1"], "hv2": observed.sound()["hv1"]}
        seen["hv1"]["shares"][0]["available_bytes"] -= count
        seen["hv2"]["shares"][0]["available_bytes"] -= elsewhere
        return seen

    page = made(less(0))["page"]
    for count in (0, 4096, 600 * 1024):
        again = made(less(count), LATER, previous_page=page)
        assert again["unchanged"]
        page = again["page"]
    grown = made(less(1024**2), LATER, previous_page=page)
    assert not grown["unchanged"] and grown["changes"] == ["gl1:/vms: used +1 MiB, provisioned ±0."]


def test_a_share_that_could_not_be_read_has_lost_nothing():
    page = made(observed.sound())["page"]
    gone = made(only([unmounted("gl1:/vms", "gl1:/vms is dead")]), LATER, previous_page=page)
    assert gone["changes"] == []
    back = made(observed.sound(), "2026-11-26T03:00:00Z", previous_page=gone["page"])
    assert back["changes"] == [] and back["problems"] == 0


@pytest.mark.parametrize(
    "option",
    [{"title": "x"}, {"space_limit": 1}, {"provisioned_limit": 1}, {"age_limit": 1}, {"chain_limit": 1}],
)
def test_another_wish_makes_another_page(option):
    page = made(observed.sound())["page"]
    assert not made(observed.sound(), previous_page=page, **option)["unchanged"]


def test_a_history_is_thinned_to_one_point_a_day():
    kept = None
    for hour in range(24 * 6):
        at = words.parse_time("2026-11-01T00:30:00Z") + datetime.timedelta(hours=hour)
        kept = memory.remember(kept, str(hour), memory.summary(merge(only([share(used=hour * GIB)])), at))
    points = kept.history["gl1:/vms"]
    assert [point[2] // GIB for point in points[:3]] == [23, 47, 71] and points[-1][2] == 143 * GIB
    assert 48 <= len(points) <= 54


@pytest.mark.parametrize(
    "damage", ["", "[]", "{}", '{"format": 1}', '{"format": 2}', "nothing", '{"format":1,"digest":"x","now":[],"before":null,"history":{}}']
)
def test_a_page_that_remembers_nothing_usable_is_told_and_followed_by_a_good_one(damage):
    page = re.sub(
        r'(id="report-memory">).*?(</script>)', lambda found: found[1] + damage + found[2], made(observed.sound())["page"], flags=re.DOTALL
    )
    after = made(observed.sound(), previous_page=page)
    assert not after["unchanged"] and len(after["findings"]) == 1 and "to compare with" in after["findings"][0]
    assert made(observed.sound(), previous_page=after["page"])["findings"] == []


# --- no value becomes markup

HOSTILE = "</script><img src=x onerror=alert(1)>\"'`&{{ 7 * 7 }}{% raw %}{# x #}\u202e\x00\udc80"


class Markup(html.parser.HTMLParser):
    """All elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes.update(name for name, _value in attrs)


def poisoned(value, text):
    """Return what a host told with more in each of its texts; keys and times stay."""
    if isinstance(value, dict):
        return {key: one if key == "created" else poisoned(one, text) for key, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, text) for one in value]
    return value + text if isinstance(value, str) else value


def test_no_text_of_a_share_becomes_markup_or_is_filled_in():
    seen = {host + HOSTILE: poisoned(told_there, HOSTILE) for host, told_there in observed.troubled().items()}
    harmless = {host + "x": poisoned(told_there, "x") for host, told_there in observed.troubled().items()}
    page, plain = made(seen, title=HOSTILE)["page"], made(harmless, title="x")["page"]
    again = made(seen, title=HOSTILE, previous_page=page)
    assert again["unchanged"]
    for one, other in ((page, plain), (again["page"], made(harmless, title="x", previous_page=plain)["page"])):
        found, expected = Markup(), Markup()
        found.feed(one)
        expected.feed(other)
        assert found.elements == expected.elements and found.attributes == expected.attributes
        assert not re.search(r"\{[{%#]", one)
    assert not re.search(r"\{[{%#]", json.dumps({key: value for key, value in again.items() if key != "page"}))


def test_what_was_told_is_left_as_it_is():
    seen = observed.troubled()
    before = copy.deepcopy(seen)
    made(seen)
    assert seen == before


def test_five_shares_and_500_volumes_make_a_page_that_a_browser_can_take():
    page = made(observed.huge(500, -200))["page"]
    assert page.count('<details class="volume') == 500 and len(page) < 12 * MIB


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ValueError, match="'yesterday' is not a time in UTC"):
        made({}, "yesterday")


# --- words


@pytest.mark.parametrize(
    "seconds, text",
    [(-1, "in the future"), (5, "just now"), (130, "2 min"), (7200, "2 h"), (86400 * 2, "2 days"), (86400 * 900, "2.5 years")],
)
def test_ages(seconds, text):
    assert words.age(seconds) == text


@pytest.mark.parametrize(
    "count, text",
    [
        (None, "?"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (1 << 20, "1 MiB"),
        (int(98.76 * GIB), "98.8 GiB"),
        (512 * GIB, "512 GiB"),
        (5000 << 50, "5000 PiB"),
    ],
)
def test_sizes(count, text):
    assert words.size(count) == text


def test_names_in_a_row():
    assert [words.some(list("abcdefgh"[:count])) for count in (1, 2, 3, 6, 7)] == [
        "a",
        "a and b",
        "a, b and c",
        "a, b, c, d, e and f",
        "a, b, c, d, e and 2 more",
    ]
