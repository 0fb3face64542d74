"""Stop orders that wait, from the lists of both hosts.

Reads ``GET /api/v1/stopOrders`` (futures), ``GET /api/v3/hf/margin/stop-orders`` and
``GET /api/v1/stop-order`` (spot and margin). A word that the exchange invents for a
kind of stop must not stop the reading: foreign stops may be of any kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    MarginMode,
    PositionSide,
    isolated_account,
)
from bot.domain.money import ZERO
from bot.domain.orders import Side
from connectors.kucoin.parse.envelope import page
from connectors.kucoin.parse.futures_orders import SIDES
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import MARGIN_MODES, POSITION_SIDES

__all__ = ["StopRow", "futures_stops", "spot_stops", "trade_account"]

_ACCOUNTS: Final[Mapping[str, AccountId]] = {
    "TRADE": SPOT,
    "MARGIN_TRADE": MARGIN_CROSS,
}
_ISOLATED: Final = "MARGIN_ISOLATED_TRADE"
_UPWARDS: Final = frozenset({"up", "entry", "e_l_o", "e_s_o"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRow:
    """One stop that waits; ``qty`` is coins or lots, zero where it is not said."""

    stop_id: str
    client_id: str | None
    account: AccountId
    symbol: str
    side: Side
    qty: Decimal
    stop_price: Decimal
    is_up: bool
    reduce_only: bool
    mode: MarginMode
    position_side: PositionSide
    at: datetime


def trade_account(word: str, symbol: str) -> AccountId:
    """The account that a ``tradeType`` names.

    Example:
        >>> trade_account("MARGIN_ISOLATED_TRADE", "BTC-USDT")
        'margin_isolated:BTC-USDT'
    """
    return isolated_account(symbol) if word == _ISOLATED else _ACCOUNTS[word]


def futures_stops(document: Node) -> tuple[StopRow, ...]:
    """Read a page of the futures host's stops.

    Raises:
        UsageError: A field is missing or broken.
    """
    return tuple(_futures(row) for row in page(document)[0])


def _futures(row: Node) -> StopRow:
    is_closing = row["closeOrder"].optional_flag() or False
    mode, side = row["marginMode"], row["positionSide"]
    return StopRow(
        stop_id=row["id"].identity(),
        client_id=row["clientOid"].optional_text(),
        account=FUTURES,
        symbol=row["symbol"].text(),
        side=row["side"].word(SIDES),
        qty=row["size"].optional_amount() or ZERO,
        stop_price=row["stopPrice"].price(),
        is_up=_is_up(row["stop"]),
        reduce_only=is_closing or row["reduceOnly"].optional_flag() or False,
        mode=MarginMode.CROSS if mode.is_blank else mode.word(MARGIN_MODES),
        position_side=PositionSide.BOTH if side.is_blank else side.word(POSITION_SIDES),
        at=row["createdAt"].time_ms(),
    )


def spot_stops(document: Node) -> tuple[StopRow, ...]:
    """Read a page of the spot host's stops, of spot or of margin.

    Raises:
        UsageError: A field is missing or broken.
    """
    return tuple(_spot(row) for row in page(document)[0])


def _spot(row: Node) -> StopRow:
    symbol = row["symbol"].text()
    words = {name: name for name in (*_ACCOUNTS, _ISOLATED)}
    return StopRow(
        stop_id=row["id"].identity(),
        client_id=row["clientOid"].optional_text(),
        account=trade_account(row["tradeType"].word(words), symbol),
        symbol=symbol,
        side=row["side"].word(SIDES),
        qty=row["size"].optional_amount() or ZERO,
        stop_price=row["stopPrice"].price(),
        is_up=_is_up(row["stop"]),
        reduce_only=False,
        mode=MarginMode.CROSS,
        position_side=PositionSide.BOTH,
        at=row["createdAt"].time_ms(),
    )


def _is_up(node: Node) -> bool:
    """Whether it waits for a higher price; an unknown kind counts as downwards."""
    return (node.optional_text() or "").lower() in _UPWARDS
