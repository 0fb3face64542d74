"""The futures wallets: pushes of ``/contractAccount/wallet`` and the overview.

A wallet push states balances and *initial* margins, never a maintenance margin.
Unrealised profit is read for comparison only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connectors.kucoin.parse.envelope import body, push
from connectors.kucoin.parse.node import Node

__all__ = ["Overview", "Wallet", "account_overview", "wallet", "wallets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """One settle currency of the futures account, in that currency.

    ``currency`` keeps the exchange's word (XBT). A field that the message does
    not carry is None.
    """

    currency: str
    balance: Decimal | None
    isolated_order_margin: Decimal | None
    isolated_position_margin: Decimal | None
    cross_order_margin: Decimal | None
    cross_position_margin: Decimal | None
    cross_unrealised_pnl: Decimal | None
    isolated_unrealised_pnl: Decimal | None
    total_cross_margin: Decimal | None
    equity: Decimal | None
    available: Decimal | None
    hold: Decimal | None
    max_withdraw: Decimal | None
    version: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """``GET /api/v1/account-overview``: reference values to compare with."""

    currency: str
    equity: Decimal
    available: Decimal
    risk_rate: Decimal | None
    max_withdraw: Decimal | None
    unrealised_pnl: Decimal


def wallet(document: Node) -> Wallet:
    """Read one wallet push, the whole message or its data.

    A wallet balance may be negative until the insurance fund fills it; margins
    may not.

    Raises:
        UsageError: The currency is missing or a field that is there is broken.
    """
    data = push(document)
    return Wallet(
        currency=data["currency"].text(),
        balance=_signed(data["walletBalance"]),
        isolated_order_margin=_amount(data["isolatedOrderMargin"]),
        isolated_position_margin=_amount(data["isolatedPosMargin"]),
        cross_order_margin=_amount(data["crossOrderMargin"]),
        cross_position_margin=_amount(data["crossPosMargin"]),
        cross_unrealised_pnl=_signed(data["crossUnPnl"]),
        isolated_unrealised_pnl=_signed(data["isolatedUnPnl"]),
        total_cross_margin=_signed(data["totalCrossMargin"]),
        equity=_signed(data["equity"]),
        available=_signed(data["availableBalance"]),
        hold=_amount(data["holdBalance"]),
        max_withdraw=_signed(data["maxWithdrawAmount"]),
        version=data["version"].optional_integer(),
        at=data["timestamp"].optional_time_ms(),
    )


def _signed(node: Node) -> Decimal | None:
    return None if node.is_absent else node.decimal()


def _amount(node: Node) -> Decimal | None:
    return None if node.is_absent else node.amount()


def wallets(document: Node) -> Mapping[str, Wallet]:
    """Read a list of wallet pushes: of one currency the newest counts.

    The newest has the highest ``version``; under one version, the latest time.

    Raises:
        UsageError: A push is broken, or two of one currency cannot be ordered.
    """
    found: dict[str, Wallet] = {}
    for row in document.each():
        item = wallet(row)
        held = found.get(item.currency)
        if held is None or _is_newer(item, held, row):
            found[item.currency] = item
    return found


def _is_newer(item: Wallet, held: Wallet, row: Node) -> bool:
    if item == held:
        return False
    ranks = [(x.version, x.at) for x in (item, held)]
    (version, at), (held_version, held_at) = ranks
    if None not in {version, held_version} and version != held_version:
        return (version or 0) > (held_version or 0)
    if at is None or held_at is None or at == held_at or version != held_version:
        row.refuse("the only wallet of its currency, or ordered by version and time")
    return at > held_at


def account_overview(document: Node) -> Overview:
    """Read the account overview of one settle currency."""
    data = body(document)
    return Overview(
        currency=data["currency"].text(),
        equity=data["accountEquity"].decimal(),
        available=data["availableBalance"].decimal(),
        risk_rate=data["riskRatio"].optional_amount(),
        max_withdraw=data["maxWithdrawAmount"].optional_decimal(),
        unrealised_pnl=data["unrealisedPNL"].decimal(),
    )
