# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linter of words: each pattern of its table bites, right text passes, and a run that looked at nothing is no success."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

_spec = importlib.util.spec_from_file_location("words", ROOT / "tools/words.py")
assert _spec and _spec.loader
words = importlib.util.module_from_spec(_spec)
sys.modules["words"] = words
_spec.loader.exec_module(words)

WRONG_NAMES = (
    "Corridor wholeness _answering bindings spooled watched_work left_behind leave_behind given_up untouched name_space promisable "
    "whose PointMachines throw_away clear_away _went_over is_to_go _wanted mend lay lie_upon lies_on lies_beside lying_on at_rest at_once "
    "anew _tell told says said promised"
).split()

WRONG_TEXTS = (
    "is there already, and who asks for it",
    "does not exist, which is what was asked for",
    "an option that cannot be meant",
    "a number with a unit, as 512M",
    "an error is a sentence",
)

RIGHT_NAMES = "session SpoolerLike answered context overlay display playbook layout requested namespace machinery there"
RIGHT_TEXTS = (
    "Cannot grow db-1 on gl1:/vms to 4G: it is 8G and shrinking is not supported.",
    "Create qcow2 overlay db-1.monday on db-1 (snapshot monday requested).",
    "a domain is a libvirt virtual machine",
    "Start it as soon as 3 hosts respond, as in Cinder, such as V(512M).",
    "the layout of a playbook, displayed",
    "there are 3 snapshots; V(absent) removes them",
)


def bites(kind: str, text: str) -> list[str]:
    return [finding.word for finding in words.findings([words.Text(kind, 1, text)], words.words())]


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_private_word_in_a_name_is_found(name: str) -> None:
    assert bites(words.NAME, name)


@pytest.mark.parametrize("kind", [words.MESSAGE, words.DOC])
@pytest.mark.parametrize("text", WRONG_TEXTS)
def test_a_private_phrase_in_a_text_is_found(kind: str, text: str) -> None:
    assert bites(kind, text)


def test_root_is_not_asked_for_in_a_message() -> None:
    assert bites(words.MESSAGE, "run the task as root")


def test_each_alternative_of_the_table_is_found_by_some_example() -> None:
    examples = [words.spelled(name) for name in WRONG_NAMES] + [*WRONG_TEXTS, "one of which", "run the task as root"]
    entries = words.yaml.load(words.TABLE.read_text(encoding="utf-8"), words.LOADER)
    assert len(entries) > 20
    for entry in entries:
        for never in entry["never"]:
            (word,) = words.table([{**entry, "never": [never]}])
            assert any(word.pattern.search(example) for example in examples), never


@pytest.mark.parametrize("name", RIGHT_NAMES.split())
def test_a_right_name_passes(name: str) -> None:
    assert bites(words.NAME, name) == []


@pytest.mark.parametrize("kind", [words.MESSAGE, words.DOC])
@pytest.mark.parametrize("text", RIGHT_TEXTS)
def test_a_right_text_passes(kind: str, text: str) -> None:
    assert bites(kind, text) == []


def test_a_phrase_that_goes_over_two_lines_is_found_in_its_first() -> None:
    (finding,) = words.findings([words.Text(words.DOC, 10, "A note.\n\n    The files, of\n    which one is open.")], words.words())
    assert (finding.line, finding.word) == (12, "of which")


def collection(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


PYTHON = '''"""A docstring that says it anew."""
# a comment that says it anew
DOCUMENTATION = """
options:
  share:
    description: Mends a share.
"""


class Corridor:
    told: str
    """What was told."""

    def lay(self, anew):
        self.said = spool = f"{self} lies on {anew:>3}"
        raise Refused("run it as root, at once", corridor=self)


def more():
    try:
        refuse(volume, "mended")
    except OSError as told:
        pass
'''


def test_python_is_read_for_names_messages_and_documentation_but_not_for_docstrings(tmp_path: Path) -> None:
    complaints, _looked_at = words.check(collection(tmp_path, plugins__x_DOT_py=PYTHON))
    assert [":".join(complaint.split(":")[1:4]) for complaint in complaints] == [
        "6: documentation: 'Mends'",
        "10: name: 'corridor'",
        "11: name: 'told'",
        "14: name: 'anew'",
        "14: name: 'lay'",
        "15: message: 'lies on'",
        "15: name: 'said'",
        "15: name: 'spool'",
        "16: message: 'as root'",
        "16: message: 'at once'",
        "21: message: 'mended'",
        "22: name: 'told'",
    ]


YAML = """---
- name: Tell what is
  ansible.builtin.debug:
    msg: >-
      {{ told ~ 'it is told' if told == 'told' }} is right,
      and this is said
  register: said
  vars:
    _wanted: "{{ told | at_once }}"
"""


def test_a_role_is_read_for_variables_and_texts_without_their_templates_but_with_the_messages_in_them(tmp_path: Path) -> None:
    complaints, _looked_at = words.check(collection(tmp_path, roles__a__tasks__say_DOT_yml=YAML))
    assert [":".join(complaint.split(":")[1:4]) for complaint in complaints] == [
        "1: name: 'say'",
        "2: message: 'Tell'",
        "5: message: 'told'",
        "6: message: 'said'",
        "7: name: 'said'",
        "9: name: 'wanted'",
    ]


def test_an_exception_has_its_reason_beside_it(tmp_path: Path) -> None:
    root = collection(tmp_path, plugins__x_DOT_py="told = 1  # words: a key on disk\nsaid = 1  # words:\n")
    assert [complaint.split(": write")[0] for complaint in words.check(root)[0]] == ["plugins/x.py:2: name: 'said'"]


def test_an_exception_that_is_not_needed_is_found(tmp_path: Path) -> None:
    root = collection(tmp_path, plugins__x_DOT_py="shown = 1  # words: a key on disk\n")
    assert words.check(root)[0] == ["plugins/x.py:1: this exception is not needed"]


def test_a_run_that_looks_at_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["words.py", str(tmp_path)])
    assert words.main() == 1


def test_a_run_looks_at_all_of_the_collection() -> None:
    assert words.check(ROOT)[1] > 5000
