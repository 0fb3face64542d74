"""What KuCoin states about its rules, as the rules that a program trades by.

The readers of single documents stand beside this module; here their values become
``bot.domain.instruments``. A coefficient that a document leaves out is 1, a fee class
is B, a least value is 0.1, a pair's leverage 10 and its liquidation ratio 0.97: the
readings of DESIGN section 11. Nothing here knows a price, a file or a client.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bot.domain.instruments import (
    CollateralTier,
    ContractRules,
    IsolatedPairRules,
    MarginCoinRules,
    RiskTier,
    SpotRules,
)
from bot.domain.money import ONE
from connectors.kucoin.parse.contracts import Contract, contract_rules
from connectors.kucoin.parse.envelope import coin
from connectors.kucoin.parse.margin_rules import (
    CoinTerms,
    IsolatedTerms,
    MarginConfig,
    MarginTerms,
)
from connectors.kucoin.parse.spot_rules import SpotListing

__all__ = [
    "NO_CONFIG",
    "StatedRules",
    "coin_rules",
    "contract_of",
    "pair_rules",
    "stated_contract",
    "stated_spot",
]

_ISOLATED_LEVERAGE: Final = Decimal(10)
_ISOLATED_LIQUIDATION: Final = Decimal("0.97")
NO_CONFIG: Final = MarginConfig(
    max_leverage=None, warning_debt_ratio=None, liquidation_debt_ratio=None, coins=()
)
_CLASS_B: Final = 2
_MIN_FUNDS: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRules:
    """What the documents state; a family that is not there is empty."""

    contracts: Mapping[str, Contract] = field(default_factory=dict)
    tiers: Mapping[str, tuple[RiskTier, ...]] = field(default_factory=dict)
    spot: Mapping[str, SpotListing] = field(default_factory=dict)
    margin: MarginTerms = field(default_factory=MarginTerms)
    isolated: Mapping[str, IsolatedTerms] = field(default_factory=dict)
    collateral: Mapping[str, tuple[CollateralTier, ...]] = field(default_factory=dict)
    config: MarginConfig = NO_CONFIG


def stated_contract(stated: StatedRules, symbol: str) -> ContractRules | None:
    """A listed contract's rules, its settle currency in our words; None if unlisted.

    Raises:
        UsageError: The listing leaves out what every order needs.
    """
    item = stated.contracts.get(symbol)
    if item is None:
        return None
    return contract_of(item, stated.tiers.get(symbol, ()))


def contract_of(item: Contract, tiers: tuple[RiskTier, ...] = ()) -> ContractRules:
    """A listed contract's rules, its settle currency in our words.

    Raises:
        UsageError: The listing leaves out what every order needs.
    """
    rules = contract_rules(item, tiers)
    return replace(rules, settle=coin(rules.settle))


def stated_spot(stated: StatedRules, symbol: str) -> SpotRules | None:
    """A listed pair's rules; None if unlisted."""
    listing = stated.spot.get(symbol)
    if listing is None:
        return None
    return replace(
        listing,
        fee_class=listing.fee_class or _CLASS_B,
        min_funds=_MIN_FUNDS if listing.min_funds is None else listing.min_funds,
    ).rules()


def coin_rules(
    name: str, terms: CoinTerms | None, tiers: tuple[CollateralTier, ...] = ()
) -> MarginCoinRules:
    """The margin rules of a coin, or of a leg of a pair; unstated ones are open."""
    if terms is None:
        return MarginCoinRules(coin=name, coefficient=ONE, tiers=tiers)
    precision = 8 if terms.precision is None else terms.precision
    return MarginCoinRules(
        coin=name,
        coefficient=ONE if terms.coefficient is None else terms.coefficient,
        borrow_enabled=terms.borrow_enabled is not False,
        borrow_min=terms.borrow_min,
        borrow_unit=terms.borrow_unit,
        borrow_max=terms.borrow_max,
        hold_max=terms.hold_max,
        buy_max=terms.buy_max,
        quantum=Decimal(1).scaleb(-precision),
        tiers=tiers,
    )


def pair_rules(stated: StatedRules, spot: SpotRules) -> IsolatedPairRules:
    """The isolated pair of a spot symbol: 10x and 0.97 where nothing is stated."""
    terms = stated.isolated.get(spot.symbol)
    legs = stated.margin.legs.get(spot.symbol, (None, None))
    leverage = None if terms is None else terms.max_leverage
    ratio = None if terms is None else terms.liquidation_debt_ratio
    return IsolatedPairRules(
        symbol=spot.symbol,
        base=spot.base,
        quote=spot.quote,
        max_leverage=_ISOLATED_LEVERAGE if leverage is None else leverage,
        liquidation_debt_ratio=_ISOLATED_LIQUIDATION if ratio is None else ratio,
        base_rules=coin_rules(spot.base, legs[0], stated.collateral.get(spot.base, ())),
        quote_rules=coin_rules(
            spot.quote, legs[1], stated.collateral.get(spot.quote, ())
        ),
    )
