"""How a session is asked to end: by Ctrl-C, by SIGTERM, or when its time is over.

The first signal ends a running session in order; a second one, or one while the
session is still being opened, ends at once: what was sent then without an answer is
looked up by the next start. It does not exit and prints nothing.
"""

import asyncio
import signal
from typing import Final

from bot.live_start import LiveSession
from connectors.system.clock import nap

__all__ = ["Ending"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Ending:
    """Listens to signals for the task that makes it, until ``close``."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The first signal that came; None while none has."""
        self._task = asyncio.current_task()
        self._session: LiveSession | None = None
        self._timer: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._on, number)

    def follow(self, session: LiveSession, limit_s: float | None) -> None:
        """From now on a signal stops this session in order, and so does its limit.

        Args:
            session: It is open and about to run.
            limit_s: Real seconds until it ends by itself; None for never.
        """
        self._session = session
        if limit_s is not None:
            self._timer = asyncio.create_task(self._after(limit_s))

    def close(self) -> None:
        """Listen no more."""
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    async def _after(self, limit_s: float) -> None:
        await nap(limit_s)
        if self._session is not None:
            self._session.stop()

    def _on(self, number: signal.Signals) -> None:
        is_first = self.signal is None
        self.signal = self.signal or number
        if is_first and self._session is not None:
            self._session.stop()
        elif self._task is not None:
            self._task.cancel()
