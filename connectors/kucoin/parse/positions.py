"""Futures positions, from REST (numbers or strings) and from pushes.

Reads ``GET /api/v1/positions``, ``/api/v1/position``, ``/api/v2/position`` and the
pushes ``position.change`` and ``position.settlement``. The printed profit and
liquidation price are kept for comparison only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Final

from bot.domain.accounts import MarginMode, Position, PositionKey, PositionSide
from bot.domain.instruments import ContractRules, Lots
from bot.domain.money import ONE, ZERO
from connectors.kucoin.parse.envelope import body, push
from connectors.kucoin.parse.node import Node

__all__ = [
    "MARGIN_MODES",
    "POSITION_SIDES",
    "PositionLine",
    "PositionUpdate",
    "Settlement",
    "position",
    "position_change_push",
    "position_line",
    "positions",
    "settlement_push",
]

MARGIN_MODES: Final[Mapping[str, MarginMode]] = {
    "CROSS": MarginMode.CROSS,
    "ISOLATED": MarginMode.ISOLATED,
}
POSITION_SIDES: Final[Mapping[str, PositionSide]] = {
    "BOTH": PositionSide.BOTH,
    "LONG": PositionSide.LONG,
    "SHORT": PositionSide.SHORT,
}
_LIGHTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """One position as the exchange lists it.

    ``lots`` are signed, positive is long. ``entry_price`` is None only where the
    position is closed. ``margin`` is the isolated margin without unrealised
    profit; ``maintenance_margin_rate`` the rate of its risk-limit tier, without
    fee. ``stated_cost`` is the exchange's exact cost (negative for an inverse
    long); ``settle`` keeps the exchange's word.
    """

    symbol: str
    side: PositionSide
    mode: MarginMode
    lots: Lots
    entry_price: Decimal | None
    mark_price: Decimal | None
    settle: str | None
    leverage: Decimal | None
    margin: Decimal | None
    maintenance_margin_rate: Decimal | None
    stated_cost: Decimal | None
    stated_unrealised_pnl: Decimal | None
    stated_liquidation_price: Decimal | None
    adl_rank: int | None
    path: str

    @property
    def key(self) -> PositionKey:
        """Its place in the book of positions."""
        return PositionKey(self.symbol, self.side)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionUpdate:
    """A ``position.change`` push.

    ``line`` is None in a partial message that only follows the mark price: merge
    ``mark_price`` and ``adl_rank`` then, and keep everything else.
    """

    symbol: str
    side: PositionSide
    reason: str
    line: PositionLine | None
    mark_price: Decimal | None
    adl_rank: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A ``position.settlement`` push: funding was exchanged."""

    symbol: str | None
    settlement_at: datetime
    lots: int
    mark_price: Decimal
    funding_rate: Decimal
    funding_fee: Decimal
    settle: str


def positions(document: Node) -> Mapping[PositionKey, PositionLine]:
    """Read the list of positions; closed ones (no lots) are left out.

    Raises:
        UsageError: A field is broken or a position is listed twice.
    """
    found: dict[PositionKey, PositionLine] = {}
    for row in body(document).each():
        line = position_line(row)
        if line.lots == 0:
            continue
        if line.key in found:
            row["symbol"].refuse("a position that is listed once")
        found[line.key] = line
    return found


def position_line(data: Node) -> PositionLine:
    """Read one position.

    The signed size must be whole lots. A SHORT of hedge mode is short whatever
    the sign of its size; a LONG must not be negative.

    Raises:
        UsageError: A field is missing or broken.
    """
    side = _side(data["positionSide"])
    lots = _lots(data["currentQty"], side)
    return PositionLine(
        symbol=data["symbol"].text(),
        side=side,
        mode=_mode(data),
        lots=lots,
        entry_price=data["avgEntryPrice"].price() if lots else None,
        mark_price=data["markPrice"].optional_price(),
        settle=data["settleCurrency"].optional_text(),
        leverage=data["leverage"].optional_price(),
        margin=data["posMargin"].optional_decimal(),
        maintenance_margin_rate=_tier_rate(data),
        stated_cost=_first(data, "unrealisedCost", "posCost"),
        stated_unrealised_pnl=data["unrealisedPnl"].optional_decimal(),
        stated_liquidation_price=data["liquidationPrice"].optional_price(),
        adl_rank=_rank(data["delevPercentage"]),
        path=data.path,
    )


def _side(node: Node) -> PositionSide:
    return PositionSide.BOTH if node.is_blank else node.word(POSITION_SIDES)


def _lots(node: Node, side: PositionSide) -> Lots:
    lots = node.integer()
    if side is PositionSide.SHORT:
        return Lots(-abs(lots))
    if side is PositionSide.LONG and lots < 0:
        node.refuse("a size that is not negative on the LONG side")
    return Lots(lots)


def _mode(data: Node) -> MarginMode:
    """The margin mode; documents from before 2024 say only ``crossMode``."""
    if not data["marginMode"].is_blank:
        return data["marginMode"].word(MARGIN_MODES)
    if data["crossMode"].is_blank:
        data["marginMode"].refuse("CROSS or ISOLATED")
    return MarginMode.CROSS if data["crossMode"].flag() else MarginMode.ISOLATED


def _tier_rate(data: Node) -> Decimal | None:
    return _first(data, "maintMarginReq", "maintainMargin")


def _first(data: Node, *names: str) -> Decimal | None:
    for name in names:
        number = data[name].optional_decimal()
        if number is not None:
            return number
    return None


def _rank(node: Node) -> int | None:
    """Lights lit, 1 to 5, from the share of the queue that lies behind."""
    share = node.optional_fraction()
    if share is None:
        return None
    lights = int((share * _LIGHTS).to_integral_value(rounding=ROUND_CEILING))
    return max(1, lights)


def position(line: PositionLine, rules: ContractRules) -> Position:
    """The position in the domain's words.

    The entry value follows from the average entry price; an isolated margin that
    is not stated is not known, so such a position is refused.

    Raises:
        UsageError: An open position has no entry price, or no isolated margin.
    """
    if line.mode is MarginMode.ISOLATED and line.margin is None:
        Node(None, f"{line.path}.posMargin").refuse("the isolated margin")
    if line.entry_price is None:
        cost = ZERO
    else:
        cost = rules.value(Decimal(line.lots), line.entry_price)
    isolated = line.mode is MarginMode.ISOLATED
    return Position(
        symbol=line.symbol,
        lots=line.lots,
        entry_value=cost,
        mode=line.mode,
        side=line.side,
        leverage=ONE if line.leverage is None else line.leverage,
        margin=line.margin if isolated and line.margin is not None else ZERO,
        adl_rank=line.adl_rank,
        maintenance_margin_rate=line.maintenance_margin_rate if isolated else None,
    )


def position_change_push(document: Node) -> PositionUpdate:
    """Read a ``position.change`` push, whole or following the mark only."""
    data = push(document)
    data.mapping()
    symbol = data["symbol"]
    if symbol.is_blank and not document["topic"].is_absent:
        symbol = Node(document["topic"].text().rpartition(":")[2], symbol.path)
    full = not data["currentQty"].is_blank
    return PositionUpdate(
        symbol=symbol.text(),
        side=_side(data["positionSide"]),
        reason=data["changeReason"].optional_text() or "",
        line=position_line(data) if full else None,
        mark_price=data["markPrice"].optional_price(),
        adl_rank=_rank(data["delevPercentage"]),
        at=data["currentTimestamp"].optional_time_ms(),
    )


def settlement_push(document: Node) -> Settlement:
    """Read a ``position.settlement`` push; a positive fee was received."""
    data = push(document)
    topic = document["topic"] if document.is_object else data["topic"]
    symbol = data["symbol"].optional_text()
    if symbol is None and not topic.is_blank:
        symbol = topic.text().rpartition(":")[2] or None
    return Settlement(
        symbol=symbol,
        settlement_at=data["fundingTime"].time_ms(),
        lots=data["qty"].integer(),
        mark_price=data["markPrice"].price(),
        funding_rate=data["fundingRate"].decimal(),
        funding_fee=data["fundingFee"].decimal(),
        settle=data["settleCurrency"].text(),
    )
