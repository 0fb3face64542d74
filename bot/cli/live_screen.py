"""What is shown while a live session runs: the terminal view, or nothing.

An observer that never changes the run and draws a few frames a second at most.
"""

import time
from collections.abc import Sequence
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live

from bot.domain.events import Event
from bot.engine.core import Step
from bot.engine.loop import Observer
from bot.guard.limits import GuardLimits
from bot.live_start import LiveSession
from bot.report.live_frame import FrameSources, live_frame
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from bot.report.terminal import render

__all__ = ["LiveView", "QuietView", "View"]

_FRAME_S: Final = 0.5


class View(Protocol):
    """Something that shows a session."""

    def observer(self, tally: Tally, recorder: Recorder) -> Observer:
        """The observer to hand to the engine."""

    def stop(self) -> None:
        """Give the terminal back."""


class QuietView:
    """Shows nothing: for machines, logs speak."""

    def observer(self, tally: Tally, recorder: Recorder) -> Observer:
        """An observer that looks away."""

        def observe(moment: Sequence[Event], step: Step) -> None:
            return

        return observe

    def stop(self) -> None:
        """Nothing to give back."""


class LiveView:
    """The terminal view of a live account."""

    def __init__(
        self, session: LiveSession, limits: GuardLimits, *, is_guarded: bool
    ) -> None:
        self._session = session
        self._limits = limits
        self._is_guarded = is_guarded
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
            self._next_at = now + _FRAME_S
            self._draw(step, tally, recorder)

        return observe

    def _draw(self, step: Step, tally: Tally, recorder: Recorder) -> None:
        opened_at = self._session.opened_at
        sources = FrameSources(
            title=f"account {self._session.uid}",
            world="live",
            start=opened_at,
            end=opened_at,
            speed=None,
            equity_start=tally.equity_start,
            twin=None,
            is_guarded=self._is_guarded,
            limits=self._limits,
        )
        frame = live_frame(recorder, step, sources)
        size = self._console.size
        self._live.update(render(frame, size.width, size.height), refresh=True)

    def stop(self) -> None:
        """Give the terminal back."""
        if self._is_on:
            self._is_on = False
            self._live.stop()
