# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a report in a real browser without a network: on a phone and a desk, by day and by night, with and without JavaScript."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.build import report
from ansible_collections.vdisk.gluster.tests.harness import observed
from ansible_collections.vdisk.gluster.tests.harness.browser import Browser
from ansible_collections.vdisk.gluster.tests.harness.checkout import ROOT

TEMPLATES = str(ROOT / "roles" / "share_report" / "templates")

LOW_CONTRAST = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; }
    return [255, 255, 255, 255];
  };
  const through = (e) => { let o = 1; for (; e; e = e.parentElement) o *= Number(getComputedStyle(e).opacity); return o; };
  const low = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest("script,style,.hidden,.skip")) continue;
    const back = ground(e), opacity = through(e);
    const front = rgba(getComputedStyle(e).color).map((v, i) => v * opacity + back[i] * (1 - opacity));
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.add(e.tagName + "." + e.className + " " + ratio.toFixed(2) + " " + walker.currentNode.data.trim().slice(0, 30));
  }
  return [...low].slice(0, 20);
})()
"""


def scenes() -> dict[str, str]:
    """Return pages: without anything, sound with a history, with much to look at, and large."""
    seen = observed.sound()
    pages = {"empty": report({}, observed.NOW, TEMPLATES)["page"]}
    pages["bare"] = report({"hv1": {"shares": [observed.share()], "volumes": []}}, observed.NOW, TEMPLATES)["page"]
    first = report(seen, "2026-11-20T03:00:00Z", TEMPLATES)["page"]
    seen["hv1"]["shares"][0]["available_bytes"] -= 9 * observed.GIB
    seen["hv1"]["volumes"][0]["chain"][0]["allocated_size"] += 9 * observed.GIB
    pages["sound"] = report(seen, observed.NOW, TEMPLATES, previous_page=first)["page"]
    pages["troubled"] = report(observed.troubled(), observed.NOW, TEMPLATES)["page"]
    pages["huge"] = report(observed.huge(), observed.NOW, TEMPLATES)["page"]
    return pages


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, pathlib.Path]:
    directory = tmp_path_factory.mktemp("pages")
    for name, page in scenes().items():
        (directory / f"{name}.html").write_text(page, encoding="utf-8")
    return {path.stem: path for path in directory.iterdir()}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


@pytest.mark.sample(4)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scene", ["empty", "bare", "sound", "troubled", "huge"])
def test_it_fits_and_can_be_read_at_every_width(browser, pages, scene, scheme):
    for width in (390, 1280) if scene == "huge" else (320, 390, 768, 1280, 1920):
        browser.show(pages[scene], width, scheme)
        assert browser.complaints == [] and browser.requests == [pages[scene].as_uri()]
        assert browser.value("document.documentElement.scrollWidth") == width, "it has to be scrolled sideways"
        # nothing is cut off at the side of the box it is in
        assert (
            browser.value(
                "[...document.querySelectorAll('.card, .panel, .tiles > div, summary')]"
                ".filter(e => e.scrollWidth > e.clientWidth + 1).length"
            )
            == 0
        )
        if scene != "huge" and width in (390, 1280):
            browser.value("document.querySelectorAll('details').forEach(e => e.open = true)")
            assert browser.value(LOW_CONTRAST) == []
    dark = browser.value("getComputedStyle(document.documentElement).backgroundColor")
    assert dark == ("rgb(14, 19, 26)" if scheme == "dark" else "rgb(244, 246, 248)")


def test_all_is_there_without_javascript_and_the_tools_are_not(browser, pages):
    for scripts in (False, True):
        browser.show(pages["troubled"], scripts=scripts)
        assert browser.value("document.querySelectorAll('.volume svg.strip').length") == 14
        assert browser.value("document.querySelectorAll('.chain > li').length") > 40
        assert browser.value("document.getElementById('tools').checkVisibility()") == scripts
        # a problem leads to its volume, which is unfolded
        assert browser.value("document.querySelectorAll('#attention li.error').length") == 5
        assert browser.value("[...document.querySelectorAll('a[href^=\"#\"]')].every(a => document.querySelector(a.hash))")
        assert browser.value("document.querySelectorAll('.volume.broken[open]').length") == 3
    assert browser.complaints == []


def test_what_was_written_on_a_share_is_shown_and_does_nothing(browser, pages):
    browser.show(pages["troubled"])
    assert browser.value("document.scripts.length") == 2 and browser.complaints == []
    assert "<script>alert(1)</script>" in browser.value("document.getElementById('oldest').textContent")
    assert "{{ 7 * 7 }}" in browser.value("document.getElementById('oldest').textContent")


def test_the_page_itself_forbids_scripts_that_are_not_its_own(browser, pages, tmp_path):
    text = pages["sound"].read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(
        text.replace("<main>", "<main><script>window.ran = 1</script><img src='http://192.0.2.1/x.png' onerror='window.ran = 2'>")
    )
    browser.show(broken)
    assert browser.value("window.ran") is None and len(browser.complaints) >= 2
    assert browser.value("document.getElementById('tools').checkVisibility()"), "its own script did not run"


def test_volumes_are_found_chosen_and_sorted(browser, pages):
    browser.show(pages["huge"])

    def choose(element: str, value: str) -> list[str]:
        browser.value(
            f"{{const e = document.getElementById('{element}'); e.value = '{value}';"
            "['input', 'change'].forEach(event => e.dispatchEvent(new Event(event)));}"
        )
        return browser.value("[...document.querySelectorAll('.volume:not([hidden]) .who .name')].map(e => e.textContent)")

    names = [f"vm-{number:04}" for number in range(500)]
    assert sorted(choose("find", "")) == names
    assert choose("find", "VM-0042") == ["vm-0042"] and browser.value("document.getElementById('shown').textContent") == "1 of 500"
    assert choose("find", "no such thing") == [] and browser.value("document.getElementById('nothing').checkVisibility()")
    choose("find", "")
    assert sorted(choose("only", "idle")) == names[::3]
    assert len(choose("only", "problem")) == 0
    choose("only", "")
    assert choose("sort", "files")[0] == "vm-0000" and set(choose("sort", "age")[:50]) == set(names[::10])
    by_size = choose("sort", "allocated")
    assert browser.value(
        "[...document.querySelectorAll('.volume')].every((e, i, all) => !i || +all[i-1].dataset.allocated >= +e.dataset.allocated)"
    )
    assert sorted(by_size) == names and choose("sort", "") == [f"vm-{number:04}" for share in range(5) for number in range(share, 500, 5)]
    # a link to a volume unfolds it, also where it was not chosen
    choose("find", "vm-0001")
    target = browser.value("document.querySelector('#oldest a').hash")
    browser.value(f"location.hash = '{target}'; new Promise(done => setTimeout(done, 200))")
    assert browser.value(f"document.querySelector('{target}').open && document.querySelector('{target}').checkVisibility()")


def test_it_can_be_printed(browser, pages):
    browser.show(pages["troubled"], media="print")
    assert not browser.value("document.getElementById('tools').checkVisibility()")
    browser.show(pages["troubled"])
    assert browser.pdf().startswith(b"%PDF-")


def test_what_does_not_see_is_told(browser, pages):
    """Everything has a name for assistive software, headings go down one step at a time, and nothing is named twice."""
    browser.show(pages["troubled"])
    assert browser.value("document.documentElement.lang") == "en"
    levels = [int(tag[1]) for tag in browser.value("[...document.querySelectorAll('h1,h2,h3')].map(e => e.tagName)")]
    assert levels[0] == 1 and levels.count(1) == 1 and all(after - before <= 1 for before, after in zip(levels, levels[1:]))
    assert browser.value("(ids => ids.length === new Set(ids).size)([...document.querySelectorAll('[id]')].map(e => e.id))")
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    unnamed = [
        node["role"]["value"]
        for node in nodes
        if not node.get("ignored")
        and node["role"]["value"] in ("image", "link", "button", "searchbox", "combobox", "DisclosureTriangle", "heading")
        and not node.get("name", {}).get("value", "").strip()
    ]
    assert unnamed == []
    assert browser.value("document.querySelectorAll('svg:not([aria-hidden]):not([role=img])').length") == 0
