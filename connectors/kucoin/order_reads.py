"""Orders as REST states them, in the registry's words: by id, by our id, open ones.

"Not found" is an answer of its own here (None), because inside the settle window it
is no information. It decides nothing about the fate of a request.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
    isolated_pair,
)
from bot.domain.orders import OrderState
from connectors.kucoin.answers import ExchangeRefusedError, Rest, Urgency
from connectors.kucoin.codes import is_order_gone
from connectors.kucoin.order_words import trade_type
from connectors.kucoin.parse.futures_orders import (
    FuturesOrder,
    FuturesOrderPush,
    futures_fills,
    futures_order,
    futures_orders,
)
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.paging import page_end
from connectors.kucoin.parse.spot_orders import (
    SpotOrder,
    SpotOrderPush,
    active_symbols,
    spot_fills,
    spot_order,
    spot_orders,
)
from connectors.kucoin.registry import OrderFact

__all__ = [
    "Listing",
    "list_orders",
    "of_futures_push",
    "of_spot_push",
    "open_orders",
    "order_by_client_id",
    "order_by_id",
]

_PAGE: Final = 100
_FUTURES_PAGE: Final = 200
_CLOCK_SLACK_MS: Final = 60_000
_PAGES_MAX: Final = 50
"""Pages of open futures orders; KuCoin lets far fewer rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The orders and traded order ids of a symbol, and whether these are all."""

    orders: tuple[OrderFact, ...]
    traded: frozenset[str]
    is_complete: bool


async def order_by_client_id(
    rest: Rest,
    account: AccountId,
    symbol: str,
    client_id: str,
    *,
    urgency: Urgency = Urgency.ROUTINE,
) -> OrderFact | None:
    """The order with our id, None if the exchange says that there is none.

    Raises:
        ExchangeRefusedError: It was refused for another reason.
        UnreachableError: There was no sound answer.
    """
    name = f"{_family(account)}_order_by_client_id"
    params = {"clientOid": client_id}
    if account != FUTURES:
        params["symbol"] = symbol
    return await _one(rest, name, params, account, urgency)


async def order_by_id(
    rest: Rest,
    account: AccountId,
    symbol: str,
    order_id: str,
    *,
    urgency: Urgency = Urgency.ROUTINE,
) -> OrderFact | None:
    """The order with the exchange's id, None if it says that there is none."""
    params = {"orderId": order_id}
    if account != FUTURES:
        params["symbol"] = symbol
    return await _one(rest, f"{_family(account)}_order", params, account, urgency)


async def _one(
    rest: Rest,
    name: str,
    params: Mapping[str, str],
    account: AccountId,
    urgency: Urgency,
) -> OrderFact | None:
    try:
        data = await rest.read(name, params, urgency=urgency)
    except ExchangeRefusedError as refusal:
        if is_order_gone(refusal.code, refusal.message):
            return None
        raise
    return None if data.is_blank else _fact(data, account)


async def list_orders(
    rest: Rest,
    account: AccountId,
    symbol: str,
    since: datetime,
    *,
    urgency: Urgency = Urgency.ROUTINE,
) -> Listing:
    """Everything that is open, ended or traded of a symbol since a time."""
    start = str(int(since.timestamp() * 1000) - _CLOCK_SLACK_MS)
    active, done, fills = await asyncio.gather(
        *(
            rest.read(name, params, urgency=urgency)
            for name, params in _lists(account, symbol, start)
        )
    )
    facts = (*_facts(active, account), *_facts(done, account))
    traded = _traded(fills, account)
    limit = _FUTURES_PAGE if account == FUTURES else _PAGE
    return Listing(
        orders=facts,
        traded=traded,
        is_complete=len(facts) < limit and len(traded) < limit,
    )


def _lists(
    account: AccountId, symbol: str, start: str
) -> Iterable[tuple[str, dict[str, str]]]:
    """The three lists that together hold every order that was accepted."""
    if account == FUTURES:
        page = {"symbol": symbol, "pageSize": str(_FUTURES_PAGE)}
        return (
            ("open_futures_orders", page),
            ("done_futures_orders", {**page, "startAt": start}),
            ("futures_fills", {**page, "startAt": start}),
        )
    family = _family(account)
    one = {"symbol": symbol}
    if family == "margin":
        one["tradeType"] = trade_type(account)
    page = {**one, "limit": str(_PAGE), "startAt": start}
    return (
        (f"active_{family}_orders", one),
        (f"done_{family}_orders", page),
        (f"{family}_fills", page),
    )


def _traded(data: Node, account: AccountId) -> frozenset[str]:
    if account == FUTURES:
        return frozenset(fill.order_id for fill in futures_fills(data))
    return frozenset(fill.order_id for fill in spot_fills(data))


async def open_orders(
    rest: Rest, accounts: Iterable[AccountId], symbols: Iterable[str]
) -> tuple[OrderFact, ...]:
    """Every open order of these accounts, also in pairs that nobody follows.

    Spot and margin list their orders pair by pair, so KuCoin is asked first in which
    pairs anything rests; a pair that it names is read whether its rules are known or
    not. Isolated pairs that it names are read whenever cross margin is.

    Args:
        rest: The exchange.
        accounts: Which accounts; an isolated one brings its own symbol.
        symbols: Pairs that spot and cross margin are asked for in any case.

    Raises:
        ExchangeRefusedError: The exchange refuses a question.
        UnreachableError: No sound answer.
        UsageError: A field of an answer is missing or broken.
    """
    wanted = frozenset(accounts)
    found = await _open_futures(rest) if FUTURES in wanted else []
    for account, symbol in await _places(rest, wanted, frozenset(symbols)):
        found += _facts(await _active(rest, account, symbol), account)
    return tuple({fact.order_id: fact for fact in found}.values())


async def _open_futures(rest: Rest) -> list[OrderFact]:
    """The open orders of every contract, page by page."""
    found: list[OrderFact] = []
    for number in range(1, _PAGES_MAX + 1):
        params = {"pageSize": str(_FUTURES_PAGE), "currentPage": str(number)}
        data = await rest.read("open_futures_orders", params)
        found += _facts(data, FUTURES)
        if data.is_blank or number >= (page_end(data).pages or 1):
            break
    return found


async def _places(
    rest: Rest, wanted: frozenset[AccountId], symbols: frozenset[str]
) -> list[tuple[AccountId, str]]:
    """Each account and pair to ask for: those given, and those that KuCoin names."""
    pairs = {pair for account in wanted if (pair := isolated_pair(account)) is not None}
    places: set[tuple[AccountId, str]] = set()
    if SPOT in wanted:
        named = active_symbols(await rest.read("active_spot_symbols"))
        places |= {(SPOT, symbol) for symbol in symbols | named}
    if MARGIN_CROSS in wanted:
        named = await _active_in_margin(rest, "MARGIN_TRADE")
        places |= {(MARGIN_CROSS, symbol) for symbol in symbols | named}
        pairs |= await _active_in_margin(rest, "MARGIN_ISOLATED_TRADE")
    places |= {(isolated_account(pair), pair) for pair in pairs}
    return sorted(places)


async def _active_in_margin(rest: Rest, kind: str) -> frozenset[str]:
    """The pairs in which an order of this trade type rests."""
    return active_symbols(await rest.read("active_margin_symbols", {"tradeType": kind}))


async def _active(rest: Rest, account: AccountId, symbol: str) -> Node:
    params = {"symbol": symbol}
    if account == SPOT:
        return await rest.read("active_spot_orders", params)
    params["tradeType"] = trade_type(account)
    return await rest.read("active_margin_orders", params)


def _family(account: AccountId) -> str:
    if account == FUTURES:
        return "futures"
    return "spot" if account == SPOT else "margin"


def _facts(data: Node, account: AccountId) -> tuple[OrderFact, ...]:
    if data.is_blank:
        return ()
    if account == FUTURES:
        orders = futures_orders(data).orders
        return tuple(_of_futures(order) for order in orders if not order.is_waiting)
    return tuple(_of_spot(order) for order in spot_orders(data))


def _fact(data: Node, account: AccountId) -> OrderFact:
    if account == FUTURES:
        return _of_futures(futures_order(data))
    return _of_spot(spot_order(data))


_ACCOUNTS: Final[Mapping[str, AccountId]] = {"spot": SPOT, "margin_cross": MARGIN_CROSS}


def _of_spot(order: SpotOrder) -> OrderFact:
    account = _ACCOUNTS.get(order.account)
    if order.account == "margin_isolated":
        account = isolated_account(order.symbol)
    return OrderFact(
        at=order.at,
        order_id=order.order_id,
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        state=order.state,
        qty=order.size,
        filled_qty=order.filled_size,
        account=account,
        price=order.price,
    )


def _of_futures(order: FuturesOrder) -> OrderFact:
    at = order.at
    if at is None:
        Node(None, f"{order.path}.createdAt").refuse("the time of the order")
    return OrderFact(
        at=at,
        order_id=order.order_id,
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        state=order.state,
        qty=None if order.close and order.lots == 0 else Decimal(order.lots),
        filled_qty=Decimal(order.filled_lots),
        account=FUTURES,
        price=order.price,
        reduce_only=order.reduce_only or order.close,
        margin_mode=order.mode,
        position_side=order.position_side,
        is_stop=order.is_waiting,
    )


def of_spot_push(push: SpotOrderPush) -> OrderFact:
    """What a push says; in which account the order trades it does not say."""
    filled = push.filled_size
    if filled is None and push.state is OrderState.FILLED:
        filled = push.size
    return OrderFact(
        at=push.at,
        order_id=push.order_id,
        client_id=push.client_id,
        symbol=push.symbol,
        side=push.side,
        state=push.state,
        qty=push.size,
        filled_qty=filled,
        price=push.price,
    )


def of_futures_push(push: FuturesOrderPush) -> OrderFact:
    """What a push of the futures host says of an order."""
    return OrderFact(
        at=push.at,
        order_id=push.order_id,
        client_id=push.client_id,
        symbol=push.symbol,
        side=push.side,
        state=push.state,
        qty=Decimal(push.lots),
        filled_qty=Decimal(push.filled_lots),
        account=FUTURES,
        price=push.price,
        reason=push.forced,
    )
