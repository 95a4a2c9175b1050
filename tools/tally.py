# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a tool, write down how much it tested, and fail when that was nothing.

A tool pointed at an empty folder is as green as one that has checked everything. So each tool of the test is run
through here, and each has a witness of what it did: the files it was given, its JUnit report, or its own last words.

usage: tally.py run PART NAME [witness] -- COMMAND...
       tally.py note PART --junit PATH
       tally.py table [--rows FOLDER] PART...
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from xml.etree import ElementTree

RAN = Path(".cache/ran")
SLOWEST = 20
"""Tests that the table names."""
LONGEST = 600
"""Characters of what a failed test said that the table repeats."""
FALSE_GREENS = {
    "no hosts matched": "a play matched no host",
    "Could not match supplied host pattern": "a play matched no host",
    "Required program": "a program that a test needs is not installed",
    "All targets skipped": "ansible-test had nothing to do",
    "WARNING: Excluding": "ansible-test left out a target",
}


class NothingTested(Exception):
    """A tool ended well and tested nothing, or not all it should have."""


@dataclass(frozen=True)
class Count:
    number: int
    what: str


def count_files(files: list[str]) -> Count:
    if not files:
        raise NothingTested("no file matches its patterns")
    return Count(len(files), "files")


def count_junit(reports: list[str], must_run: list[str]) -> Count:
    """Count the test cases of JUnit reports; what had to run and is skipped or missing is an error.

    Without a list of what must run, everything must: nothing may be skipped.
    """
    ran, skipped = set(), {}
    for report in reports:
        for case in ElementTree.fromstring(report).iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            reason = case.find("skipped")
            if reason is None:
                ran.add(name)
            else:
                skipped[name] = reason.get("message") or reason.text or "no reason given"
    short_names = {name.rpartition("::")[2] for name in ran}
    missing = [name for name in must_run if name not in short_names]
    if missing:
        raise NothingTested(f"it did not run {', '.join(missing)}")
    if skipped and not must_run:
        raise NothingTested("it skipped " + "; ".join(f"{name} ({why})" for name, why in skipped.items()))
    if not ran:
        raise NothingTested("its report holds no test")
    return Count(len(ran), "tests")


def failures_in(reports: list[str]) -> list[str]:
    """Return the test cases of JUnit reports that failed, each with the start of what it said."""
    failed = []
    for report in reports:
        for case in ElementTree.fromstring(report).iter("testcase"):
            for how in (*case.findall("failure"), *case.findall("error")):
                words = " ".join((how.get("message") or how.text or "").split())
                failed.append(f"{case.get('classname')}::{case.get('name')}: {words[:LONGEST]}")
    return failed


@dataclass(frozen=True)
class Told:
    """What the reports of pytest tell beside the outcome.

    C(slowest) has tests and seconds; C(sampled) has, by test function and word for the cases, how many of how many were tried; C(left) says
    what was left to the whole run; C(seed) repeats the sample.
    """

    slowest: list[tuple[str, float]] = field(default_factory=list)
    sampled: dict[str, tuple[int, int]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    seed: str = ""


def told_in(reports: list[str]) -> Told:
    """Return what JUnit reports tell of times and samples."""
    times, sampled, left, seed = [], {}, [], ""
    for report in reports:
        for case in ElementTree.fromstring(report).iter("testcase"):
            function = f"{(case.get('classname') or '').rpartition('.')[2]}::{(case.get('name') or '').partition('[')[0]}"
            times.append((f"{case.get('classname')}::{case.get('name')}", float(case.get("time") or 0)))
            for entry in case.iter("property"):
                key, value = entry.get("name"), entry.get("value") or ""
                if key == "sampled":
                    number, _of, every, what = value.split(" ", 3)
                    before = sampled.get(f"{what}: {function}", (0, 0))
                    sampled[f"{what}: {function}"] = (before[0] + int(number), before[1] + int(every))
                elif key == "whole":
                    left.append(value)
                elif key == "seed":
                    seed = value
    return Told(sorted(times, key=lambda row: -row[1])[:SLOWEST], sampled, left, seed)


def count_ansible_lint(log: str) -> Count:
    found = re.search(r"in (\d+) files processed", log)
    if not found or not int(found[1]):
        raise NothingTested("it processed no file")
    return Count(int(found[1]), "files")


def count_ansible_doc(log: str) -> Count:
    modules = json.loads(log[log.index("{") :]) if "{" in log else {}
    if not modules:
        raise NothingTested("it finds no module of this collection")
    return Count(len(modules), "modules")


def count_reuse(log: str) -> Count:
    found = re.search(r"Files with license information: (\d+) / \d+", log)
    if not found or not int(found[1]):
        raise NothingTested("it looked at no file")
    return Count(int(found[1]), "files")


def count_mutations(log: str) -> Count:
    found = re.search(r"^(\d+) mutations, 0 not caught$", log, re.MULTILINE)
    if not found or not int(found[1]):
        raise NothingTested("it tried no mutation")
    return Count(int(found[1]), "mutations")


def count_playbook(log: str) -> Count:
    colourless = re.sub(r"\x1b\[[0-9;]*m", "", log)
    tasks = [int(number) for number in re.findall(r" : ok=(\d+)", colourless)]
    if not sum(tasks):
        raise NothingTested("no task ran on any host")
    return Count(sum(tasks), "tasks")


def count_targets(log: str, targets: list[str]) -> Count:
    if not targets:
        raise NothingTested("there is no target")
    ran = re.findall(r"^Running (\S+) integration test", log, re.MULTILINE)
    missing = sorted(set(targets) - set(ran))
    if missing:
        raise NothingTested(f"it did not run {', '.join(missing)}")
    count_playbook(log)
    return Count(len(targets), "targets")


def count_scenario(log: str, scenario: str) -> Count:
    """Count the actions of a scenario of Molecule; those that prove something have to be among them."""
    colourless = re.sub(r"\x1b\[[0-9;]*m", "", log)
    ran = re.findall(rf"\[{re.escape(scenario)} > (\w+)\] Executed: Successful", colourless)
    missing = [action for action in ("create", "converge", "idempotence", "verify", "destroy") if action not in ran]
    if missing:
        raise NothingTested(f"it did not run {', '.join(missing)}")
    count_playbook(log)
    return Count(len(ran), "actions")


LAST_WORDS = {
    "ansible-lint": count_ansible_lint,
    "ansible-doc": count_ansible_doc,
    "ansible-playbook": count_playbook,
    "mutations": count_mutations,
    "reuse": count_reuse,
}


def refuse_false_greens(log: str) -> None:
    for words, meaning in FALSE_GREENS.items():
        if words in log:
            raise NothingTested(f"{meaning}; see the line with '{words}'")


def tracked_files(patterns: list[str]) -> list[str]:
    """List the files of the checkout that match, committed or not, but neither ignored nor deleted."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *patterns]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in names if name and Path(name).is_file())


def integration_targets(folder: Path) -> list[str]:
    """List the targets that are tests; setup_* and prepare_* only serve the others."""
    names = (path.name for path in folder.glob("*/"))
    return sorted(name for name in names if not name.startswith(("setup_", "prepare_")))


def reports_in(place: Path) -> list[str]:
    paths = sorted(place.glob("*.xml")) if place.is_dir() else [place]
    return [path.read_text(encoding="utf-8") for path in paths if path.exists()]


def run_and_show(command: list[str]) -> tuple[int, str]:
    """Run a program, pass its output on as it comes, and return its exit code and that output."""
    lines = []

    def pass_on() -> None:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        try:
            pass_on()
        except KeyboardInterrupt:
            # the program has got it too and takes away what it has made, which make would not wait for
            pass_on()
            process.wait()
            raise
    return process.returncode, "".join(lines)


def run(options: argparse.Namespace, command: list[str]) -> int:
    files = tracked_files(options.files) if options.files else []
    if options.junit and options.junit.is_file():
        options.junit.unlink()
    began = time.monotonic()
    result, count, code, failed = "ok", Count(0, ""), 1, []
    try:
        if options.files:
            count = count_files(files)
        code, log = run_and_show([*command, *([] if options.no_arguments else files)])
        if code:
            result = f"failed (exit code {code})"
            failed = failures_in(reports_in(options.junit)) if options.junit else []
        else:
            if options.name.startswith("ansible") or options.scenario:
                refuse_false_greens(log)
            if options.junit:
                count = count_junit(reports_in(options.junit), options.must_run)
            elif options.scenario:
                count = count_scenario(log, options.name)
            elif options.targets:
                count = count_targets(log, integration_targets(options.targets))
            elif not options.files:
                count = LAST_WORDS[options.name](log)
    except NothingTested as error:
        result, count, code = f"failed: {error}", Count(0, ""), 1
    told = told_in(reports_in(options.junit)) if options.junit else Told()
    row = {"name": options.name, **asdict(count), "seconds": round(time.monotonic() - began), "result": result, "failed": failed}
    row |= asdict(told)
    RAN.mkdir(parents=True, exist_ok=True)
    with (RAN / f"{options.part}.jsonl").open("a", encoding="utf-8") as rows:
        rows.write(json.dumps(row) + "\n")
    print(f"{options.part}: {options.name}: {result}, {count.number} {count.what}".rstrip(" ,0"), flush=True)
    return code


def note(part: str, report: Path) -> int:
    """Write down what a report tells of times, samples and failures, of a part whose tests have rows of their own."""
    reports = reports_in(report)
    row = {"failed": failures_in(reports), **asdict(told_in(reports))}
    RAN.mkdir(parents=True, exist_ok=True)
    with (RAN / f"{part}.jsonl").open("a", encoding="utf-8") as rows:
        rows.write(json.dumps(row) + "\n")
    return 0


def tell_times_and_samples(rows: list[tuple[str, dict]]) -> None:
    """Print the slowest tests of all parts, what was sampled of how many, and the seed that repeats the sample."""
    slowest = sorted(((seconds, part, test) for part, row in rows for test, seconds in row.get("slowest", ())), reverse=True)
    if slowest:
        print(f"\nthe {SLOWEST} slowest tests")
        for seconds, part, test in slowest[:SLOWEST]:
            print(f"{seconds:>8.1f} s  {part}: {test}")
    sampled = [(part, what, *numbers) for part, row in rows for what, numbers in row.get("sampled", {}).items()]
    seeds = {row["seed"] for _part, row in rows if row.get("seed")}
    if sampled:
        print(f"\nsampled, seed {', '.join(sorted(seeds)) or 'unknown'}")
        for part, what, number, every in sampled:
            print(f"{number:>8} of {every:>5}  {part}: {what}")
    for part, row in rows:
        for line in row.get("left", ()):
            print(f"{part}: {line}")


def table(parts: list[str], folder: Path) -> int:
    failed, tests, every = False, [], []
    print(f"{'part':<12} {'tool':<20} {'ran':>16} {'seconds':>8}  result")
    for part in parts:
        path = folder / f"{part}.jsonl"
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        if not any("result" in row for row in rows):
            rows = [*rows, {"name": "-", "number": 0, "what": "", "seconds": 0, "result": "failed: this part ran nothing"}]
        every += [(part, row) for row in rows]
        for row in rows:
            tests += [f"{part}: {test}" for test in row.get("failed", ())]
            if "result" not in row:
                continue
            failed = failed or row["result"] != "ok"
            ran = f"{row['number']} {row['what']}"
            print(f"{part:<12} {row['name']:<20} {ran:>16} {row['seconds']:>8}  {row['result']}")
    tell_times_and_samples(every)
    if tests:
        # a build machine may keep no more than the end of what it was told
        print("\nfailed tests", *tests, sep="\n")
    return 1 if failed else 0


def main() -> int:
    arguments, command = sys.argv[1:], []
    if "--" in arguments:
        split = arguments.index("--")
        arguments, command = arguments[:split], arguments[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    runner = verbs.add_parser("run")
    runner.add_argument("part")
    runner.add_argument("name", help=f"the tool; no witness is needed for {', '.join(LAST_WORDS)}")
    runner.add_argument("--files", nargs="+", metavar="PATTERN", help="give it these files of the checkout")
    runner.add_argument("--no-arguments", action="store_true", help="it finds the --files by itself")
    runner.add_argument("--junit", type=Path, metavar="PATH", help="the report it writes, or the folder of its reports")
    runner.add_argument("--must-run", action="append", default=[], metavar="TEST", help="must be in the report")
    runner.add_argument("--targets", type=Path, metavar="FOLDER", help="the integration targets it must run")
    runner.add_argument("--scenario", action="store_true", help="it is a scenario of Molecule, called by its name")
    noter = verbs.add_parser("note")
    noter.add_argument("part")
    noter.add_argument("--junit", type=Path, required=True, metavar="PATH")
    shower = verbs.add_parser("table")
    shower.add_argument("parts", nargs="+")
    shower.add_argument("--rows", type=Path, default=RAN, metavar="FOLDER", help="where the rows of the parts are (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.verb == "note":
        return note(options.part, options.junit)
    return table(options.parts, options.rows) if options.verb == "table" else run(options, command)


if __name__ == "__main__":
    sys.exit(main())
