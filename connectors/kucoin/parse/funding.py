"""Funding rates: the current one, past ones, and what we paid or received.

Reads ``GET /api/v1/funding-rate/{symbol}/current``, ``/api/v1/contract/funding-rates``,
``/api/v1/funding-history`` and the pushes ``funding.rate`` (topic
``/contract/instrument``) and ``funding.begin``/``funding.end``. A positive rate is
paid by longs; a rate is a fraction per interval.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode
from connectors.kucoin.parse.envelope import body, push
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.positions import MARGIN_MODES

__all__ = [
    "FundingPayment",
    "FundingRate",
    "PastRate",
    "RatePush",
    "SettlementNotice",
    "funding_payments",
    "funding_push",
    "funding_rate",
    "past_rates",
    "settlement_notice",
]

_MS_PER_HOUR: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRate:
    """The rate of the running interval and the next.

    ``index_symbol`` is the funding index (``.XBTUSDTMFPI8H``), not the contract.
    ``is_charged`` is false where this interval's fee is not charged in it.
    """

    index_symbol: str
    funding_rate: Decimal
    predicted_rate: Decimal | None
    funding_interval_h: Decimal
    started_at: datetime
    settlement_at: datetime | None
    cap: Decimal | None
    floor: Decimal | None
    is_charged: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRate:
    """A settled rate of a contract."""

    symbol: str
    settlement_at: datetime
    funding_rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment:
    """One settlement of ours; ``amount`` above 0 was received, below it was paid."""

    payment_id: str
    symbol: str
    settlement_at: datetime
    funding_rate: Decimal
    mark_price: Decimal
    lots: int
    amount: Decimal
    settle: str
    mode: MarginMode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePush:
    """A pushed rate: the prediction each minute, or the settled one of an interval."""

    symbol: str
    funding_rate: Decimal
    granularity_ms: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementNotice:
    """Settlement of a contract begins or ends; orders may be refused meanwhile."""

    symbol: str
    is_beginning: bool
    settlement_at: datetime
    funding_rate: Decimal
    at: datetime


def funding_rate(document: Node) -> FundingRate:
    """Read the current funding rate."""
    data = body(document)
    period = data["period"].optional_integer()
    return FundingRate(
        index_symbol=data["symbol"].text(),
        funding_rate=data["value"].decimal(),
        predicted_rate=data["predictedValue"].optional_decimal(),
        funding_interval_h=data["granularity"].price() / _MS_PER_HOUR,
        started_at=data["timePoint"].time_ms(),
        settlement_at=data["fundingTime"].optional_time_ms(),
        cap=data["fundingRateCap"].optional_decimal(),
        floor=data["fundingRateFloor"].optional_decimal(),
        is_charged=None if period is None else period == 1,
    )


def past_rates(document: Node) -> tuple[PastRate, ...]:
    """Read the public history, in the order of the answer (newest first)."""
    return tuple(
        PastRate(
            symbol=row["symbol"].text(),
            settlement_at=row["timepoint"].time_ms(),
            funding_rate=row["fundingRate"].decimal(),
        )
        for row in body(document).each()
    )


def funding_payments(document: Node) -> tuple[tuple[FundingPayment, ...], bool]:
    """Read our own payments and whether there are more behind this page."""
    data = body(document)
    payments = tuple(_payment(row) for row in data["dataList"].each())
    return payments, data["hasMore"].flag()


def _payment(row: Node) -> FundingPayment:
    mode = row["marginMode"]
    return FundingPayment(
        payment_id=row["id"].identity(),
        symbol=row["symbol"].text(),
        settlement_at=row["timePoint"].time_ms(),
        funding_rate=row["fundingRate"].decimal(),
        mark_price=row["markPrice"].price(),
        lots=row["positionQty"].integer(),
        amount=row["funding"].decimal(),
        settle=row["settleCurrency"].text(),
        mode=None if mode.is_blank else mode.word(MARGIN_MODES),
    )


def funding_push(document: Node) -> RatePush:
    """Read a ``funding.rate`` push; its symbol stands in the topic only.

    Raises:
        UsageError: A field is broken, or the topic names no contract.
    """
    data = document["data"]
    symbol = document["topic"].text().rpartition(":")[2]
    if symbol == document["topic"].text():
        document["topic"].refuse("a topic such as /contract/instrument:XBTUSDTM")
    return RatePush(
        symbol=symbol,
        funding_rate=data["fundingRate"].decimal(),
        granularity_ms=data["granularity"].integer(),
        at=data["timestamp"].time_ms(),
    )


def settlement_notice(document: Node) -> SettlementNotice:
    """Read a push of ``/contract/announcement``."""
    data = push(document)
    subject = document["subject"]
    return SettlementNotice(
        symbol=data["symbol"].text(),
        is_beginning=subject.word({"funding.begin": True, "funding.end": False}),
        settlement_at=data["fundingTime"].time_ms(),
        funding_rate=data["fundingRate"].decimal(),
        at=data["timestamp"].time_ms(),
    )
