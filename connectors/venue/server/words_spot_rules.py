"""KuCoin's documents of pairs, coins and margin rules, written from the venue's rules.

Pure: rules and the tape in, documents out. Where the venue knows no limit a very
large one is written, because KuCoin always writes a number.
"""

from decimal import Decimal
from typing import Final

from bot.domain.instruments import (
    CollateralTier,
    IsolatedPairRules,
    MarginCoinRules,
    Rules,
    SpotRules,
)
from bot.domain.money import plain
from connectors.venue.tape import Tape

__all__ = [
    "NO_LIMIT",
    "coin_names",
    "collateral_words",
    "currency_words",
    "isolated_limit_words",
    "isolated_symbol_words",
    "margin_coin_words",
    "margin_symbol_words",
    "symbol_words",
]

NO_LIMIT: Final = Decimal(10_000_000_000)
"""Written where the venue sets no limit."""

_QUOTE_MAX: Final = "99999999"
_PRECISION: Final = 8


def coin_names(rules: Rules) -> list[str]:
    """Every coin that the venue knows, sorted."""
    names = {name for pair in rules.spot.values() for name in (pair.base, pair.quote)}
    names.update(rules.margin_coins)
    names.update(contract.settle for contract in rules.contracts.values())
    return sorted(names)


def _pair_words(pair: SpotRules) -> dict[str, object]:
    """What the spot list and the margin list of a pair have in common."""
    return {
        "symbol": pair.symbol,
        "name": pair.symbol,
        "baseCurrency": pair.base,
        "quoteCurrency": pair.quote,
        "feeCurrency": pair.quote,
        "market": "USDS" if pair.quote in {"USDT", "USDC"} else pair.quote,
        "baseMinSize": plain(pair.base_min),
        "quoteMinSize": plain(pair.min_funds),
        "baseMaxSize": plain(pair.base_max),
        "quoteMaxSize": _QUOTE_MAX,
        "baseIncrement": plain(pair.base_increment),
        "quoteIncrement": plain(pair.quote_increment),
        "priceIncrement": plain(pair.price_increment),
        "priceLimitRate": plain(pair.price_limit_rate),
        "minFunds": plain(pair.min_funds),
    }


def symbol_words(pair: SpotRules, rules: Rules, tape: Tape) -> dict[str, object]:
    """One pair of ``/api/v2/symbols``."""
    coefficient = f"{pair.fee_class}.00"
    return {
        **_pair_words(pair),
        "isMarginEnabled": _has_margin(pair, rules),
        "enableTrading": not tape.is_halted(pair.symbol),
        "feeCategory": pair.fee_class,
        "makerFeeCoefficient": coefficient,
        "takerFeeCoefficient": coefficient,
        "st": False,
        "callauctionIsEnabled": False,
        "callauctionPriceFloor": None,
        "callauctionPriceCeiling": None,
        "callauctionFirstStageStartTime": None,
        "callauctionSecondStageStartTime": None,
        "callauctionThirdStageStartTime": None,
        "tradingStartTime": None,
    }


def margin_symbol_words(pair: SpotRules, tape: Tape) -> dict[str, object]:
    """One pair of ``/api/v3/margin/symbols``."""
    return {**_pair_words(pair), "enableTrading": not tape.is_halted(pair.symbol)}


def _has_margin(pair: SpotRules, rules: Rules) -> bool:
    cross = {pair.base, pair.quote} <= set(rules.margin_coins)
    return cross or pair.symbol in rules.isolated_pairs


def currency_words(coin: str, rules: Rules) -> dict[str, object]:
    """One coin of ``/api/v3/currencies``; no chain, because nothing comes in or out."""
    margin = rules.margin_coins.get(coin)
    return {
        "currency": coin,
        "name": coin,
        "fullName": coin,
        "precision": _PRECISION,
        "confirms": None,
        "contractAddress": None,
        "isMarginEnabled": margin is not None,
        "isDebitEnabled": margin is not None and margin.borrow_enabled,
        "chains": [],
    }


def _limit(amount: Decimal | None) -> str:
    return plain(NO_LIMIT if amount is None else amount)


def _least(coin: MarginCoinRules, amount: Decimal | None) -> str | None:
    """A minimum of a loan: null where nothing can be borrowed."""
    if not coin.borrow_enabled:
        return None
    return plain(coin.quantum if amount is None else amount)


def margin_coin_words(coin: MarginCoinRules, at_ms: int) -> dict[str, object]:
    """One coin of ``/api/v3/margin/currencies`` for cross margin."""
    return {
        "timestamp": at_ms,
        "currency": coin.coin,
        "borrowMaxAmount": _limit(coin.borrow_max),
        "buyMaxAmount": _limit(coin.buy_max),
        "holdMaxAmount": _limit(coin.hold_max),
        "borrowCoefficient": "1",
        "marginCoefficient": plain(coin.coefficient),
        "precision": -int(coin.quantum.normalize().as_tuple().exponent),
        "borrowMinAmount": _least(coin, coin.borrow_min),
        "borrowMinUnit": _least(coin, coin.borrow_unit),
        "borrowEnabled": coin.borrow_enabled,
    }


def isolated_limit_words(pair: IsolatedPairRules, at_ms: int) -> dict[str, object]:
    """One pair of ``/api/v3/margin/currencies?isIsolated=true``."""
    words: dict[str, object] = {"timestamp": at_ms, "symbol": pair.symbol}
    for side, coin in (("base", pair.base_rules), ("quote", pair.quote_rules)):
        words |= {
            f"{side}MaxBorrowAmount": _limit(coin.borrow_max),
            f"{side}MaxBuyAmount": _limit(coin.buy_max),
            f"{side}MaxHoldAmount": _limit(coin.hold_max),
            f"{side}Precision": -int(coin.quantum.normalize().as_tuple().exponent),
            f"{side}BorrowCoefficient": "1",
            f"{side}MarginCoefficient": plain(coin.coefficient),
            f"{side}BorrowMinAmount": _least(coin, coin.borrow_min),
            f"{side}BorrowMinUnit": _least(coin, coin.borrow_unit),
            f"{side}BorrowEnabled": coin.borrow_enabled,
        }
    return words


def isolated_symbol_words(pair: IsolatedPairRules, tape: Tape) -> dict[str, object]:
    """One pair of ``/api/v1/isolated/symbols``; ``maxLeverage`` is a bare number."""
    return {
        "symbol": pair.symbol,
        "symbolName": pair.symbol,
        "baseCurrency": pair.base,
        "quoteCurrency": pair.quote,
        "maxLeverage": pair.max_leverage,
        "flDebtRatio": plain(pair.liquidation_debt_ratio),
        "tradeEnable": not tape.is_halted(pair.symbol),
        "autoRenewMaxDebtRatio": "0.96",
        "baseBorrowEnable": pair.base_rules.borrow_enabled,
        "quoteBorrowEnable": pair.quote_rules.borrow_enabled,
        "baseTransferInEnable": True,
        "quoteTransferInEnable": True,
        "baseBorrowCoefficient": "1",
        "quoteBorrowCoefficient": "1",
    }


def collateral_words(rules: Rules, wanted: tuple[str, ...]) -> list[dict[str, object]]:
    """The haircut tiers, coins with the same tiers together.

    A coin that counts in full has no entry. ``wanted`` empty means every coin.
    """
    groups: dict[tuple[CollateralTier, ...], list[str]] = {}
    for name in sorted(rules.margin_coins):
        tiers = rules.margin_coins[name].tiers
        if tiers and (not wanted or name in wanted):
            groups.setdefault(tiers, []).append(name)
    return [
        {
            "currencyList": coins,
            "items": [
                {
                    "lowerLimit": plain(tier.lower),
                    "upperLimit": plain(tier.upper) if tier.upper.is_finite() else "",
                    "collateralRatio": plain(tier.ratio),
                }
                for tier in tiers
            ],
        }
        for tiers, coins in groups.items()
    ]
