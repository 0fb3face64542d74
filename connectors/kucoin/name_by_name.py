"""Asks for many names one after another, so that one never costs the others an answer.

A coin without a market, a contract that is delisted, a row that cannot be read: each is
that name's own trouble. A name that the exchange refuses three times in a row is left
alone for a minute and said once with the exchange's words. What is refused of
everything (the key, the clock, too many requests) and what cannot be reached is no
name's trouble: it ends the round, what was read before is kept, and the next round
begins behind the name at which this one ended, so that none waits for ever. Nothing
here knows what is asked for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.errors import UnreachableError, UsageError
from bot.domain.events import Event
from bot.ports import Clock
from connectors.kucoin.answers import ExchangeRefusedError
from connectors.kucoin.codes import is_busy

__all__ = ["NameByName"]

_REST: Final = timedelta(minutes=1)
"""How long a name that is refused again and again is not asked for."""
_PATIENCE: Final = 3
_OF_EVERYTHING: Final = frozenset(
    {"400001", "400002", "400003", "400004", "400005", "400006", "400007"}
)
"""Refusals of the key, its signature or its time, whatever was asked for."""

_Ask = Callable[[str], Awaitable[Sequence[Event]]]


@dataclass(slots=True)
class NameByName:
    """Rounds of questions, each about one name.

    Args:
        clock: When a name may be asked for again.
        note: Told of each name that is left alone, in a sentence.
        round_s: Real seconds that a round may take; a poll has thirty.
    """

    clock: Clock
    note: Callable[[str], None]
    round_s: float = 20.0
    _refused: dict[tuple[str, str], int] = field(default_factory=dict)
    _until: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _said: set[tuple[str, str]] = field(default_factory=set)
    """Names and reasons; what else is refused of a name is not said again."""
    _ended_at: dict[str, str] = field(default_factory=dict)
    """Of what is asked for, the name at which the last round was cut short."""

    async def ask(self, what: str, names: Iterable[str], ask: _Ask) -> list[Event]:
        """The events of every name that is answered.

        Args:
            what: What is asked for, in words.
            names: About what.
            ask: One question.

        Raises:
            ExchangeRefusedError: Everything is refused, and nothing was read before.
            UnreachableError: No sound answer, and nothing was read before.
        """
        told: list[Event] = []
        is_read = False
        try:
            async with asyncio.timeout(self.round_s):
                for name in self._in_turn(what, names):
                    answer = await self._one((what, name), ask)
                    is_read |= answer is not None
                    told += answer or ()
        except TimeoutError:
            if not is_read:
                why = f"{what} of nothing was answered within {self.round_s:.0f} s"
                raise UnreachableError(why) from None
        except (ExchangeRefusedError, UnreachableError):
            if not is_read:
                raise
        return told

    def _in_turn(self, what: str, names: Iterable[str]) -> Iterator[str]:
        """The names that are due; those behind the one that ended a round come first.

        The name that is given last stays noted as the end, until the round is over.
        """
        due, now = list(names), self.clock.now()
        if (ended := self._ended_at.get(what)) in due:
            first = due.index(ended) + 1
            due = due[first:] + due[:first]
        for name in due:
            if now >= self._until.get((what, name), now):
                self._ended_at[what] = name
                yield name
        self._ended_at.pop(what, None)

    async def _one(self, key: tuple[str, str], ask: _Ask) -> Sequence[Event] | None:
        """One answer; None where the trouble is the name's own."""
        try:
            events = await ask(key[1])
        except UsageError as error:
            self._struck(key, str(error))
            return None
        except ExchangeRefusedError as refusal:
            if _is_of_everything(refusal):
                raise
            self._struck(key, f"KuCoin says: {refusal}")
            return None
        self._refused.pop(key, None)
        return events

    def _struck(self, key: tuple[str, str], reason: str) -> None:
        """Count a refusal of one name; after some it is left alone for a while."""
        count = self._refused.get(key, 0) + 1
        self._refused[key] = count % _PATIENCE
        if count < _PATIENCE:
            return
        what, name = key
        is_news = key not in self._until and (name, reason) not in self._said
        self._until[key] = self.clock.now() + _REST
        self._said.add((name, reason))
        if is_news:
            self.note(f"{what} of {name} cannot be read and is left out: {reason}")


def _is_of_everything(refusal: ExchangeRefusedError) -> bool:
    return refusal.code in _OF_EVERYTHING or is_busy(refusal.code, refusal.message)
