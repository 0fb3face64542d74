"""KuCoin's documents of spot and margin orders and of their fills.

Pure: records in, documents out. Texts where KuCoin has texts, bare numbers for
``createdAt``, ``tradeId`` and the ids of fills.
"""

from decimal import Decimal

from bot.domain.instruments import Rules
from bot.domain.money import ZERO, plain
from bot.domain.orders import OrderState, OrderType, Side
from connectors.venue.orders import VenueOrder
from connectors.venue.server.archive import FillRecord, OrderRecord
from connectors.venue.server.order_forms import OrderNote
from connectors.venue.server.words_spot_basic import ms, trade_type, trailing_number

__all__ = ["fill_words", "order_words", "sync_words"]


def _asked_funds(order: VenueOrder, note: OrderNote) -> Decimal:
    """The quote coins that an order asked for; zero for a market order by size."""
    if note.funds is not None:
        return note.funds
    return ZERO if order.price is None else order.price * order.qty


def _funds_left(order: VenueOrder, note: OrderNote) -> tuple[Decimal, Decimal]:
    """What of the funds is left (``remainFunds``) and what was cancelled."""
    rest = max(_asked_funds(order, note) - order.funds, ZERO)
    if order.price is not None and order.state is not OrderState.FILLED:
        rest = order.price * order.remaining
    if order.state is OrderState.CANCELLED or note.is_cut:
        return ZERO, rest
    return rest, ZERO


def order_words(
    record: OrderRecord, note: OrderNote, *, with_stop: bool
) -> dict[str, object]:
    """One order, open or done.

    Args:
        record: The order with its times.
        note: What was asked for besides.
        with_stop: Margin orders also say that they came from no stop order.
    """
    order = record.order
    is_open = order.state is OrderState.OPEN
    is_cancelled = order.state is OrderState.CANCELLED
    by_funds = note.funds is not None
    left, cancelled = _funds_left(order, note)
    rest = ZERO if by_funds else order.remaining
    words: dict[str, object] = {
        "id": order.order_id,
        "clientOid": order.intent_id,
        "symbol": order.symbol,
        "opType": "DEAL",
        "type": str(order.type),
        "side": str(order.side),
        "price": plain(order.price or ZERO),
        "size": plain(ZERO if by_funds else order.qty),
        "funds": plain(_asked_funds(order, note)),
        "dealSize": plain(order.filled),
        "dealFunds": plain(order.funds),
        "remainSize": plain(rest if is_open else ZERO),
        "remainFunds": plain(left),
        "cancelledSize": plain(rest if is_cancelled else ZERO),
        "cancelledFunds": plain(cancelled),
        "fee": plain(record.fee),
        "feeCurrency": order.symbol.partition("-")[2],
        "stp": note.stp,
        "timeInForce": str(order.time_in_force).upper(),
        "postOnly": order.post_only,
        "hidden": False,
        "iceberg": False,
        "visibleSize": "0",
        "cancelAfter": 0,
        "channel": "API",
        "remark": note.remark,
        "tags": note.tags,
        "cancelExist": is_cancelled or note.is_cut,
        "tradeType": trade_type(order.account),
        "inOrderBook": is_open,
        "active": is_open,
        "tax": "0",
        "createdAt": ms(record.created_at),
        "lastUpdatedAt": ms(record.updated_at),
    }
    if with_stop:
        words |= {"stop": None, "stopTriggered": False, "stopPrice": "0"}
    return words


def sync_words(record: OrderRecord) -> dict[str, object]:
    """What the ``sync`` endpoints tell of an order at once."""
    order = record.order
    is_open = order.state is OrderState.OPEN
    is_cancelled = order.state is OrderState.CANCELLED
    return {
        "originSize": plain(order.qty),
        "dealSize": plain(order.filled),
        "remainSize": plain(order.remaining if is_open else ZERO),
        "canceledSize": plain(order.remaining if is_cancelled else ZERO),
        "status": "open" if is_open else "done",
    }


def fill_words(
    record: FillRecord, order: VenueOrder | None, rules: Rules
) -> dict[str, object]:
    """One fill; a forced trade has no order of ours behind it."""
    fill = record.fill
    number = trailing_number(fill.trade_id)
    is_limit = order is not None and order.type is OrderType.LIMIT
    return {
        "id": record.number,
        "symbol": fill.symbol,
        "tradeId": number,
        "orderId": fill.order_id,
        "counterOrderId": f"counter-{number}",
        "side": str(Side(fill.side)),
        "liquidity": "maker" if fill.is_maker else "taker",
        "forceTaker": fill.forced is not None,
        "price": plain(fill.price),
        "size": plain(fill.qty),
        "funds": plain(fill.price * fill.qty),
        "fee": plain(fill.fee),
        "feeRate": plain(_fee_rate(record, rules)),
        "feeCurrency": fill.fee_coin,
        "stop": "",
        "tradeType": trade_type(fill.account),
        "tax": "0",
        "taxRate": "0",
        "type": "limit" if is_limit else "market",
        "createdAt": ms(fill.at),
    }


def _fee_rate(record: FillRecord, rules: Rules) -> Decimal:
    """The rate a fill was charged at; nothing for a forced trade."""
    rates = rules.spot_fee_rates.get(record.fill.symbol)
    if rates is None or record.fill.forced is not None:
        return ZERO
    maker, taker = rates
    return maker if record.fill.is_maker else taker
