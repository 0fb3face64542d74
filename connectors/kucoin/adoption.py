"""What rests at a start: orders and stops, ours taken over and foreign ones noticed.

A process that died between request and answer knows our id of an order and not the
exchange's. Its fills carry the exchange's only, so they would be booked as nobody's.
One question an order, before fills are booked; what is not found here stays in doubt
and is looked up later.
"""

from collections.abc import Iterable
from contextlib import suppress

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT
from bot.domain.errors import UnreachableError, UsageError
from bot.domain.events import Event
from bot.domain.intents import Approved, PlaceOrder, PlaceStop
from bot.domain.stops import StopChanged
from bot.ports import Clock
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.feed import Interests
from connectors.kucoin.order_reads import open_orders, order_by_client_id
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.stop_reads import news_of_stops

__all__ = ["adopt_open", "adopt_stops", "see_orders"]


async def adopt_open(
    rest: Rest, registry: OrderRegistry, open_intents: Iterable[Approved]
) -> None:
    """Tell the registry the exchange's id of every open order request that has one.

    A question that fails proves nothing and costs nothing: the look-ups ask again.
    """
    for approved in open_intents:
        intent = approved.intent
        if not isinstance(intent, PlaceOrder | PlaceStop):
            continue
        with suppress(UnreachableError, ExchangeRefusedError, UsageError):
            fact = await order_by_client_id(
                rest, intent.account, intent.symbol, approved.intent_id
            )
            if fact is not None:
                registry.adopt(fact.order_id, approved.intent_id)


async def adopt_stops(
    rest: Rest, clock: Clock, registry: OrderRegistry, known: Iterable[StopChanged]
) -> tuple[Event, ...]:
    """What became of the stops that the journal knows, and every stop that rests now.

    Stops of ours are taken over by our id, foreign ones are noticed. A stop that
    went off while nobody was there brings its order along, so that its fills are ours.

    Raises:
        ExchangeRefusedError: The exchange refuses to list them.
        UnreachableError: No sound answer.
        UsageError: A field of an answer is missing or broken.
    """
    registry.stops.listed(known)
    news = await news_of_stops(rest, clock, registry, (FUTURES, SPOT, MARGIN_CROSS))
    gone = [e for e in news if isinstance(e, StopChanged) and e.state.is_final]
    return (*gone, *registry.stops.resting())


async def see_orders(rest: Rest, registry: OrderRegistry, interests: Interests) -> None:
    """Show the registry every order that rests now, so that the first look tells it.

    What is asked for right after a start, such as cancelling everything, must not
    overlook one because its list came later.

    Raises:
        ExchangeRefusedError: The exchange refuses to list them.
        UnreachableError: No sound answer.
        UsageError: A field of an answer is missing or broken.
    """
    accounts = interests.accounts - {MAIN}
    for fact in await open_orders(rest, accounts, interests.spot_symbols):
        registry.see(fact)
