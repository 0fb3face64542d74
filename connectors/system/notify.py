"""Tells a person: the log always, other channels where they are set up.

A notice is put into a bounded queue and sent by one task, so that a slow channel
never delays the guard; what does not fit is counted and said. Addresses are
secrets and are never printed. Sending through addresses needs the ``alerts``
extra; without it a start with addresses is refused by a sentence.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from loguru import logger

from bot.domain.errors import UsageError

try:
    import apprise
except ImportError:
    apprise = None

__all__ = ["AddressNotifier", "LogNotifier"]

_WAITING: Final = 256
_SEND_S: Final = 20.0
_LEVELS: Final = {"info": "INFO", "warning": "WARNING", "alarm": "CRITICAL"}


class LogNotifier:
    """Writes every notice to the log."""

    def notify(self, level: str, sentence: str) -> None:
        logger.log(_LEVELS.get(level, "WARNING"), "{}", sentence)

    async def drain(self) -> None:
        """Nothing waits here."""


class AddressNotifier:
    """Sends warnings and alarms to addresses, beside the log.

    Raises:
        UsageError: There are addresses and nothing that can send to them.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        if apprise is None:
            raise UsageError(
                "GNOMON_ALERT_URLS is set, but the package that sends alerts is not "
                "installed: pip install -e '.[alerts]' in the checkout, or leave it "
                "empty."
            )
        self._sender = apprise.Apprise()
        for number, address in enumerate(addresses, start=1):
            if not self._sender.add(address):
                raise UsageError(
                    f"Address {number} of GNOMON_ALERT_URLS is not understood; "
                    "correct it in .env."
                )
        self._log = LogNotifier()
        self._queue: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        self._lost = 0

    def notify(self, level: str, sentence: str) -> None:
        self._log.notify(level, sentence)
        if level == "info":
            return
        try:
            self._queue.put_nowait(sentence)
        except asyncio.QueueFull:
            self._lost += 1

    async def drain(self) -> None:
        """Wait until what was told is sent, but not for ever; for the last words."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SEND_S):
                await self._queue.join()

    async def send_all(self) -> None:
        """Send what waits, for ever; a channel that fails is logged, not fatal."""
        while True:
            sentence = await self._queue.get()
            if self._lost:
                sentence = f"{sentence} ({self._lost} earlier notices were not sent)"
                self._lost = 0
            try:
                async with asyncio.timeout(_SEND_S):
                    is_sent = await self._sender.async_notify(body=sentence)
            except TimeoutError:
                is_sent = False
            self._queue.task_done()
            if not is_sent:
                logger.error("An alert could not be sent to every address.")
