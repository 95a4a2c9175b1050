# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each part of the tests installs: lists that fit each other, pinned once, for targets that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PIP_LISTS = sorted(path for path in (ROOT / "requirements").glob("*.txt") if not path.name.startswith("apt-"))
APT_LISTS = [ROOT / "requirements-apt.txt", *sorted((ROOT / "requirements").glob("apt-*.txt"))]


def entries(path: Path) -> list[str]:
    """Return the packages that a list names itself."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(("#", "-"))]


def names(path: Path) -> set[str]:
    """Return the names of the pinned packages of a list."""
    return {line.partition("==")[0] for line in entries(path)}


def test_the_light_setup_pins_the_same_versions_as_the_full_one() -> None:
    assert set(entries(ROOT / "requirements.txt")) < set(entries(ROOT / "requirements-dev.txt"))


def test_every_tool_is_pinned_once_and_named_by_one_list() -> None:
    named = [name for path in PIP_LISTS for name in entries(path)]
    assert sorted(named) == sorted(names(ROOT / "requirements-dev.in"))
    assert names(ROOT / "requirements-dev.in") < names(ROOT / "requirements-dev.txt")


@pytest.mark.parametrize("path", PIP_LISTS, ids=lambda path: path.stem)
def test_no_list_is_installed_without_the_pins(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "-c ../requirements-dev.txt" in text if path.stem == "check" else re.search("^-r (check|functional).txt$", text, re.MULTILINE)


def test_every_apt_package_is_pinned_and_in_one_list() -> None:
    packages = [line.split("=") for path in APT_LISTS for line in entries(path)]
    assert all(len(words) == 2 and words[1] for words in packages)
    assert len({name for name, _version in packages}) == len(packages)


def test_setup_knows_what_every_target_asks_for_and_its_lists_are_there() -> None:
    script = (ROOT / "tools/setup.sh").read_text(encoding="utf-8")
    cases = re.findall(r"^([a-z |-]+)\) pip=(\S+|'[^']*') apt=(\S+|'[^']*') ;;$", script, re.MULTILINE)
    asked = set(re.findall(r"\.setup-([a-z-]+)", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert asked <= {part.strip() for parts, _pip, _apt in cases for part in parts.split("|")}
    used = {f"{name}.txt" for _parts, pip, _apt in cases for name in pip.strip("'").split()}
    used |= {f"apt-{name}.txt" for _parts, _pip, apt in cases for name in apt.strip("'").split()}
    assert used >= {path.name for path in (ROOT / "requirements").glob("apt-*.txt")}
    assert all((ROOT / "requirements" / name).exists() for name in used)


def test_the_check_asks_for_no_system_package() -> None:
    assert "\ncheck) pip=check apt='' ;;\n" in (ROOT / "tools/setup.sh").read_text(encoding="utf-8")
