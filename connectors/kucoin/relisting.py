"""A fresh list of all that rests, when a person asks to cancel it.

The lists are read on their own cadence, and a push names a foreign stop by its id
alone, so that one placed a moment ago may not be known yet. Who cancels everything
has them read first. Nothing here decides or sends.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from bot.domain.accounts import MAIN
from bot.ports import Clock
from connectors.kucoin.adoption import see_orders
from connectors.kucoin.answers import Rest
from connectors.kucoin.feed import Interests
from connectors.kucoin.polls import Events, Poll
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.stop_reads import news_of_stops

__all__ = ["Relisting"]

_EVERY_S: Final = 0.25
_TURN_S: Final = 0.1
_TURNS: Final = 200
"""Looks for the answer, twenty seconds in all."""


@dataclass(slots=True, kw_only=True)
class Relisting:
    """Lists orders and stops when it is asked to; hand ``poll`` to a world."""

    rest: Rest
    clock: Clock
    registry: OrderRegistry
    wanted: Callable[[], Interests]
    _asked: int = 0
    _listed: int = 0

    def poll(self) -> Poll:
        """Asks the exchange only after ``fresh`` was called."""
        return Poll(name="what rests", every_s=_EVERY_S, ask=self.ask)

    async def ask(self) -> Events:
        """The news of stops; orders are shown to the registry."""
        asked = self._asked
        if self._listed >= asked:
            return ()
        interests = self.wanted()
        await see_orders(self.rest, self.registry, interests)
        accounts = interests.accounts - {MAIN}
        told = await news_of_stops(self.rest, self.clock, self.registry, accounts)
        self._listed = asked
        return told

    async def fresh(
        self, touch: Callable[[], None], nap: Callable[[float], Awaitable[None]]
    ) -> bool:
        """Have all of it listed and told; whether that came about in time.

        Args:
            touch: Makes the world look at what trades, which tells orders.
            nap: Waits real seconds.
        """
        self._asked += 1
        wanted, is_touched = self._asked, False
        for _ in range(_TURNS):
            await nap(_TURN_S)
            if self._listed < wanted:
                continue
            if is_touched and not self.registry.owes_news:
                return True
            if not is_touched:
                touch()
                is_touched = True
        return False
