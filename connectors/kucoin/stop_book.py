"""The stops that rest at KuCoin, as far as anything has said so.

Answers to our requests, pushes and lists all end here; what is news becomes a
``StopChanged``. A push names a stop by the exchange's id alone, so one that nobody
has shown before is left to the next list, which says whose it is. A stop that has
ended never rests again. Pure state: no clock, no network; what it remembers is
bounded.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.intents import PlaceStop
from bot.domain.orders import StopState
from bot.domain.stops import StopChanged, stop_of
from connectors.kucoin.parse.account_pushes import StopOrderPush
from connectors.kucoin.parse.stop_orders import StopRow

__all__ = ["StopBook", "from_row"]

_KEPT: Final = 2000
_GRACE: Final = timedelta(seconds=10)
"""A stop younger than this may be missing from a list that was on its way."""
_OVER: Final = {
    "triggered": StopState.TRIGGERED,
    "cancel": StopState.CANCELLED,
    "canceled": StopState.CANCELLED,
    "cancelled": StopState.CANCELLED,
    "fail": StopState.FAILED,
    "failed": StopState.FAILED,
}
"""KuCoin's words for the end of a stop, in lower case."""


def from_row(row: StopRow, intent_id: str | None) -> StopChanged:
    """A listed stop in the domain's words."""
    return StopChanged(
        at=row.at,
        stop_id=row.stop_id,
        intent_id=intent_id,
        account=row.account,
        symbol=row.symbol,
        side=row.side,
        state=StopState.RESTING,
        qty=row.qty,
        stop_price=row.stop_price,
        is_up=row.is_up,
        reduce_only=row.reduce_only,
        margin_mode=row.mode,
        position_side=row.position_side,
    )


@dataclass(slots=True)
class StopBook:
    """Stops by the exchange's id."""

    _resting: dict[str, StopChanged] = field(default_factory=dict)
    _ended: dict[str, None] = field(default_factory=dict)

    def resting(self) -> tuple[StopChanged, ...]:
        """The stops that are not known to have ended, oldest first."""
        return tuple(self._resting.values())

    def get(self, stop_id: str) -> StopChanged | None:
        """A stop that rests, None for any other."""
        return self._resting.get(stop_id)

    def placed(
        self, at: datetime, intent: PlaceStop, stop_id: str, intent_id: str
    ) -> None:
        """The exchange took our stop; whoever asked is told by the answer."""
        if stop_id not in self._ended:
            self._resting[stop_id] = stop_of(intent, at, stop_id, intent_id)

    def withdrawn(self, stop_id: str) -> None:
        """The exchange cancelled a stop on our request."""
        self._end(stop_id)

    def pushed(self, push: StopOrderPush) -> StopChanged | None:
        """What a push says of a stop that is known, if it is news."""
        state = _OVER.get(push.change)
        known = self._resting.get(push.order_id)
        if state is None or known is None:
            return None
        if state is StopState.TRIGGERED and push.is_placed is False:
            state = StopState.FAILED
        self._end(push.order_id)
        return replace(known, at=push.at, state=state)

    def listed(self, stops: Iterable[StopChanged]) -> tuple[StopChanged, ...]:
        """The stops of a list that nobody has told of before."""
        news = [
            stop
            for stop in stops
            if stop.stop_id not in self._resting and stop.stop_id not in self._ended
        ]
        self._resting |= {stop.stop_id: stop for stop in news}
        return tuple(news)

    def unlisted(
        self, at: datetime, listed: Collection[str]
    ) -> tuple[StopChanged, ...]:
        """The stops that a list of ``at`` should have shown and did not."""
        return tuple(
            stop
            for stop in self._resting.values()
            if stop.stop_id not in listed and at - stop.at >= _GRACE
        )

    def over(
        self, at: datetime, stop: StopChanged, state: StopState, order_id: str | None
    ) -> StopChanged:
        """What became of a stop that is listed no more."""
        self._end(stop.stop_id)
        return replace(stop, at=at, state=state, order_id=order_id)

    def _end(self, stop_id: str) -> None:
        self._resting.pop(stop_id, None)
        self._ended[stop_id] = None
        while len(self._ended) > _KEPT:
            del self._ended[next(iter(self._ended))]
