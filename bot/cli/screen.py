"""What is shown while a run goes on: a live view, a progress line, or nothing.

A screen is an observer that never changes the run. The live view draws at most a
few frames a second of real time; the progress line likewise.
"""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live

from bot.compose import Plan
from bot.domain.events import Event
from bot.engine.core import Step
from bot.engine.loop import Observer
from bot.report.live_frame import FrameSources, live_frame
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from bot.report.terminal import render

__all__ = ["ProgressLine", "Screen", "TerminalScreen", "market_screen"]

_FRAME_S: Final = 0.2
_CHECK_EVERY: Final = 64
"""Moments between two looks at the clock, so that looking costs nothing."""


class Screen(Protocol):
    """Something that watches a run and shows it."""

    def observer(self, tally: Tally, recorder: Recorder) -> Observer:
        """The observer to hand to the engine."""

    def stop(self) -> None:
        """Give the terminal back."""


class TerminalScreen:
    """The terminal view, drawn a few times a second.

    Args:
        sources: What a frame needs beside the state, given the run's tally.
        frame_s: Least real seconds between two frames.
    """

    def __init__(
        self, sources: Callable[[Tally], FrameSources], frame_s: float = _FRAME_S
    ) -> None:
        self._sources = sources
        self._frame_s = frame_s
        self._console = Console()
        self._live = Live(
            console=self._console, screen=True, auto_refresh=False, transient=True
        )
        self._next_at = 0.0
        self._is_on = False

    def observer(self, tally: Tally, recorder: Recorder) -> Observer:
        """Draw frames from now on."""
        self._live.start()
        self._is_on = True

        def observe(moment: Sequence[Event], step: Step) -> None:
            now = time.monotonic()
            if now < self._next_at or not self._is_on:
                return
            self._next_at = now + self._frame_s
            frame = live_frame(recorder, step, self._sources(tally))
            size = self._console.size
            self._live.update(render(frame, size.width, size.height), refresh=True)

        return observe

    def stop(self) -> None:
        """Give the terminal back."""
        if self._is_on:
            self._is_on = False
            self._live.stop()


def market_screen(plan: Plan, speed: float, twin: Recorder | None) -> TerminalScreen:
    """The terminal view of a simulated run; ``speed`` in market seconds a second."""
    described = plan.market.description

    def sources(tally: Tally) -> FrameSources:
        return FrameSources(
            title=described.title,
            world=plan.world,
            start=described.start,
            end=described.end,
            speed=Decimal(str(round(speed, 3))),
            equity_start=tally.equity_start,
            twin=twin,
            is_guarded=plan.is_guarded,
            limits=plan.settings.guard,
            risk_limits=plan.settings.limits,
            sizing=plan.settings.sizing,
        )

    return TerminalScreen(sources)


class ProgressLine:
    """One line on standard error that grows; silent where nobody looks."""

    def __init__(
        self, label: str, start: datetime, end: datetime, *, is_shown: bool
    ) -> None:
        self._label = label
        self._start = start
        self._span_s = max((end - start).total_seconds(), 1.0)
        self._is_shown = is_shown
        self._count = 0
        self._next_at = 0.0
        self._has_written = False

    def observer(self, tally: Tally, recorder: Recorder) -> Observer:
        """Count moments from now on."""
        started = time.monotonic()

        def observe(moment: Sequence[Event], step: Step) -> None:
            self._count += 1
            if not self._is_shown or self._count % _CHECK_EVERY:
                return
            now = time.monotonic()
            if now < self._next_at:
                return
            self._next_at = now + _FRAME_S
            at = step.state.shadow.at
            rate = self._count / max(now - started, 1e-9)
            share = min((at - self._start).total_seconds() / self._span_s, 1.0)
            self._has_written = True
            sys.stderr.write(
                f"\r{self._label}: {share:4.0%} {at:%Y-%m-%d %H:%M:%S}, "
                f"{rate:,.0f} moments/s   "
            )
            sys.stderr.flush()

        return observe

    def stop(self) -> None:
        """End the line."""
        if self._has_written:
            self._has_written = False
            sys.stderr.write("\n")
