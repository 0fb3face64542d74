"""Orders, stop orders and fills as the futures host writes them.

Sizes are whole lots, prices and values texts. An order's ``status`` is open or done; a
cancelled one is done with ``cancelExist``. An order that came from a stop order keeps
the stop's id and says so. Everything here is pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, PositionSide
from bot.domain.events import Filled
from bot.domain.instruments import ContractRules
from bot.domain.money import ZERO, plain
from bot.domain.orders import OrderState, OrderType
from connectors.venue.orders import VenueOrder
from connectors.venue.server.futures_order_forms import StopTerms
from connectors.venue.server.futures_position_log import TradeSplit
from connectors.venue.server.futures_stops import FuturesStop, StopState
from connectors.venue.server.order_forms import OrderNote
from connectors.venue.server.words_futures_common import mode_word, ms, ns, text, word

__all__ = ["OrderSight", "fill_row", "order_kind", "order_row", "stop_row"]

_FORCED: Final[Mapping[str | None, str]] = {
    None: "trade",
    "liquidation": "liquid",
    "adl": "adl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSight:
    """An order of the venue with what the venue does not keep of it.

    ``dealt`` is the value of its fills in the settle currency; ``stop`` the stop
    order that it came from.
    """

    order: VenueOrder
    rules: ContractRules
    created_at: datetime
    updated_at: datetime
    dealt: Decimal
    note: OrderNote
    stop: FuturesStop | None

    @property
    def order_id(self) -> str:
        """The id that the user knows."""
        return self.order.order_id if self.stop is None else self.stop.order_id


def order_kind(kind: OrderType, stop: FuturesStop | None) -> str:
    """``limit``, ``market``, ``limit_stop`` or ``market_stop``."""
    return kind.value if stop is None else f"{kind.value}_stop"


def _average(rules: ContractRules, lots: Decimal, value: Decimal) -> str:
    if lots == 0 or value == 0:
        return "0"
    size = lots * rules.multiplier
    return text(size / value if rules.is_inverse else value / size)


def _stop_fields(terms: StopTerms | None, *, is_triggered: bool) -> dict[str, object]:
    if terms is None:
        return {
            "stop": "",
            "stopPriceType": "",
            "stopTriggered": False,
            "stopPrice": None,
        }
    return {
        "stop": "up" if terms.is_up else "down",
        "stopPriceType": terms.source,
        "stopTriggered": is_triggered,
        "stopPrice": plain(terms.price),
    }


def _constants(note: OrderNote) -> dict[str, object]:
    return {
        "stp": note.stp or "",
        "hidden": False,
        "iceberg": False,
        "forceHold": False,
        "visibleSize": 0,
        "remark": note.remark,
        "tags": note.tags or "",
    }


def order_row(seen: OrderSight) -> dict[str, object]:
    """One order of ``GET /api/v1/orders``."""
    order, rules = seen.order, seen.rules
    is_open = order.state is OrderState.OPEN
    value = seen.dealt
    if order.price is not None:
        value = rules.value(order.qty, order.price)
    return {
        "id": seen.order_id,
        "symbol": order.symbol,
        "type": order.type.value,
        "side": order.side.value,
        "price": "0" if order.price is None else plain(order.price),
        "size": int(order.qty),
        "value": text(value),
        "dealValue": text(seen.dealt),
        "dealSize": int(order.filled),
        **_stop_fields(
            None if seen.stop is None else seen.stop.terms, is_triggered=True
        ),
        "timeInForce": order.time_in_force.name,
        "postOnly": order.post_only,
        "leverage": plain(order.leverage),
        "closeOrder": order.close,
        "clientOid": order.intent_id,
        **_constants(seen.note),
        "isActive": is_open,
        "cancelExist": order.state is OrderState.CANCELLED,
        "createdAt": ms(seen.created_at),
        "updatedAt": ms(seen.updated_at),
        "endAt": None if is_open else ms(seen.updated_at),
        "orderTime": ns(seen.created_at),
        "settleCurrency": word(rules.settle),
        "marginMode": mode_word(order.margin_mode),
        "positionSide": order.position_side.name,
        "avgDealPrice": _average(rules, order.filled, seen.dealt),
        "filledSize": int(order.filled),
        "filledValue": text(seen.dealt),
        "status": "open" if is_open else "done",
        "reduceOnly": order.reduce_only,
    }


def stop_row(
    stop: FuturesStop, rules: ContractRules, note: OrderNote
) -> dict[str, object]:
    """A stop order that has no order of the venue behind it (yet)."""
    intent, is_open = stop.intent, stop.state is StopState.WAITING
    value = ZERO
    if intent.price is not None:
        value = rules.value(intent.qty, intent.price)
    return {
        "id": stop.order_id,
        "symbol": intent.symbol,
        "type": intent.type.value,
        "side": intent.side.value,
        "price": "0" if intent.price is None else plain(intent.price),
        "size": 0 if intent.close else int(intent.qty),
        "value": text(value),
        "dealValue": "0",
        "dealSize": 0,
        **_stop_fields(stop.terms, is_triggered=stop.state is StopState.FAILED),
        "timeInForce": intent.time_in_force.name,
        "postOnly": intent.post_only,
        "leverage": plain(intent.leverage),
        "closeOrder": intent.close,
        "clientOid": stop.client_id,
        **_constants(note),
        "isActive": is_open,
        "cancelExist": not is_open,
        "createdAt": ms(stop.created_at),
        "updatedAt": ms(stop.updated_at),
        "endAt": None if is_open else ms(stop.updated_at),
        "orderTime": ns(stop.created_at),
        "settleCurrency": word(rules.settle),
        "marginMode": mode_word(intent.margin_mode),
        "positionSide": intent.position_side.name,
        "avgDealPrice": "0",
        "filledSize": 0,
        "filledValue": "0",
        "status": "open" if is_open else "done",
        "reduceOnly": intent.reduce_only,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a fill says of its order."""

    type: OrderType
    display: str
    stop: str
    side: PositionSide
    mode: MarginMode


def _kind(
    order: VenueOrder | None, stop: FuturesStop | None, split: TradeSplit | None
) -> _Kind:
    """The order's words; a trade that the venue forced had a market order."""
    if order is not None:
        terms = None if stop is None else stop.terms
        return _Kind(
            type=order.type,
            display=order_kind(order.type, stop),
            stop="" if terms is None else ("up" if terms.is_up else "down"),
            side=order.position_side,
            mode=order.margin_mode,
        )
    return _Kind(
        type=OrderType.MARKET,
        display="market",
        stop="",
        side=PositionSide.BOTH if split is None else split.key.side,
        mode=MarginMode.CROSS if split is None else split.mode,
    )


def fill_row(
    fill: Filled,
    rules: ContractRules,
    split: TradeSplit | None,
    order: VenueOrder | None,
    stop: FuturesStop | None,
) -> dict[str, object]:
    """One trade of ``GET /api/v1/fills``; the fee is split into open and close."""
    kind = _kind(order, stop, split)
    rate = rules.maker_fee_rate if fill.is_maker else rules.taker_fee_rate
    currency = word(rules.settle)
    return {
        "symbol": fill.symbol,
        "tradeId": fill.trade_id,
        "orderId": fill.order_id if stop is None else stop.order_id,
        "side": fill.side.value,
        "liquidity": "maker" if fill.is_maker else "taker",
        "forceTaker": False,
        "price": plain(fill.price),
        "size": int(fill.qty),
        "value": text(rules.value(fill.qty, fill.price)),
        "openFeePay": plain(fill.fee if split is None else split.open_fee),
        "closeFeePay": "0" if split is None else plain(split.close_fee),
        "stop": kind.stop,
        "feeRate": f"{rate:.5f}",
        "fixFee": "0",
        "feeCurrency": currency,
        "subTradeType": None,
        "marginMode": mode_word(kind.mode),
        "positionSide": kind.side.name,
        "openFeeTaxPay": "0",
        "closeFeeTaxPay": "0",
        "displayType": kind.display,
        "fee": plain(fill.fee),
        "settleCurrency": currency,
        "orderType": kind.type.value,
        "tradeType": _FORCED.get(fill.forced, "trade"),
        "tradeTime": ns(fill.at),
        "createdAt": ms(fill.at),
    }
