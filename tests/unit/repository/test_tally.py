# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tool that tested nothing is never green. The logs are what the tools really print."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[3] / "tools"
sys.path.insert(0, str(TOOLS))

import tally  # noqa: E402

LINT = "Passed: 0 failure(s), 0 warning(s) in {} files processed of 47 encountered. Last profile that met ..."
REUSE = "* Files with copyright information: {0} / {0}\n* Files with license information: {0} / {0}\n\nCongratulations!"
NO_HOST = "PLAY [nowhere] ****\nskipping: no hosts matched\n\nPLAY RECAP ****\n"
PLAYED = "PLAY RECAP ****\ngl1 : ok=5  changed=2  failed=0\n\x1b[0;32mgl2\x1b[0m : \x1b[0;32mok=4   \x1b[0m changed=0\n"
ACTIONS = "".join(
    f"INFO     [cluster > {action}] Executing\n{PLAYED}INFO     [cluster > {action}] Executed: Successful\n"
    for action in ("destroy", "create", "prepare", "converge", "idempotence", "verify", "destroy")
)
TARGETS = "Running mount integration test role\n...\nRunning export integration test role\n" + PLAYED


def junit(*cases: str) -> str:
    return f'<testsuites><testsuite name="ansible-test">{"".join(cases)}</testsuite></testsuites>'


def case(name: str, inside: str = "") -> str:
    return f'<testcase classname="sanity" name="{name}">{inside}</testcase>'


COMPILED = case("compile-python-3.8")
COMPILED_NOTHING = case("compile-python-3.8", "<skipped>No tests applicable.</skipped>")
SKIPPED_TEST = case("test_mount", '<skipped type="pytest.skip" message="no /dev/fuse"/>')


def test_counts_what_ran() -> None:
    assert tally.count_files(["a", "b"]).number == 2
    assert tally.count_ansible_lint(LINT.format(29)).number == 29
    assert tally.count_reuse(REUSE.format(45)).number == 45
    assert tally.count_ansible_doc('[WARNING]: x\n{\n"a.b.c": "says",\n"a.b.d": "says"}').number == 2
    assert tally.count_playbook(PLAYED).number == 9
    assert tally.count_mutations("caught ...\n46 mutations, 0 not caught\n").number == 46
    assert tally.count_targets(TARGETS, ["export", "mount"]).number == 2
    assert tally.count_scenario(ACTIONS, "cluster").number == 7
    assert tally.count_junit([junit(COMPILED), junit(case("pep8"))], []).number == 2


@pytest.mark.parametrize(
    ("tool", "log"),
    [
        ("ansible-lint", LINT.format(0)),
        ("ansible-lint", ""),
        ("ansible-doc", "{}"),
        ("mutations", "0 mutations, 0 not caught"),
        ("ansible-doc", ""),
        ("reuse", REUSE.format(0)),
        ("ansible-playbook", NO_HOST),
        ("ansible-playbook", ""),
    ],
)
def test_last_words_that_tell_of_nothing(tool: str, log: str) -> None:
    with pytest.raises(tally.NothingTested):
        tally.LAST_WORDS[tool](log)


@pytest.mark.parametrize(
    ("reports", "must_run", "why"),
    [
        ([], [], "no test"),
        ([junit()], [], "no test"),
        ([junit(SKIPPED_TEST)], [], "no /dev/fuse"),
        ([junit(COMPILED, SKIPPED_TEST)], [], "test_mount"),
        ([junit(COMPILED_NOTHING)], ["compile-python-3.8"], "did not run compile-python-3.8"),
        ([junit(COMPILED)], ["compile-python-3.8", "import-python-3.8"], "did not run import-python-3.8"),
        ([], ["compile-python-3.8"], "did not run compile-python-3.8"),
    ],
)
def test_reports_of_nothing(reports: list[str], must_run: list[str], why: str) -> None:
    with pytest.raises(tally.NothingTested, match=why):
        tally.count_junit(reports, must_run)


def test_a_sanity_test_that_has_no_files_here_may_be_skipped() -> None:
    """There is no PowerShell in the collection, and that is well."""
    no_powershell = case("pslint", "<skipped>No tests applicable.</skipped>")
    assert tally.count_junit([junit(COMPILED, no_powershell)], ["compile-python-3.8"]).number == 1


@pytest.mark.parametrize("targets", [[], ["mount", "export", "snapshot"]])
def test_integration_targets_that_did_not_run(targets: list[str]) -> None:
    with pytest.raises(tally.NothingTested):
        tally.count_targets(TARGETS, targets)


def test_integration_targets_without_a_task() -> None:
    with pytest.raises(tally.NothingTested):
        tally.count_targets("Running mount integration test role\n" + NO_HOST, ["mount"])


@pytest.mark.parametrize(
    "log",
    [
        NO_HOST,
        "[WARNING]: Could not match supplied host pattern, ignoring: nowhere",
        'WARNING: Required program "shellcheck" not found.',
        'WARNING: Excluding target tests marked "disabled" which require --allow-disabled or prefixing with ...: mount',
        "WARNING: All targets skipped.",
    ],
)
def test_words_that_give_a_false_green_away(log: str) -> None:
    with pytest.raises(tally.NothingTested):
        tally.refuse_false_greens(PLAYED + log)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def run_tally(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOLS / "tally.py"), *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


def test_a_linter_without_files_fails_and_is_not_even_started(checkout: Path) -> None:
    done = run_tally(checkout, "run", "lint", "yamllint", "--files", "*.yml", "--", "touch", "started")
    assert done.returncode == 1
    assert "no file matches" in done.stdout
    assert not (checkout / "started").exists()


def test_a_linter_is_given_files_not_yet_committed_but_no_ignored_or_deleted_ones(checkout: Path) -> None:
    for name in ("new.yml", "gone.yml", "ignored.yml"):
        (checkout / name).write_text("---\n", encoding="utf-8")
    (checkout / ".gitignore").write_text("/ignored.yml\n/.cache/\n", encoding="utf-8")
    subprocess.run(["git", "add", "gone.yml"], cwd=checkout, check=True)
    (checkout / "gone.yml").unlink()
    done = run_tally(checkout, "run", "lint", "yamllint", "--files", "*.yml", "--", "echo", "given")
    assert done.stdout.splitlines() == ["given new.yml", "lint: yamllint: ok, 1 files"]


def test_the_exit_code_of_the_tool_is_kept(checkout: Path) -> None:
    done = run_tally(checkout, "run", "lint", "reuse", "--", "sh", "-c", "exit 7")
    assert done.returncode == 7


def test_a_report_of_an_earlier_run_does_not_count(checkout: Path) -> None:
    (checkout / "report.xml").write_text(junit(COMPILED), encoding="utf-8")
    done = run_tally(checkout, "run", "unit", "pytest", "--junit", "report.xml", "--", "true")
    assert done.returncode == 1
    assert "holds no test" in done.stdout


def test_the_table_ends_with_the_tests_that_failed_and_why(checkout: Path) -> None:
    broken = '<testcase classname="a.b" name="c"><failure message="assert 1 ==\n  2">all of it</failure></testcase>'
    (checkout / "kept.xml").write_text(junit(COMPILED + broken), encoding="utf-8")
    run_tally(checkout, "run", "unit", "pytest", "--junit", "report.xml", "--", "sh", "-c", "cp kept.xml report.xml; exit 1")
    done = run_tally(checkout, "table", "unit")
    assert done.returncode == 1 and done.stdout.endswith("\nfailed tests\nunit: a.b::c: assert 1 == 2\n")


SAMPLED = """<testsuites><testsuite name="pytest">
<testcase classname="tests.test_x" name="test_x[a]" time="3.5"><properties><property name="sampled" value="1 of 3 cases" />
<property name="sampled" value="4 of 90 calls of a task" /><property name="seed" value="77" />
<property name="whole" value="2 tests only in the whole run" /></properties></testcase>
<testcase classname="tests.test_x" name="test_x[b]" time="0.5"><properties><property name="sampled" value="5 of 30 calls of a task" />
</properties></testcase></testsuite></testsuites>"""


def test_the_table_tells_the_slowest_tests_what_was_sampled_of_how_many_and_the_seed(checkout: Path) -> None:
    report = checkout / "report.xml"
    write = [sys.executable, "-c", f"open({str(report)!r}, 'w').write({SAMPLED!r})"]
    assert run_tally(checkout, "run", "unit", "pytest", "--junit", str(report), "--", *write).returncode == 0
    told = run_tally(checkout, "table", "unit").stdout
    assert "3.5 s  unit: tests.test_x::test_x[a]" in told and told.index("test_x[a]") < told.index("test_x[b]")
    assert "sampled, seed 77\n       1 of     3  unit: cases: test_x::test_x\n" in told
    assert "       9 of   120  unit: calls of a task: test_x::test_x\n" in told
    assert "unit: 2 tests only in the whole run" in told


def test_a_part_whose_tests_have_rows_of_their_own_tells_the_rest_too(checkout: Path) -> None:
    (checkout / "report.xml").write_text(SAMPLED.replace("</properties></testcase>", "</properties><failure message='no' /></testcase>", 1))
    assert run_tally(checkout, "note", "unit", "--junit", "report.xml").returncode == 0
    told = run_tally(checkout, "table", "unit").stdout
    assert "       1 of     3  unit: cases: test_x::test_x" in told and "failed tests\nunit: tests.test_x::test_x[a]: no" in told


def test_the_table_shows_every_part_and_fails_for_one_that_ran_nothing(checkout: Path) -> None:
    (checkout / "report.xml").write_text(junit(COMPILED), encoding="utf-8")
    write_report = ["sh", "-c", "cp kept.xml report.xml"]
    (checkout / "report.xml").rename(checkout / "kept.xml")
    assert run_tally(checkout, "run", "unit", "pytest", "--junit", "report.xml", "--", *write_report).returncode == 0
    assert json.loads((checkout / ".cache/ran/unit.jsonl").read_text(encoding="utf-8"))["number"] == 1
    assert run_tally(checkout, "table", "unit").returncode == 0
    both = run_tally(checkout, "table", "unit", "lint")
    assert both.returncode == 1
    assert "this part ran nothing" in both.stdout


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("", "it did not run create, converge, idempotence, verify, destroy"),
        (ACTIONS.replace("verify] Executed: Successful", "verify] Executed: Missing playbook"), "it did not run verify"),
        (ACTIONS.replace("cluster", "another"), "it did not run create"),
        (ACTIONS.replace(PLAYED, NO_HOST), "no task ran"),
    ],
)
def test_a_scenario_that_proved_nothing_is_an_error(log: str, says: str) -> None:
    with pytest.raises(tally.NothingTested, match=says):
        tally.count_scenario(log, "cluster")
