"""Pushes about margin accounts: the cross ratio, its status, isolated positions.

Reads ``/margin/position`` and ``/margin/isolatedPosition``. Isolated messages carry no
ratio and only what changed: merge them, do not replace.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import Balance
from bot.domain.events import AccountStatus
from connectors.kucoin.parse.envelope import coin
from connectors.kucoin.parse.node import Node

__all__ = [
    "CrossRatio",
    "CrossStatus",
    "IsolatedChange",
    "cross_position_push",
    "isolated_position_push",
]

_TYPES: Final[Mapping[str, AccountStatus]] = {
    "FROZEN_FL": AccountStatus.LIQUIDATING,
    "UNFROZEN_FL": AccountStatus.LIQUIDATED,
    # Frozen for a renewal of loans, a leftover of term loans: no orders either.
    "FROZEN_RENEW": AccountStatus.ORDERS_CANCELLED,
    "UNFROZEN_RENEW": AccountStatus.NORMAL,
    "LIABILITY": AccountStatus.BANKRUPT,
    "UNLIABILITY": AccountStatus.NORMAL,
}
_STATUSES: Final = {
    name: name.lower()
    for name in (
        "DEBT",
        "CLEAR",
        "IN_BORROW",
        "IN_REPAY",
        "IN_LIQUIDATION",
        "IN_AUTO_RENEW",
        "BANKRUPTCY",
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossRatio:
    """The exchange's own debt ratio with its parts, in BTC, interest included.

    ``owned`` and ``owed`` are coins; the debt is not split into its parts here.
    """

    debt_ratio: Decimal
    total_asset: Decimal
    weighted_asset: Decimal | None
    total_debt: Decimal
    owned: Mapping[str, Decimal]
    owed: Mapping[str, Decimal]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossStatus:
    """The exchange froze or released the cross account; ``word`` is its own."""

    status: AccountStatus
    word: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolatedChange:
    """What changed in one isolated account; coins that are absent did not change."""

    pair: str
    status: str
    cause: str | None
    balances: Mapping[str, Balance]
    at: datetime


def cross_position_push(document: Node) -> CrossRatio | CrossStatus:
    """Read a push of ``/margin/position``; ``data.type`` makes it a status.

    Raises:
        UsageError: A field is missing or broken.
    """
    data = document["data"] if not document["data"].is_absent else document
    if not data["type"].is_blank:
        return CrossStatus(
            status=data["type"].word(_TYPES),
            word=data["type"].text(),
            at=data["timestamp"].time_ms(),
        )
    return CrossRatio(
        debt_ratio=data["debtRatio"].amount(),
        total_asset=data["totalAsset"].amount(),
        weighted_asset=data["marginCoefficientTotalAsset"].optional_amount(),
        total_debt=data["totalDebt"].amount(),
        owned={
            coin(name): node["total"].amount()
            for name, node in data["assetList"].entries()
        },
        owed={coin(name): node.amount() for name, node in data["debtList"].entries()},
        at=data["timestamp"].time_ms(),
    )


def isolated_position_push(document: Node) -> IsolatedChange:
    """Read a push of ``/margin/isolatedPosition``."""
    data = document["data"] if not document["data"].is_absent else document
    return IsolatedChange(
        pair=data["tag"].text(),
        status=data["status"].word(_STATUSES),
        cause=data["statusBizType"].optional_text(),
        balances={
            coin(name): _balance(node) for name, node in data["changeAssets"].entries()
        },
        at=data["timestamp"].time_ms(),
    )


def _balance(node: Node) -> Balance:
    return Balance(
        total=node["total"].amount(),
        hold=node["hold"].amount(),
        principal=node["liabilityPrincipal"].amount(),
        interest=node["liabilityInterest"].amount(),
    )
