"""What only the spot family has: synchronous answers, batches, cancel everywhere.

They are built on the handlers that both families share and add no rule of trading.
"""

from typing import Final

from bot.domain.accounts import SPOT
from bot.domain.errors import UsageError
from connectors.kucoin.parse.node import Node
from connectors.venue.server.archive import OrderRecord
from connectors.venue.server.asks import invalid, query_text, query_whole
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.order_family import SPOT_ORDERS
from connectors.venue.server.words_spot_basic import ms
from connectors.venue.server.words_spot_orders import sync_words

__all__ = [
    "active_page",
    "cancel_everywhere",
    "cancel_sync",
    "cancel_sync_by_client",
    "dead_switch",
    "dead_switch_query",
    "place_many",
    "place_many_sync",
    "place_sync",
]

_MOST_ORDERS: Final = 20
_GONE: Final = "order_not_exist_or_not_allow_to_cancel"


def _sync_ack(record: OrderRecord) -> dict[str, object]:
    """The ids, the times and what was matched at once."""
    return {
        "orderId": record.order.order_id,
        "clientOid": record.order.intent_id,
        "orderTime": ms(record.created_at),
        **sync_words(record),
        "matchTime": ms(record.updated_at),
    }


def place_sync(backend: Backend, call: Call) -> object:
    """``POST /api/v1/hf/orders/sync``."""
    return _sync_ack(SPOT_ORDERS.placed(backend, call, call.body))


def _bodies(call: Call) -> list[Node]:
    """The orders of a batch, at most twenty."""
    try:
        bodies = list(call.body["orderList"].each())
    except UsageError as wrong:
        raise invalid(str(wrong)) from None
    if not 1 <= len(bodies) <= _MOST_ORDERS:
        raise invalid(f"orderList takes 1 to {_MOST_ORDERS} orders.")
    return bodies


def place_many(backend: Backend, call: Call) -> object:
    """``POST /api/v1/hf/orders/multi``: every order succeeds or fails by itself."""
    return _many(backend, call, is_sync=False)


def place_many_sync(backend: Backend, call: Call) -> object:
    """``POST /api/v1/hf/orders/multi/sync``."""
    return _many(backend, call, is_sync=True)


def _many(backend: Backend, call: Call, *, is_sync: bool) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for body in _bodies(call):
        try:
            record = SPOT_ORDERS.placed(backend, call, body)
        except ProblemError as problem:
            rows.append({"success": False, "failMsg": problem.message})
            continue
        ack = _sync_ack(record)
        kept = ack if is_sync else {k: ack[k] for k in ("orderId", "clientOid")}
        rows.append({**kept, "success": True})
    return rows


def cancel_sync(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/hf/orders/sync/{orderId}``: tells what was cancelled."""
    record = SPOT_ORDERS.found(backend, call, _GONE)
    SPOT_ORDERS.cancelled(backend, call, record)
    return {"orderId": record.order.order_id, **sync_words(record)}


def cancel_sync_by_client(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/hf/orders/sync/client-order/{clientOid}``."""
    record = SPOT_ORDERS.found_by_client(backend, call, _GONE)
    SPOT_ORDERS.cancelled(backend, call, record)
    return {"clientOid": record.order.intent_id, **sync_words(record)}


def _open(backend: Backend) -> list[OrderRecord]:
    """Every open spot order, newest first."""
    resting = backend.venue.orders.resting_of(SPOT)
    return [backend.archive.orders[order.order_id] for order in reversed(resting)]


def cancel_everywhere(backend: Backend, call: Call) -> object:
    """``DELETE /api/v1/hf/orders/cancelAll``: every open spot order of every pair."""
    records = _open(backend)
    for record in records:
        SPOT_ORDERS.cancelled(backend, call, record)
    symbols = sorted({record.order.symbol for record in records})
    return {"succeedSymbols": symbols, "failedSymbols": []}


def active_page(backend: Backend, call: Call) -> object:
    """``GET /api/v1/hf/orders/active/page``: the open orders of a pair, paged."""
    symbol = query_text(call, "symbol")
    number = query_whole(call, "pageNum", 1, 1, 10**6)
    size = query_whole(call, "pageSize", 20, 10, 50)
    records = [record for record in _open(backend) if record.order.symbol == symbol]
    rows = records[(number - 1) * size : number * size]
    return {
        "currentPage": number,
        "pageSize": size,
        "totalNum": len(records),
        "totalPage": -(-len(records) // size),
        "items": [SPOT_ORDERS.words(backend, record) for record in rows],
    }


def dead_switch(backend: Backend, call: Call) -> object:
    """``POST /api/v1/hf/orders/dead-cancel-all``: not offered here."""
    raise ProblemError("400200", "The dead man's switch is not offered here.")


def dead_switch_query(backend: Backend, call: Call) -> object:
    """``GET /api/v1/hf/orders/dead-cancel-all/query``: none is set."""
    return None
