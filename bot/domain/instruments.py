"""What can be traded, and the exchange's rules for each.

Two quantities exist and are never mixed: ``Lots`` are whole contracts, base
quantities are coins. The rules are data read from the exchange (or from
``connectors/venue/rules.toml``); this module computes nothing but the
conversion between the two and must not hold a default of any rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NewType

from bot.domain.announced import Delisting, RiskChange

__all__ = [
    "BY_NAME",
    "CollateralTier",
    "ContractRules",
    "IsolatedPairRules",
    "Lots",
    "MarginCoinRules",
    "RiskTier",
    "Rules",
    "SpotRules",
]

Lots = NewType("Lots", int)
"""Whole contracts of a futures symbol, signed: positive is long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotRules:
    """One spot pair, such as BTC-USDT; sizes in base coins, prices in quote."""

    symbol: str
    base: str
    quote: str
    base_increment: Decimal
    quote_increment: Decimal
    price_increment: Decimal
    base_min: Decimal
    base_max: Decimal
    min_funds: Decimal
    price_limit_rate: Decimal
    fee_class: int
    """KuCoin's ``feeCategory``: 1 is class A, 2 is B, 3 is C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTier:
    """One tier of the isolated risk limit; ``max_notional`` in settle currency."""

    max_notional: Decimal
    max_leverage: Decimal
    initial_margin_rate: Decimal
    maintenance_margin_rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRules:
    """One futures contract, such as XBTUSDTM.

    ``multiplier`` is base coins a lot (linear) or quote units a lot (inverse),
    always positive here. ``k``, ``m``, ``f``, ``mmr_limit`` and
    ``mmr_lev_constant`` are the parameters of the cross-margin curves; they count
    base coins for linear and lots for inverse contracts.
    """

    symbol: str
    base: str
    """The coin in our words: BTC, never XBT."""
    quote: str
    settle: str
    is_inverse: bool
    multiplier: Decimal
    lot_size: int
    tick_size: Decimal
    max_order_lots: int
    max_leverage: Decimal
    k: Decimal | None
    m: Decimal | None
    f: Decimal | None
    mmr_limit: Decimal | None
    mmr_lev_constant: Decimal | None
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal
    price_band: Decimal
    """Orders further than this fraction from the mark are refused."""
    cross_risk_limit: Decimal | None = None
    tiers: tuple[RiskTier, ...] = ()
    initial_margin_rate: Decimal | None = None
    maintenance_margin_rate: Decimal | None = None
    funding_rate_cap: Decimal | None = None
    funding_rate_floor: Decimal | None = None
    announced: RiskChange | None = None
    """Constants that come into force later; None where nothing is announced."""

    def as_announced(self) -> "ContractRules":
        """The rules once the announced constants are in force: the worse of both.

        One that eases counts only when the exchange states it as its own.
        """
        new = self.announced
        if new is None:
            return self
        return replace(
            self,
            k=_least(self.k, new.k),
            m=_least(self.m, new.m),
            mmr_lev_constant=_least(self.mmr_lev_constant, new.mmr_lev_constant),
            announced=None,
        )

    def curve_size(self, lots: Decimal) -> Decimal:
        """The size that the cross-margin curves count: coins, or lots if inverse."""
        return lots if self.is_inverse else lots * self.multiplier

    def value(self, lots: Decimal, price: Decimal) -> Decimal:
        """The signed value of ``lots`` at ``price``, in the settle currency.

        Linear: ``lots x multiplier x price``. Inverse: ``lots x multiplier /
        price``, positive for a long here (KuCoin prints it negative).
        """
        if self.is_inverse:
            return lots * self.multiplier / price
        return lots * self.multiplier * price


def _least(now: Decimal | None, then: Decimal | None) -> Decimal | None:
    """The smaller of two; one that is not known now stays not known."""
    return now if now is None or then is None else min(now, then)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralTier:
    """One slice of a coin's USDT value and the share of it that counts."""

    lower: Decimal
    upper: Decimal
    ratio: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCoinRules:
    """Borrowing rules of one coin, in cross margin or in one isolated pair."""

    coin: str
    coefficient: Decimal
    """Weighs the coin in the debt ratio; 1 for most."""
    borrow_enabled: bool = True
    borrow_min: Decimal | None = None
    borrow_unit: Decimal | None = None
    borrow_max: Decimal | None = None
    hold_max: Decimal | None = None
    buy_max: Decimal | None = None
    quantum: Decimal = Decimal("0.00000001")
    tiers: tuple[CollateralTier, ...] = ()
    """Haircut tiers: they cap borrowing and transfers out, never the debt ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolatedPairRules:
    """One isolated margin pair with its own leverage and liquidation ratio."""

    symbol: str
    base: str
    quote: str
    max_leverage: Decimal
    liquidation_debt_ratio: Decimal
    base_rules: MarginCoinRules
    quote_rules: MarginCoinRules


BY_NAME: Final = (
    "spot",
    "contracts",
    "margin_coins",
    "isolated_pairs",
    "spot_fee_rates",
)
"""The fields of ``Rules`` that are mappings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All the exchange's rules that an account needs, by symbol or coin.

    ``assumed`` names the instruments whose rules are our own guess and not the
    exchange's; every report prints it.
    """

    spot: Mapping[str, SpotRules] = field(default_factory=dict)
    contracts: Mapping[str, ContractRules] = field(default_factory=dict)
    margin_coins: Mapping[str, MarginCoinRules] = field(default_factory=dict)
    isolated_pairs: Mapping[str, IsolatedPairRules] = field(default_factory=dict)
    margin_max_leverage: Decimal = Decimal(5)
    margin_warning_debt_ratio: Decimal = Decimal("0.95")
    margin_liquidation_debt_ratio: Decimal = Decimal("0.97")
    spot_fee_rates: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    """Spot symbol to (maker, taker) fee rates of this account."""
    assumed: frozenset[str] = frozenset()
    delistings: tuple[Delisting, ...] = ()
    """What the exchange has stated to leave, and when."""

    def __post_init__(self) -> None:
        """Make every mapping read only: rules are handed to code that is not ours."""
        for name in BY_NAME:
            found = getattr(self, name)
            if not isinstance(found, MappingProxyType):
                object.__setattr__(self, name, MappingProxyType(found))

    @property
    def next_change_at(self) -> datetime | None:
        """When the first announced change of a contract comes into force."""
        changes = (each.announced for each in self.contracts.values())
        return min((each.at for each in changes if each is not None), default=None)

    def as_of(self, at: datetime) -> "Rules":
        """The rules in force at a time: what was announced for it has become so.

        Example:
            >>> Rules().as_of(datetime(2025, 1, 1)) == Rules()
            True
        """
        due = {
            symbol: each.as_announced()
            for symbol, each in self.contracts.items()
            if each.announced is not None and each.announced.at <= at
        }
        if not due:
            return self
        return replace(self, contracts={**self.contracts, **due})
