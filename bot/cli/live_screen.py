"""What is shown while a live session runs: the terminal view, or nothing."""

from collections.abc import Sequence
from typing import Final

from bot.cli.screen import TerminalScreen
from bot.domain.events import Event
from bot.engine.core import Step
from bot.engine.loop import Observer
from bot.live_start import LiveSession
from bot.report.live_frame import FrameSources
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from bot.settings import Settings

__all__ = ["QuietScreen", "session_screen"]

_FRAME_S: Final = 0.5


class QuietScreen:
    """Shows nothing: for machines, logs speak."""

    def observer(self, tally: Tally, recorder: Recorder) -> Observer:
        """An observer that looks away."""

        def observe(moment: Sequence[Event], step: Step) -> None:
            return

        return observe

    def stop(self) -> None:
        """Nothing to give back."""


def session_screen(
    session: LiveSession, settings: Settings, *, is_guarded: bool
) -> TerminalScreen:
    """The terminal view of a live account: no end, no speed, no twin."""

    def sources(tally: Tally) -> FrameSources:
        return FrameSources(
            title=f"account {session.uid}",
            world="live",
            start=session.opened_at,
            end=session.opened_at,
            speed=None,
            equity_start=tally.equity_start,
            twin=None,
            is_guarded=is_guarded,
            limits=settings.guard,
            risk_limits=settings.limits,
            sizing=settings.sizing,
        )

    return TerminalScreen(sources, _FRAME_S)
