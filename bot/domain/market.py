"""One instant of a market: what every simulated or recorded source produces.

A market source walks through instants in time order. Each instant carries the
last traded prices, the marks derived from them, and whatever else changed:
liquidity, funding, borrow rates. Prices are USDT per coin (inverse contracts:
USD per coin). This module holds values only; how they come about is the
business of ``connectors/markets``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

__all__ = [
    "BorrowRate",
    "FundingQuote",
    "FundingSettlement",
    "Instrument",
    "Liquidity",
    "MarketDescription",
    "MarketInstant",
    "PathOrder",
]


class PathOrder(StrEnum):
    """Which extreme of a bar comes first; fixed once from the starting account."""

    LOW_FIRST = "low_first"
    HIGH_FIRST = "high_first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One coin of a market and where its numbers come from.

    ``spot_symbol`` and ``perp_symbol`` are KuCoin's names, None where the market
    does not trade it. ``derived`` says in words what was rebuilt and not
    recorded.
    """

    coin: str
    spot_symbol: str | None
    perp_symbol: str | None
    resolution: str
    derived: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidity:
    """Depth of one symbol; the fields are those of ``LiquidityQuoted``."""

    half_spread: Decimal
    sigma_1m: Decimal
    volume_1m: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingQuote:
    """The rate a contract shows before it settles, from earlier data only."""

    symbol: str
    funding_rate: Decimal
    settlement_at: datetime
    funding_interval_h: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingSettlement:
    """A settlement at this instant: positive rate, longs pay shorts."""

    symbol: str
    funding_rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowRate:
    """What borrowing a coin costs a year, and how much of it there is (None: any)."""

    coin: str
    annual_rate: Decimal
    available: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketInstant:
    """Everything that is true of the market at one time.

    ``last_prices`` by symbol (``BTC-USDT``, ``XBTUSDTM``), ``margin_marks`` by
    coin, ``futures_marks`` by contract: complete for every instrument that
    trades. The other fields hold only what changed.
    """

    at: datetime
    last_prices: Mapping[str, Decimal]
    margin_marks: Mapping[str, Decimal]
    futures_marks: Mapping[str, Decimal]
    liquidity: Mapping[str, Liquidity] = field(default_factory=dict)
    funding_quotes: tuple[FundingQuote, ...] = ()
    settlements: tuple[FundingSettlement, ...] = ()
    borrow_rates: tuple[BorrowRate, ...] = ()
    halted: Mapping[str, bool] = field(default_factory=dict)
    """Symbols that stopped (True) or resumed (False) trading at this instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDescription:
    """What a market is, for reports and for telling two runs apart."""

    name: str
    title: str
    start: datetime
    end: datetime
    instruments: tuple[Instrument, ...]
    resolution: str
    digest: str
    """SHA-256 over the source files or the generator's parameters and seed."""
    assumptions: tuple[str, ...] = ()
    note: str = ""
    is_synthetic: bool = False
