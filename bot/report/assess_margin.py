"""The margin part of an assessment: cross account and isolated pairs.

Glue between the documents and the formulas of ``bot.risk``; holds none itself.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from bot.domain.accounts import Balance
from bot.domain.instruments import CollateralTier, MarginCoinRules
from bot.domain.money import ONE
from bot.report.answers import Answer, Gap, Json, gap, number, write_gaps
from bot.report.documents import Documents
from bot.risk.collateral import (
    borrow_room,
    collateral_of,
    max_borrow,
    transferable_out,
)
from bot.risk.margin import (
    IsolatedPairState,
    MarginNumbers,
    isolated_liquidation_price,
    margin_numbers,
)
from bot.risk.missing import Missing, MissingKind
from connectors.kucoin.parse.margin_accounts import IsolatedPair
from connectors.kucoin.parse.margin_rules import CoinTerms
from connectors.kucoin.parse.marks import usdt_prices

__all__ = [
    "NO_USDT",
    "assess_cross",
    "assess_pairs",
    "coefficient_gaps",
    "cross_balances",
    "cross_coefficients",
    "pair_balances",
    "pair_coefficients",
]

_NO_TIERS: Final = (
    "collateral_ratio was not given: max_borrow and transferable_out count every "
    "coin whole, which may be more than the exchange allows."
)
NO_USDT: Final = (
    "mark_prices.USDT-BTC",
    "USDT has no mark price, so nothing can be valued in USDT.",
)
_NO_LIMITS: Final = (
    "borrowMinAmount, borrowMinUnit or borrowMaxAmount of {} was not given."
)
_MAX_LEVERAGE: Final = "max_borrow is at the highest leverage that the exchange allows."


def cross_balances(documents: Documents) -> Mapping[str, Balance]:
    """The balances of the cross account; empty when it was not given."""
    if documents.cross is None:
        return {}
    return {coin: line.balance() for coin, line in documents.cross.lines.items()}


def cross_coefficients(documents: Documents) -> Mapping[str, Decimal]:
    """The coefficients that were given, by coin."""
    return {
        coin: terms.coefficient
        for coin, terms in documents.terms.coins.items()
        if terms.coefficient is not None
    }


def coefficient_gaps(documents: Documents) -> Iterator[Gap]:
    """The coefficients of held coins that were not given, so that 1 was taken.

    Example:
        >>> from bot.report.documents import read_documents
        >>> line = '{"currency": "BTC", "total": "2", "liability": "0"}'
        >>> text = '{"margin_cross": {"accounts": [' + line + "]}}"
        >>> [field for field, _ in coefficient_gaps(read_documents(text, "f"))]
        ['margin_currencies.BTC.marginCoefficient']
    """
    prices = documents.prices_btc
    cross = margin_numbers(
        cross_balances(documents), prices, cross_coefficients(documents)
    )
    yield from (gap(each) for each in cross.missing if _is_coefficient(each))
    for pair in (documents.pairs or {}).values():
        weights = pair_coefficients(documents, pair)
        numbers = margin_numbers(pair_balances(pair), prices, weights)
        for each in numbers.missing:
            if _is_coefficient(each):
                yield _pair_gap(pair, each)


def _is_coefficient(missing: Missing) -> bool:
    return missing.kind is MissingKind.COEFFICIENT


def assess_cross(documents: Documents) -> Answer | None:
    """Debt ratio and totals of the cross account in BTC; None when not given."""
    if documents.cross is None:
        return None
    balances = cross_balances(documents)
    numbers = margin_numbers(
        balances, documents.prices_btc, cross_coefficients(documents)
    )
    gaps = [gap(each) for each in numbers.missing]
    answer = _totals(numbers)
    leverage = None if documents.config is None else documents.config.max_leverage
    answer |= _room(documents, balances, documents.terms.coins, leverage, gaps)
    answer["missing"] = write_gaps(gaps)
    return answer


def _totals(numbers: MarginNumbers) -> Answer:
    return {
        "debt_ratio": number(numbers.debt_ratio),
        "total_asset_btc": number(numbers.total_asset),
        "weighted_asset_btc": number(numbers.weighted_asset),
        "total_debt_btc": number(numbers.total_debt),
    }


def _room(
    documents: Documents,
    balances: Mapping[str, Balance],
    terms: Mapping[str, CoinTerms],
    leverage: Decimal | None,
    gaps: list[Gap],
) -> Answer:
    """How much may be borrowed and moved out, as far as the inputs allow."""
    if leverage is None and documents.tiers is None:
        return {}
    prices = usdt_prices(documents.prices_btc)
    if not prices:
        gaps.append(NO_USDT)
        return {}
    collateral = collateral_of(balances, prices, documents.tiers)
    gaps.extend(gap(each) for each in collateral.missing)
    answer: Answer = {
        "transferable_out": {
            coin: number(
                transferable_out(
                    collateral, balance, prices[coin], _tiers(documents, coin)
                )
            )
            for coin, balance in balances.items()
            if coin in prices and balance.total
        }
    }
    assumed: list[Json] = [] if documents.tiers is not None else [_NO_TIERS]
    room = None if leverage is None else borrow_room(collateral, leverage)
    if room is not None and terms:
        answer["max_borrow"] = _loans(room, balances, prices, terms, gaps)
        assumed.append(_MAX_LEVERAGE)
    if assumed:
        answer["assumed"] = assumed
    return answer


def _tiers(documents: Documents, coin: str) -> tuple[CollateralTier, ...] | None:
    return None if documents.tiers is None else documents.tiers.get(coin, ())


def _loans(
    room: Decimal,
    balances: Mapping[str, Balance],
    prices: Mapping[str, Decimal],
    terms: Mapping[str, CoinTerms],
    gaps: list[Gap],
) -> dict[str, Json]:
    none = Balance()
    loans: dict[str, Json] = {}
    for coin, item in terms.items():
        if coin not in prices:
            continue
        owed = balances.get(coin, none).liability
        loan = max_borrow(room, prices[coin], owed, _rules(coin, item))
        loans[coin] = number(loan)
        if loan is None:
            gaps.append((f"margin_currencies.{coin}", _NO_LIMITS.format(coin)))
    return loans


def _rules(coin: str, terms: CoinTerms) -> MarginCoinRules:
    return MarginCoinRules(
        coin=coin,
        coefficient=ONE if terms.coefficient is None else terms.coefficient,
        borrow_enabled=terms.borrow_enabled is not False,
        borrow_min=terms.borrow_min,
        borrow_unit=terms.borrow_unit,
        borrow_max=terms.borrow_max,
    )


def pair_balances(pair: IsolatedPair) -> Mapping[str, Balance]:
    """The two balances of a pair, by coin."""
    return {line.coin: line.balance() for line in (pair.base, pair.quote)}


def pair_coefficients(documents: Documents, pair: IsolatedPair) -> dict[str, Decimal]:
    """The coefficients that were given for the legs of a pair, by coin."""
    legs = documents.terms.legs.get(pair.symbol)
    if legs is None:
        return {}
    coins = (pair.base.coin, pair.quote.coin)
    return {
        coin: leg.coefficient
        for coin, leg in zip(coins, legs, strict=True)
        if leg.coefficient is not None
    }


def assess_pairs(documents: Documents) -> dict[str, Json]:
    """The isolated pairs, by symbol; empty when none were given."""
    if documents.pairs is None:
        return {}
    return {symbol: _pair(documents, item) for symbol, item in documents.pairs.items()}


def _pair(documents: Documents, pair: IsolatedPair) -> Answer:
    balances = pair_balances(pair)
    coefficients = pair_coefficients(documents, pair)
    numbers = margin_numbers(balances, documents.prices_btc, coefficients)
    gaps = [_pair_gap(pair, each) for each in numbers.missing]
    terms = (documents.pair_terms or {}).get(pair.symbol)
    limit = None if terms is None else terms.liquidation_debt_ratio
    if limit is None:
        gaps.append(
            (
                f"isolated_symbols.{pair.symbol}.flDebtRatio",
                f"The debt ratio that liquidates {pair.symbol} was not given.",
            )
        )
    state = IsolatedPairState(
        base=balances[pair.base.coin],
        quote=balances[pair.quote.coin],
        base_coefficient=coefficients.get(pair.base.coin, ONE),
        quote_coefficient=coefficients.get(pair.quote.coin, ONE),
    )
    price = None if limit is None else isolated_liquidation_price(state, limit)
    answer = _totals(numbers)
    answer["liquidation_price"] = number(price)
    answer["liquidation_debt_ratio"] = number(limit)
    leverage = None if terms is None else terms.max_leverage
    answer |= _pair_room(documents, pair, leverage, gaps)
    answer["missing"] = write_gaps(gaps)
    return answer


def _pair_room(
    documents: Documents,
    pair: IsolatedPair,
    leverage: Decimal | None,
    gaps: list[Gap],
) -> Answer:
    legs = documents.terms.legs.get(pair.symbol)
    if legs is None and documents.tiers is None:
        return {}
    coins = (pair.base.coin, pair.quote.coin)
    terms = {} if legs is None else dict(zip(coins, legs, strict=True))
    return _room(documents, pair_balances(pair), terms, leverage, gaps)


def _pair_gap(pair: IsolatedPair, missing: Missing) -> Gap:
    if not _is_coefficient(missing):
        return gap(missing)
    leg = "base" if missing.name == pair.base.coin else "quote"
    return (
        f"margin_currencies.{pair.symbol}.{leg}MarginCoefficient",
        f"{missing.name} in {pair.symbol} has no coefficient; 1 was taken.",
    )
