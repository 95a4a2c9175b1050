# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patches that break the invariants fit the collection as it is: who changes a line that one of them breaks makes it anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.tests.mutations import mutate

ROOT = Path(__file__).resolve().parents[3]
PATCHES = sorted((ROOT / "tests/mutations").glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_a_mutation_applies_and_names_a_test_that_is_there(patch: Path, tmp_path: Path) -> None:
    names = mutate.patched_files(patch)
    assert names
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    mutate.apply(patch, tmp_path)
    (caught_by,) = (line.split(": ", 1)[1] for line in patch.read_text(encoding="utf-8").splitlines() if line.startswith("# Caught by: "))
    path, name = caught_by.split("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")


def test_there_are_mutations() -> None:
    assert len(PATCHES) > 40


PATCH = """\
# Invariant: none
--- a/code.py
+++ b/code.py
@@ -1,3 +1,3 @@
 a = 1
-b = 2
+{new}
 c = 3
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("a = 1\nb = 2\nc = 3\n", "b = 4", None),
        ("a = 1\nb = 2\nc = 5\n", "b = 4", "does not apply"),
        ("a = 1\nb = 2\nc = 3\n", "b = (", "no Python"),
    ],
)
def test_a_mutation_that_lands_elsewhere_or_is_no_python_is_refused(tmp_path: Path, old: str, new: str, says: str | None) -> None:
    (tmp_path / "code.py").write_text(old, encoding="utf-8")
    patch = tmp_path / "a.patch"
    patch.write_text(PATCH.format(new=new), encoding="utf-8")
    if says is None:
        mutate.apply(patch, tmp_path)
        assert "b = 4" in (tmp_path / "code.py").read_text(encoding="utf-8")
    else:
        with pytest.raises(mutate.Misfit, match=says):
            mutate.apply(patch, tmp_path)
