"""Which open requests of ours are orders already, asked before their fills are booked.

A process that died between request and answer knows our id of an order and not the
exchange's. Its fills carry the exchange's only, so they would be booked as nobody's.
One question an order; what is not found here stays in doubt and is looked up later.
"""

from collections.abc import Iterable
from contextlib import suppress

from bot.domain.errors import UnreachableError, UsageError
from bot.domain.intents import Approved, PlaceOrder
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.order_reads import order_by_client_id
from connectors.kucoin.registry import OrderRegistry

__all__ = ["adopt_open"]


async def adopt_open(
    rest: Rest, registry: OrderRegistry, open_intents: Iterable[Approved]
) -> None:
    """Tell the registry the exchange's id of every open order request that has one.

    A question that fails proves nothing and costs nothing: the look-ups ask again.
    """
    for approved in open_intents:
        intent = approved.intent
        if not isinstance(intent, PlaceOrder):
            continue
        with suppress(UnreachableError, ExchangeRefusedError, UsageError):
            fact = await order_by_client_id(
                rest, intent.account, intent.symbol, approved.intent_id
            )
            if fact is not None:
                registry.adopt(fact.order_id, approved.intent_id)
