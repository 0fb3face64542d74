"""The futures host's lists of orders, stop orders and fills.

They read the archive and the stops; they change nothing. A list is newest first.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.money import ZERO
from bot.domain.orders import Side
from connectors.venue.server.archive import FillRecord, OrderRecord
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.futures_forms import (
    BAD_PARAMETER,
    MAX_PAGE,
    asked_contract,
    chosen,
    paged,
    query,
    span,
)
from connectors.venue.server.futures_position_log import position_log
from connectors.venue.server.futures_stops import FuturesStop, futures_stops
from connectors.venue.server.order_forms import OrderNotes
from connectors.venue.server.words_futures_common import text, word
from connectors.venue.server.words_futures_orders import (
    OrderSight,
    fill_row,
    order_kind,
    order_row,
    stop_row,
)

__all__ = [
    "fills",
    "open_order_statistics",
    "order_by_client_id",
    "order_by_id",
    "order_sight",
    "orders",
    "recent_done_orders",
    "recent_fills",
    "stop_orders",
]

_NO_ORDER: Final = ("100001", "error.getOrder.orderNotExist")
_RECENT: Final = timedelta(hours=24)
_WEEK: Final = timedelta(days=7)
_STATUSES: Final[Mapping[str, bool]] = {"active": True, "done": False}
_SIDES: Final[Mapping[str, str | None]] = {"buy": "buy", "sell": "sell"}
_TRADES: Final[Mapping[str, str | None]] = {
    "trade": None,
    "liquid": "liquidation",
    "adl": "adl",
}
_KINDS: Final[Mapping[str, str | None]] = {
    name: name
    for name in (
        "limit",
        "market",
        "limit_stop",
        "market_stop",
        "oco_limit",
        "oco_stop",
    )
}


def order_sight(backend: Backend, record: OrderRecord) -> OrderSight:
    """An order with its stop, its note and the value of its fills."""
    order = record.order
    return OrderSight(
        order=order,
        rules=backend.venue.rules.contracts[order.symbol],
        created_at=record.created_at,
        updated_at=record.updated_at,
        dealt=backend.part(position_log).dealt.get(order.order_id, ZERO),
        note=backend.part(OrderNotes).of(order.intent_id),
        stop=backend.part(futures_stops).behind(order.order_id),
    )


def _row(backend: Backend, record: OrderRecord) -> dict[str, object]:
    return order_row(order_sight(backend, record))


def _stop_row(backend: Backend, stop: FuturesStop) -> dict[str, object]:
    rules = backend.venue.rules.contracts[stop.intent.symbol]
    return stop_row(stop, rules, backend.part(OrderNotes).of(stop.client_id))


def _records(backend: Backend) -> list[OrderRecord]:
    """Every futures order, newest first."""
    found = [r for r in backend.archive.orders.values() if r.order.account == FUTURES]
    return found[::-1]


def _symbol_filter(call: Call) -> Callable[[str], bool]:
    wanted = call.query.get("symbol", "").strip()
    return lambda symbol: wanted in {"", symbol}


def orders(backend: Backend, call: Call) -> object:
    """``GET /api/v1/orders``: done ones, or with ``status=active`` the resting."""
    is_active = chosen(call, "status", _STATUSES, default=False)
    first, last = span(call, "startAt", "endAt")
    side = chosen(call, "side", _SIDES, None)
    kind = chosen(call, "type", _KINDS, None)
    is_wanted, stops = _symbol_filter(call), backend.part(futures_stops)
    rows = [
        _row(backend, record)
        for record in _records(backend)
        if record.is_active is is_active
        and is_wanted(record.order.symbol)
        and first <= record.created_at <= last
        and side in {None, record.order.side.value}
        and kind
        in {
            None,
            order_kind(record.order.type, stops.behind(record.order.order_id)),
        }
    ]
    return paged(call, rows)


def recent_done_orders(backend: Backend, call: Call) -> object:
    """``GET /api/v1/recentDoneOrders``: done within 24 hours, at most 1000."""
    is_wanted = _symbol_filter(call)
    return [
        _row(backend, record)
        for record in _records(backend)
        if not record.is_active
        and is_wanted(record.order.symbol)
        and record.updated_at >= call.at - _RECENT
    ][:MAX_PAGE]


def stop_orders(backend: Backend, call: Call) -> object:
    """``GET /api/v1/stopOrders``: those that wait, newest first."""
    first, last = span(call, "startAt", "endAt")
    side = chosen(call, "side", _SIDES, None)
    kind = chosen(call, "type", _KINDS, None)
    is_wanted = _symbol_filter(call)
    rows = [
        _stop_row(backend, stop)
        for stop in reversed(backend.part(futures_stops).waiting())
        if is_wanted(stop.intent.symbol)
        and first <= stop.created_at <= last
        and side in {None, stop.intent.side.value}
        and kind in {None, stop.intent.type.value}
    ]
    return paged(call, rows)


def order_by_id(backend: Backend, call: Call) -> object:
    """``GET /api/v1/orders/{orderId}``, of a stop order too."""
    stops, order_id = backend.part(futures_stops), query(call, "orderId")
    record = backend.archive.orders.get(stops.venue_id(order_id))
    return _either(backend, record, stops.get(order_id))


def order_by_client_id(backend: Backend, call: Call) -> object:
    """``GET /api/v1/orders/byClientOid``."""
    client_id = query(call, "clientOid")
    record = backend.archive.order_by_client(client_id)
    stop = backend.part(futures_stops).by_client_id(client_id)
    return _either(backend, record, stop)


def _either(
    backend: Backend, record: OrderRecord | None, stop: FuturesStop | None
) -> dict[str, object]:
    """The order, else the stop order.

    Raises:
        ProblemError: There is neither.
    """
    if record is not None and record.order.account == FUTURES:
        return _row(backend, record)
    if stop is not None:
        return _stop_row(backend, stop)
    raise ProblemError(*_NO_ORDER)


# -- fills ----------------------------------------------------------------


def _fill_rows(
    backend: Backend, records: Sequence[FillRecord]
) -> list[dict[str, object]]:
    log, stops = backend.part(position_log), backend.part(futures_stops)
    return [
        fill_row(
            record.fill,
            backend.venue.rules.contracts[record.fill.symbol],
            log.splits.get(record.fill.trade_id),
            backend.venue.orders.get(record.fill.order_id),
            stops.behind(record.fill.order_id),
        )
        for record in records
    ]


def _fills(backend: Backend) -> list[FillRecord]:
    """Every futures fill, newest first."""
    found = [r for r in backend.archive.fills if r.fill.account == FUTURES]
    return found[::-1]


def fills(backend: Backend, call: Call) -> object:
    """``GET /api/v1/fills``: at most a week in one query.

    With one end of the time the other lies a week away, without both it ends now.
    """
    first, last = span(call, "startAt", "endAt")
    if "startAt" in call.query and "endAt" in call.query:
        if last - first > _WEEK:
            raise ProblemError(
                BAD_PARAMETER, "The time range of one query cannot exceed 7 days."
            )
    elif "startAt" in call.query:
        last = min(last, first + _WEEK)
    elif not call.query.get("orderId"):
        first = max(first, min(last, call.at) - _WEEK)
    wanted_id = call.query.get("orderId", "").strip()
    order_id = backend.part(futures_stops).venue_id(wanted_id)
    trades = {
        _TRADES.get(name.strip(), name)
        for name in call.query.get("tradeTypes", "").split(",")
        if name.strip()
    }
    side, is_wanted = chosen(call, "side", _SIDES, None), _symbol_filter(call)
    rows = [
        record
        for record in _fills(backend)
        if first <= record.fill.at <= last
        and is_wanted(record.fill.symbol)
        and order_id in {"", record.fill.order_id}
        and side in {None, record.fill.side.value}
        and (not trades or record.fill.forced in trades)
    ]
    return paged(call, _fill_rows(backend, rows))


def recent_fills(backend: Backend, call: Call) -> object:
    """``GET /api/v1/recentFills``: of 24 hours, at most 1000."""
    is_wanted = _symbol_filter(call)
    rows = [
        record
        for record in _fills(backend)
        if is_wanted(record.fill.symbol) and record.fill.at >= call.at - _RECENT
    ]
    return _fill_rows(backend, rows[:MAX_PAGE])


def open_order_statistics(backend: Backend, call: Call) -> object:
    """``GET /api/v1/openOrderStatistics`` of a contract: lots and their value."""
    rules = asked_contract(backend, call)
    sizes, costs = dict.fromkeys(Side, 0), dict.fromkeys(Side, Decimal(0))
    for order in backend.venue.orders.resting(rules.symbol):
        if order.price is not None:
            sizes[order.side] += int(order.remaining)
            costs[order.side] += rules.value(order.remaining, order.price)
    return {
        "openOrderBuySize": sizes[Side.BUY],
        "openOrderSellSize": sizes[Side.SELL],
        "openOrderBuyCost": text(costs[Side.BUY]),
        "openOrderSellCost": text(costs[Side.SELL]),
        "settleCurrency": word(rules.settle),
    }
