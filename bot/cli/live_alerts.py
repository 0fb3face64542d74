"""Who is told of a live session: the log, the addresses, and the last words of it.

A session that was open and ends by an error tells so before the process does: nobody
guards the account from then on. A start that is refused has only its sentence and its
exit code: another bot may well be running. A request that left without its row in the
journal is told on standard error and to the addresses at once, because nothing else
knows of it. This module decides nothing about the session.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Protocol

from bot.cli.sentences import say
from bot.domain.errors import GnomonError
from bot.domain.intents import Approved
from bot.engine.operator_requests import intent_words
from bot.engine.unwritten import Told
from bot.report.alerts import ALARM, WARNING
from bot.settings import Settings
from connectors.system.notify import AddressNotifier, LogNotifier

__all__ = ["Drained", "last_words", "notifier_of", "unjournaled"]


class Drained(Protocol):
    """A notifier that can be waited for."""

    def notify(self, level: str, sentence: str) -> None:
        """Deliver one sentence: info, warning or alarm."""

    async def drain(self) -> None:
        """Wait until what was told is sent, with a limit."""


def notifier_of(settings: Settings, stack: AsyncExitStack) -> Drained:
    """The log, and the addresses where some are set; the stack ends the sending.

    Raises:
        UsageError: There are addresses and nothing that can send to them.
    """
    if not settings.alert_urls:
        return LogNotifier()
    notifier = AddressNotifier([url.reveal() for url in settings.alert_urls])
    task = asyncio.create_task(notifier.send_all())
    stack.callback(task.cancel)
    return notifier


def last_words(notifier: Drained) -> AbstractAsyncContextManager[None]:
    """Tell of the error that ends a session, a bug too, and wait until it is told."""
    return _LastWords(notifier)


class _LastWords(AbstractAsyncContextManager[None]):
    """Of a bug only its kind leaves this machine: its text may hold anything."""

    def __init__(self, notifier: Drained) -> None:
        self._notifier = notifier

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, Exception):
            return
        why = f"a bug ({type(error).__name__}), whose trace is on standard error"
        why = str(error) if isinstance(error, GnomonError) else f"{why}; start it again"
        self._notifier.notify(ALARM, f"The bot has ended and guards nothing: {why}")
        await self._notifier.drain()


def unjournaled(notifier: Drained) -> Told:
    """Tells of each request that leaves while the journal takes no rows."""

    def tell(approved: Approved) -> None:
        words = intent_words(approved.intent)
        sentence = f"Sent without a journal row: {approved.intent_id}: {words}."
        say(sentence)
        notifier.notify(WARNING, sentence)

    return tell
