"""The stops as REST states them: those that wait, and what became of one.

Two lists together hold every stop that waits: one of the futures host, one of the
spot host for margin and one for spot. A stop that is on none of them has triggered,
which its order under our id shows, or was cancelled. Nothing here decides or sends.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.accounts import FUTURES, SPOT, AccountId
from bot.domain.events import Event
from bot.domain.intents import CancelStop, PlaceStop
from bot.domain.orders import Outcome, StopState
from bot.domain.stops import StopChanged
from bot.ports import Clock
from connectors.kucoin.answers import Rest, Urgency
from connectors.kucoin.fates import Case, Fate
from connectors.kucoin.order_reads import order_by_client_id
from connectors.kucoin.parse.paging import page_end
from connectors.kucoin.parse.stop_orders import StopRow, futures_stops, spot_stops
from connectors.kucoin.registry import OrderFact, OrderRegistry
from connectors.kucoin.stop_book import from_row

__all__ = ["StopList", "list_stops", "news_of_stops", "stop_fate"]

_PAGE: Final = "500"
_FUTURES_PAGE: Final = "200"
_PAGES_MAX: Final = 10
"""Pages of one list; KuCoin lets fewer stops rest than these hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopList:
    """The stops that waited at ``at``, each once, and whether these are all."""

    at: datetime
    rows: tuple[StopRow, ...]
    is_complete: bool


async def list_stops(
    rest: Rest,
    clock: Clock,
    accounts: Iterable[AccountId],
    urgency: Urgency = Urgency.ROUTINE,
) -> StopList:
    """Every stop that waits in these accounts, page by page.

    A page costs 8 for spot or margin, 6 for futures; a hundred stops are one page.

    Raises:
        ExchangeRefusedError: The exchange refuses a question.
        UnreachableError: No sound answer.
        UsageError: A field of an answer is missing or broken.
    """
    at, names = clock.now(), {_list_of(account) for account in accounts}
    lists = await asyncio.gather(
        *(_pages(rest, name, urgency) for name in sorted(names))
    )
    rows = {row.stop_id: row for found, _ in lists for row in found}
    return StopList(
        at=at,
        rows=tuple(rows.values()),
        is_complete=all(is_whole for _, is_whole in lists),
    )


def _list_of(account: AccountId) -> str:
    if account == FUTURES:
        return "futures_stops"
    return "spot_stops" if account == SPOT else "margin_stops"


async def _pages(rest: Rest, name: str, urgency: Urgency) -> tuple[list[StopRow], bool]:
    """The stops of one list, and whether none can have been missed.

    One page is the list of a moment; between two pages a stop may slip to the first.
    """
    is_futures = name == "futures_stops"
    found: list[StopRow] = []
    for number in range(1, _PAGES_MAX + 1):
        params = {
            "pageSize": _FUTURES_PAGE if is_futures else _PAGE,
            "currentPage": str(number),
        }
        document = await rest.read(name, params, urgency=urgency)
        found += futures_stops(document) if is_futures else spot_stops(document)
        if number >= (page_end(document).pages or 1):
            return found, number == 1
    return found, False


async def news_of_stops(
    rest: Rest, clock: Clock, registry: OrderRegistry, accounts: Iterable[AccountId]
) -> tuple[Event, ...]:
    """What the lists say that nobody has told: new stops, and those that are gone."""
    found = await list_stops(rest, clock, accounts)
    book, rows = registry.stops, found.rows
    stops = (from_row(row, registry.own_id(row.stop_id, row.client_id)) for row in rows)
    told: list[Event] = list(book.listed(stops))
    if not found.is_complete:
        return tuple(told)
    gone = book.unlisted(found.at, {row.stop_id for row in rows})
    return (*told, *[await _ended(rest, clock, registry, stop) for stop in gone])


async def _ended(
    rest: Rest, clock: Clock, registry: OrderRegistry, stop: StopChanged
) -> StopChanged:
    """Whether a stop that waits no more has triggered or was cancelled."""
    order = None
    if stop.intent_id is not None:
        order = await _order_of(rest, stop.account, stop.symbol, stop.intent_id)
    if order is not None and stop.intent_id is not None:
        registry.adopt(order.order_id, stop.intent_id)
        registry.see(order)
    state = StopState.CANCELLED if order is None else StopState.TRIGGERED
    order_id = None if order is None else order.order_id
    return registry.stops.over(clock.now(), stop, state, order_id)


async def _order_of(
    rest: Rest,
    account: AccountId,
    symbol: str,
    intent_id: str,
    urgency: Urgency = Urgency.ROUTINE,
) -> OrderFact | None:
    """The order that a stop of ours became; a stop that waits or was cancelled is none.

    KuCoin's futures answer under the client id of a stop with the stop itself.
    """
    fact = await order_by_client_id(rest, account, symbol, intent_id, urgency=urgency)
    return None if fact is None or fact.is_stop else fact


async def stop_fate(
    rest: Rest, clock: Clock, case: Case, registry: OrderRegistry
) -> Fate | None:
    """One look at a request for or against a stop."""
    intent = case.approved.intent
    assert isinstance(intent, PlaceStop | CancelStop)  # noqa: S101 - the caller asked
    found = await list_stops(rest, clock, (intent.account,), case.urgency)
    if isinstance(intent, CancelStop):
        return await _withdrawal(rest, case, intent, registry, found)
    intent_id = case.approved.intent_id
    for row in found.rows:
        if row.client_id == intent_id:
            registry.adopt(row.stop_id, intent_id)
            registry.stops.placed(found.at, intent, row.stop_id, intent_id)
            return Fate(outcome=Outcome.DONE, order_id=row.stop_id)
    order = await _order_of(
        rest, intent.account, intent.symbol, intent_id, case.urgency
    )
    if order is not None:
        registry.adopt(order.order_id, intent_id)
        registry.see(order)
        return Fate(outcome=Outcome.DONE)
    if not found.is_complete or not case.absence.seen(case.sent_at, found.at):
        return None
    reason = f"KuCoin has no stop and no order under our id, {case.absence.looks} looks"
    return Fate(outcome=Outcome.REFUSED, reason=reason)


async def _withdrawal(
    rest: Rest, case: Case, intent: CancelStop, registry: OrderRegistry, found: StopList
) -> Fate | None:
    """A stop that waits no more was withdrawn, unless it became an order."""
    is_waiting = intent.stop_id in {row.stop_id for row in found.rows}
    if not found.is_complete or not case.absence.seen(case.sent_at, found.at):
        return None
    if is_waiting:
        return Fate(outcome=Outcome.REFUSED, reason="the stop still waits")
    own = registry.intent_of(intent.stop_id)
    order = None
    if own is not None:
        order = await _order_of(rest, intent.account, intent.symbol, own, case.urgency)
    if order is not None:
        registry.see(order)
        return Fate(outcome=Outcome.REFUSED, reason="the stop had triggered")
    registry.stops.withdrawn(intent.stop_id)
    return Fate(outcome=Outcome.DONE, order_id=intent.stop_id)
