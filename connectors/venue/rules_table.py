"""Our own table of instrument rules, ``rules.toml``, as plain facts.

A fact that the table leaves out is None here; filling it is the business of
``rules_assumed``. This module reads one file that ships with the package and knows
no market.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bot.domain.instruments import MarginCoinRules, RiskTier, SpotRules

__all__ = ["ContractFacts", "RulesTable", "read_table"]

_FILE: Final = Path(__file__).with_name("rules.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractFacts:
    """What is known of a contract; None is not known. Units as ``ContractRules``."""

    symbol: str
    base: str
    quote: str
    settle: str
    is_inverse: bool
    multiplier: Decimal | None = None
    lot_size: int | None = None
    tick_size: Decimal | None = None
    max_order_lots: int | None = None
    max_leverage: Decimal | None = None
    k: Decimal | None = None
    m: Decimal | None = None
    f: Decimal | None = None
    mmr_limit: Decimal | None = None
    mmr_lev_constant: Decimal | None = None
    price_band: Decimal | None = None
    cross_risk_limit: Decimal | None = None
    initial_margin_rate: Decimal | None = None
    maintenance_margin_rate: Decimal | None = None
    funding_rate_cap: Decimal | None = None
    funding_rate_floor: Decimal | None = None
    risk_limit: Decimal | None = None
    """The limit of the first isolated tier, in settle currency."""
    tiers: tuple[RiskTier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesTable:
    """Contracts and pairs by symbol, margin coins by coin."""

    contracts: Mapping[str, ContractFacts] = field(default_factory=dict)
    spot: Mapping[str, SpotRules] = field(default_factory=dict)
    margin: Mapping[str, MarginCoinRules] = field(default_factory=dict)


_WORDS: Final = frozenset({"base", "quote", "settle", "is_inverse"})
_COUNTS: Final = frozenset({"lot_size", "max_order_lots", "fee_class"})


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its numbers as decimals; the source is for readers only."""
    plain_keys = _WORDS | _COUNTS
    return {
        name: value if name in plain_keys else Decimal(value)
        for name, value in row.items()
        if name not in {"source", "tiers"}
    }


def _tier(row: list[str]) -> RiskTier:
    limit, leverage, initial, maintenance = (Decimal(text) for text in row)
    return RiskTier(
        max_notional=limit,
        max_leverage=leverage,
        initial_margin_rate=initial,
        maintenance_margin_rate=maintenance,
    )


def read_table() -> RulesTable:
    """Read the table that ships with the package.

    An unknown key or a broken number in it is a bug of ours and raises as such.
    """
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return RulesTable(
        contracts={
            symbol: ContractFacts(
                symbol=symbol,
                tiers=tuple(_tier(tier) for tier in row.get("tiers", ())),
                **_values(row),
            )
            for symbol, row in document["contract"].items()
        },
        spot={
            symbol: SpotRules(symbol=symbol, **_values(row))
            for symbol, row in document["spot"].items()
        },
        margin={
            coin: MarginCoinRules(coin=coin, **_values(row))
            for coin, row in document["margin"].items()
        },
    )
