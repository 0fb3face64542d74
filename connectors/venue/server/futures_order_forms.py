"""The body of a futures order request, read into an order of ours.

Defaults are KuCoin's (futures-and-unified.md 7.4): a limit order, good till cancelled,
isolated margin. Only the form is checked here; sizes, prices, margins and what may be
closed are the venue's to judge. Hidden and iceberg orders are not offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MarginMode, PositionKey, PositionSide
from bot.domain.instruments import ContractRules
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE, ZERO
from bot.domain.orders import OrderType, Side, TimeInForce
from connectors.kucoin.parse.node import Node
from connectors.venue.server.asks import (
    body_flag,
    body_number,
    body_text,
    body_word,
    invalid,
    optional_body_number,
    optional_body_text,
)
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import ProblemError
from connectors.venue.server.futures_forms import contract_of, refuse
from connectors.venue.server.futures_settings import FuturesSettings
from connectors.venue.server.order_forms import OrderNote

__all__ = ["FuturesForm", "StopTerms", "read_futures_form"]

_PREVENTIONS: Final = ("CN", "CO", "CB")
_TRIGGERS: Final = ("TP", "MP", "IP")
_BAD_LEVERAGE: Final = "100001"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTerms:
    """When a stop order triggers: ``is_up`` at or above the price, else at or below.

    ``source`` is KuCoin's word for the price that is watched: TP is the last trade,
    MP the mark, IP the index.
    """

    is_up: bool
    price: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesForm:
    """An order as it was asked for; ``stop`` is set for an order that waits."""

    client_id: str
    intent: PlaceOrder
    stop: StopTerms | None
    note: OrderNote


@dataclass(frozen=True, slots=True)
class _Reading:
    """One body under way, with what it is read against."""

    backend: Backend
    body: Node
    contract: ContractRules
    is_closing: bool
    mode: MarginMode
    side: PositionSide


def read_futures_form(backend: Backend, body: Node) -> FuturesForm:
    """Read an order request.

    Raises:
        ProblemError: A field is missing or malformed, or does not fit the modes.
    """
    client_id = body_text(body, "clientOid")
    contract = contract_of(backend, body_text(body, "symbol"))
    reading = _Reading(
        backend,
        body,
        contract,
        body_flag(body, "closeOrder"),
        MarginMode[body_word(body, "marginMode", ("CROSS", "ISOLATED"), "ISOLATED")],
        PositionSide[body_word(body, "positionSide", _names(PositionSide), "BOTH")],
    )
    settings = backend.part(FuturesSettings)
    refuse(settings.check_order(contract.symbol, reading.mode, reading.side))
    _refuse_hidden(body)
    stop = _stop(body)
    return FuturesForm(
        client_id=client_id,
        intent=_intent(reading),
        stop=stop,
        note=OrderNote(
            stp=optional_body_text(body, "stp"),
            remark=optional_body_text(body, "remark"),
        ),
    )


def _names(kind: type[PositionSide]) -> tuple[str, ...]:
    return tuple(member.name for member in kind)


def _refuse_hidden(body: Node) -> None:
    if body_flag(body, "hidden") or body_flag(body, "iceberg"):
        raise invalid("hidden and iceberg orders are not offered here.")
    stp = optional_body_text(body, "stp")
    if stp is not None and stp not in _PREVENTIONS:
        raise invalid(f"stp must be one of {', '.join(_PREVENTIONS)}.")


def _intent(reading: _Reading) -> PlaceOrder:
    body, is_closing = reading.body, reading.is_closing
    side = body_word(body, "side", ("buy", "sell"), "buy" if is_closing else None)
    kind = OrderType(body_word(body, "type", ("limit", "market"), "limit"))
    if is_closing and optional_body_text(body, "type") is None:
        kind = OrderType.MARKET
    is_limit = kind is OrderType.LIMIT
    price = body_number(body, "price") if is_limit else None
    is_reducing = is_closing or body_flag(body, "reduceOnly")
    return PlaceOrder(
        account=FUTURES,
        symbol=reading.contract.symbol,
        side=Side(side),
        qty=Decimal(1) if is_closing else _lots(reading, price),
        type=kind,
        price=price,
        time_in_force=TimeInForce[body_word(body, "timeInForce", ("GTC", "IOC"), "GTC")]
        if is_limit
        else TimeInForce.GTC,
        post_only=body_flag(body, "postOnly"),
        reduce_only=body_flag(body, "reduceOnly") and not is_closing,
        close=is_closing,
        margin_mode=reading.mode,
        position_side=reading.side,
        leverage=_leverage(reading, is_reducing=is_reducing),
    )


def _leverage(reading: _Reading, *, is_reducing: bool) -> Decimal:
    """The leverage of the contract (cross) or of the order (isolated)."""
    settings = reading.backend.part(FuturesSettings)
    asked = optional_body_number(reading.body, "leverage")
    symbol = reading.contract.symbol
    found = settings.order_leverage(symbol, reading.mode, asked)
    if found is not None:
        return found
    held = reading.backend.venue.futures.positions.get(
        PositionKey(symbol, reading.side)
    )
    if is_reducing:
        return ONE if held is None else held.leverage
    raise ProblemError(_BAD_LEVERAGE, "Leverage parameter invalid.")


def _lots(reading: _Reading, price: Decimal | None) -> Decimal:
    """The size in lots, from exactly one of ``size``, ``qty`` and ``valueQty``."""
    found: Mapping[str, Decimal] = {
        name: number
        for name in ("size", "qty", "valueQty")
        if (number := optional_body_number(reading.body, name)) is not None
    }
    if len(found) != 1:
        raise invalid("exactly one of size, qty and valueQty is required.")
    ((name, number),) = found.items()
    if name == "size":
        return number
    if reading.contract.is_inverse:
        raise invalid(f"{name} is for linear contracts only: send size.")
    if name == "qty":
        lots = number / reading.contract.multiplier
        if lots != lots.to_integral_value():
            raise invalid(f"qty must be a multiple of {reading.contract.multiplier}.")
        return lots
    last = reading.backend.venue.tape.last(reading.contract.symbol)
    at_price = price or last or ZERO
    if at_price <= 0:
        raise invalid("valueQty needs a price, and nothing has traded yet.")
    return Decimal(int(number / (at_price * reading.contract.multiplier)))


def _stop(body: Node) -> StopTerms | None:
    """The trigger of a stop order, None for an order that goes in at once."""
    if optional_body_text(body, "stop") is None:
        return None
    return StopTerms(
        is_up=body_word(body, "stop", ("up", "down")) == "up",
        price=body_number(body, "stopPrice"),
        source=body_word(body, "stopPriceType", _TRIGGERS),
    )
