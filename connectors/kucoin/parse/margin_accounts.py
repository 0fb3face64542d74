"""Margin accounts, cross and isolated: what is owned, held and owed.

Reads ``GET /api/v3/margin/accounts`` and ``GET /api/v3/isolated/accounts``. The
printed ratios are kept only for comparison; nothing here computes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import Balance
from bot.domain.money import ZERO
from connectors.kucoin.parse.envelope import body, coin
from connectors.kucoin.parse.node import Node

__all__ = [
    "STATUSES",
    "CrossAccount",
    "IsolatedPair",
    "MarginLine",
    "cross_account",
    "isolated_pairs",
]

STATUSES: Final[Mapping[str, str]] = {
    "EFFECTIVE": "normal",
    "BANKRUPTCY": "bankrupt",
    "LIQUIDATION": "liquidating",
    "REPAY": "repaying",
    "BORROW": "borrowing",
    "CLEAR": "normal",
    "DEBT": "normal",
    "IN_BORROW": "borrowing",
    "IN_REPAY": "repaying",
    "IN_LIQUIDATION": "liquidating",
    "IN_AUTO_RENEW": "renewing",
}
"""The states of a margin account in the exchange's words and in ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginLine:
    """One coin of a margin account, in units of the coin.

    ``total`` includes ``hold``. ``liability`` is everything owed, interest
    included; ``principal`` and ``interest`` are None in documents from before
    their fields existed (May 2025).
    """

    coin: str
    total: Decimal
    hold: Decimal | None
    liability: Decimal
    principal: Decimal | None
    interest: Decimal | None
    max_borrow: Decimal | None

    def balance(self) -> Balance:
        """The same in the domain's words; an unknown hold counts as none held.

        Where the split of the debt is unknown or does not add up to the larger
        stated liability, the rest counts as principal.
        """
        interest = ZERO if self.interest is None else self.interest
        return Balance(
            total=self.total,
            hold=ZERO if self.hold is None else self.hold,
            principal=self.liability - interest,
            interest=interest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossAccount:
    """The cross margin account; ``debt_ratio`` and ``status`` as the exchange says."""

    lines: Mapping[str, MarginLine]
    debt_ratio: Decimal | None
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolatedPair:
    """One isolated margin account: the two coins of a pair."""

    symbol: str
    base: MarginLine
    quote: MarginLine
    debt_ratio: Decimal | None
    status: str | None
    at: datetime | None


def cross_account(document: Node) -> CrossAccount:
    """Read the cross margin account.

    Raises:
        UsageError: A field is missing or broken, or a coin is listed twice.
    """
    data = body(document)
    lines: dict[str, MarginLine] = {}
    for row in data["accounts"].each():
        line = margin_line(row)
        if line.coin in lines:
            row["currency"].refuse("a coin that is listed once")
        lines[line.coin] = line
    return CrossAccount(
        lines=lines,
        debt_ratio=data["debtRatio"].optional_amount(),
        status=data["status"].state(STATUSES),
    )


def isolated_pairs(document: Node) -> Mapping[str, IsolatedPair]:
    """Read the isolated margin accounts, by pair.

    Raises:
        UsageError: A field is missing or broken, or a pair is listed twice.
    """
    data = body(document)
    at = data["timestamp"].optional_time_ms()
    pairs: dict[str, IsolatedPair] = {}
    for row in data["assets"].each():
        pair = _pair(row, at)
        if pair.symbol in pairs:
            row["symbol"].refuse("a pair that is listed once")
        pairs[pair.symbol] = pair
    return pairs


def _pair(row: Node, at: datetime | None) -> IsolatedPair:
    symbol = row["symbol"].text()
    base, quote = margin_line(row["baseAsset"]), margin_line(row["quoteAsset"])
    if base.coin == quote.coin:
        row["quoteAsset"]["currency"].refuse("another coin than the base asset's")
    return IsolatedPair(
        symbol=symbol,
        base=base,
        quote=quote,
        debt_ratio=row["debtRatio"].optional_amount(),
        status=row["status"].state(STATUSES),
        at=at,
    )


def margin_line(row: Node) -> MarginLine:
    """Read one coin of a margin account.

    The debt may be stated as ``liability``, as principal and interest, or both;
    where both are there and differ, the larger one counts.

    Raises:
        UsageError: The coin, the total or every form of the debt is missing, or
            an amount is negative.
    """
    principal = row["liabilityPrincipal"].optional_amount()
    interest = row["liabilityInterest"].optional_amount()
    hold = row["hold"].optional_amount()
    return MarginLine(
        coin=coin(row["currency"].text()),
        total=row["total"].amount(),
        hold=hold,
        liability=_liability(row, principal, interest),
        principal=principal,
        interest=interest,
        max_borrow=row["maxBorrowSize"].optional_amount(),
    )


def _liability(
    row: Node, principal: Decimal | None, interest: Decimal | None
) -> Decimal:
    if row["liability"].is_absent and principal is not None and interest is not None:
        return principal + interest
    stated = row["liability"].amount()
    parts = (principal or ZERO) + (interest or ZERO)
    return max(stated, parts)
