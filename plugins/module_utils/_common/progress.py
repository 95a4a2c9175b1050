# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far long work has come: measured where the work is done, said in one line wherever somebody watches (pure).

Whoever works begins a step and says how far it is; what is handed on is a C(Report), and only when it is another one.
"""

from __future__ import annotations

import collections
import json
import math
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import human

LIMIT = 4096
"""No report is longer than this, in bytes."""
_RATE_OVER = 30.0
"""Seconds over which a rate is taken, and longer where there are too few figures in them."""
_RATE_FIGURES = 4
_PAUSE = 0.5
"""Seconds between two reports at least, and before the first one: short work reports nothing."""

_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True)
class ProgressReport:
    """How far a step is: bytes, the fraction from 0 to 1, bytes a second, seconds left; None where that is not known."""

    label: str
    done: int | None = None
    total: int | None = None
    fraction: float | None = None
    rate: float | None = None
    left: float | None = None

    def line(self) -> str:
        """Return the report as one line."""
        figures = []
        if self.fraction is not None:
            figures.append(f"{math.floor(self.fraction * 100)} %")
        if self.done is not None:
            figures.append(human(self.done) + (f" of {human(self.total)}" if self.total is not None else ""))
        if self.rate is not None:
            figures.append(f"{human(int(self.rate))}/s")
        if self.left is not None:
            figures.append(f"{duration(self.left)} left")
        return f"{self.label}: {', '.join(figures) or 'begun'}"


def duration(seconds: float) -> str:
    """Return a time as C(42 s), C(3 min 05 s) or C(2 h 07 min)."""
    whole = int(round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def dump(report: ProgressReport, subject: str | None = None) -> bytes:
    """Return a report as it is handed on; C(subject) tells others exactly what the whole work is."""
    return json.dumps({**asdict(report), "subject": subject}).encode("utf-8")


def parse(content: bytes | str) -> tuple[ProgressReport, str | None] | None:
    """Return a report and its subject, or None where it is none: the file is only as good as who wrote it."""
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entries, dict) or not isinstance(entries.get("label"), str):
        return None
    figures = {name: _number(entries.get(name)) for name in ("done", "total", "fraction", "rate", "left")}
    label = "".join(character for character in entries["label"][:400] if character.isprintable())
    subject = entries.get("subject")
    return ProgressReport(label, **figures), subject if isinstance(subject, str) else None


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1 << 63:
        return None
    return value


Output = Callable[[ProgressReport], None]


class Progress:
    """The progress of one task, handed on at most twice a second and only when it changed.

    Of steps that are under way at a time one is told of until it ends, then another.
    """

    def __init__(self, output: Output | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take where reports go; without C(output) nothing is reported."""
        self._outputs = [output] if output else []
        self._clock = clock
        self._lock = threading.Lock()
        self._step: ProgressStep | None = None
        self._handed_on: ProgressReport | None = None
        self._last = clock()

    def step(self, label: str, total: int | None = None) -> ProgressStep:
        """Begin a step, of so many bytes in all, which takes the place of the one before; also a context manager, which ends it."""
        step = ProgressStep(self, label, total, self._clock)
        with self._lock:
            self._step = step
        self.send(step)
        return step

    def also_to(self, output: Output) -> None:
        """Hand every report from now on to one more place, the present one at once."""
        with self._lock:
            self._outputs.append(output)
            self._last = -math.inf
            step = self._step
        if step is not None:
            self.send(step)

    def send(self, step: ProgressStep) -> None:
        """Hand on how far a step is, if it is the present one, it is time, and something changed."""
        with self._lock:
            now = self._clock()
            if not self._outputs or now - self._last < _PAUSE:
                return
            if step is not self._step:
                if step.ended or self._step is not None and not self._step.ended:
                    return
                self._step = step
            report = step.report()
            if report == self._handed_on:
                return
            self._handed_on, self._last = report, now
            for output in self._outputs:
                output(report)


class ProgressStep:
    """One stretch of work, whose progress can be told in bytes or as a fraction."""

    def __init__(self, progress: Progress, label: str, total: int | None, clock: Callable[[], float]) -> None:
        self._progress = progress
        self._label = label
        self._total = total
        self._clock = clock
        self._at: float | None = None
        self._figures: collections.deque[tuple[float, float]] = collections.deque([(clock(), 0.0)])
        self._report = ProgressReport(label, None, total)
        self.ended = False
        """Whether it is over: others that are under way may be told of then."""

    def __enter__(self) -> ProgressStep:
        return self

    def __exit__(self, *_failure: object) -> None:
        """Let another step, or the end of the task, take its place."""
        self.ended = True

    def update(self, done: int | None = None, fraction: float | None = None) -> None:
        """Tell how far the step is: so many bytes, or a fraction from 0 to 1 of C(total); call it as often as you like."""
        if done is not None:
            at = float(done)
        else:
            at = min(max(fraction or 0.0, 0.0), 1.0) * (self._total if self._total is not None else 1)
        if at != self._at:
            self._at = at
            self._report = self._measure(at, counted=done is not None)
        self._progress.send(self)

    def mirror(self, report: ProgressReport) -> None:
        """Tell the figures of another task's report as this step's."""
        self._report = ProgressReport(self._label, report.done, report.total, report.fraction, report.rate, report.left)
        self._progress.send(self)

    def report(self) -> ProgressReport:
        """Return how far the step is."""
        return self._report

    def _measure(self, at: float, counted: bool) -> ProgressReport:
        now = self._clock()
        while len(self._figures) > _RATE_FIGURES and now - self._figures[1][0] >= _RATE_OVER:
            self._figures.popleft()
        since, before = self._figures[0]
        if now - self._figures[-1][0] >= _PAUSE / 2:
            self._figures.append((now, at))
        speed = (at - before) / (now - since) if now > since and at > before else None
        whole = self._total if self._total is not None else (None if counted else 1)
        return ProgressReport(
            self._label,
            int(at) if counted or self._total is not None else None,
            self._total,
            None if not whole else min(at / whole, 1.0),
            # without a total in bytes a fraction says nothing about bytes
            speed if counted or self._total is not None else None,
            (whole - at) / speed if whole and speed and at < whole else None,
        )
