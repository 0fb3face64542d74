"""The subjects of a file of documents as straight lines in the prices of coins.

Glue between the documents and ``bot.risk.terms``: exact sums, made floats at the
end. What a subject lacks is told in words and leaves it without terms. The exact
distances stay in ``bot.report.whatif``; nothing here searches anything.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.accounts import Balance, MarginMode
from bot.domain.instruments import Rules
from bot.domain.money import ONE, ZERO
from bot.report.answers import gap
from bot.report.assess_margin import (
    NO_USDT,
    cross_balances,
    cross_coefficients,
    pair_balances,
    pair_coefficients,
)
from bot.report.documents import Documents
from bot.report.futures_state import FuturesState, SettleState, futures_state
from bot.risk.distance import UNMOVED_COIN
from bot.risk.futures_shape import FuturesShape
from bot.risk.isolated import isolated_numbers, isolated_shape
from bot.risk.missing import Missing, MissingKind
from bot.risk.terms import Terms
from connectors.kucoin.parse.marks import usdt_prices

__all__ = ["Subject", "subjects_of", "terms_of_margin", "terms_of_shape"]

_FUTURES_LEVELS: Final = (Decimal("0.95"), ONE)
_NO_MARGIN: Final = "The isolated margin of {} was not given."
_NOT_KNOWN: Final = "The contract or the maintenance margin rate of {} is not known."
Found = Terms | tuple[Missing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One account that can be liquidated; without ``terms`` the reason why not."""

    name: str
    levels: tuple[Decimal, ...]
    terms: Terms | None = None
    reason: str = ""


def subjects_of(documents: Documents) -> tuple[Subject, ...]:
    """Every subject of a file, by the names of ``gnomon risk what-if``.

    Isolated futures positions are listed too, as ``futures_isolated.SYMBOL``.

    Example:
        >>> from bot.report.documents import read_documents
        >>> text = '{"margin_cross": {"accounts": []}}'
        >>> [subject.name for subject in subjects_of(read_documents(text, "f"))]
        ['margin_cross']
    """
    return (*_margin_subjects(documents), *_futures_subjects(documents))


def terms_of_margin(
    name: str,
    balances: Mapping[str, Balance],
    prices: Mapping[str, Decimal],
    coefficients: Mapping[str, Decimal],
    levels: tuple[Decimal, ...],
) -> Found:
    """A margin account in USDT, or the prices that it lacks.

    Args:
        name: Of the subject.
        balances: Coin to what is owned and owed.
        prices: Coin to its USDT price.
        coefficients: A held coin without one counts with 1, as in ``assess``.
        levels: The warning and the liquidation debt ratio, the latter last.
    """
    owned: dict[str, Decimal] = {}
    owed: dict[str, Decimal] = {}
    missing: list[Missing] = []
    for coin, balance in balances.items():
        debt = balance.principal + balance.interest
        if not balance.total and not debt:
            continue
        price = prices.get(coin, ZERO)
        if price <= 0:
            missing.append(Missing(MissingKind.PRICE, coin))
        owed[coin] = debt * price
        owned[coin] = balance.total * price * coefficients.get(coin, ONE)
    if missing and any(b.principal or b.interest for b in balances.values()):
        return tuple(missing)
    return Terms(
        subject=name,
        warning=float(levels[0]),
        liquidation=float(levels[-1]),
        requirement_constant=float(owed.pop(UNMOVED_COIN, ZERO)),
        requirement=_floats(owed),
        margin_constant=float(owned.pop(UNMOVED_COIN, ZERO)),
        margin=_floats(owned),
    )


def terms_of_shape(
    name: str, shape: FuturesShape, marks: Mapping[str, Decimal]
) -> Found:
    """A futures account in its settle currency, or what it lacks."""
    missing = [*shape.missing]
    if shape.has_exposure and shape.cross_wallet is None:
        missing.append(Missing(MissingKind.WALLET, shape.settle))
    required: dict[str, Decimal] = {}
    margin: dict[str, Decimal] = {}
    constant = shape.cross_wallet or ZERO
    for book in shape.books:
        mark = marks.get(book.key.symbol, ZERO)
        if mark <= 0:
            missing.append(Missing(MissingKind.MARK, book.key.symbol))
            continue
        unit, burden = book.unit_value(mark), book.burden or ZERO
        own = (book.sign * book.lots - book.opening) * unit
        required[book.base] = required.get(book.base, ZERO) + burden * unit
        margin[book.base] = margin.get(book.base, ZERO) + own
        constant -= book.sign * book.entry_value
    kinds = {book.is_inverse for book in shape.books}
    if len(kinds) > 1:
        symbols = [book.key.symbol for book in shape.books]
        missing += [Missing(MissingKind.CONTRACT, symbol) for symbol in symbols]
    if missing:
        return tuple(dict.fromkeys(missing))
    return Terms(
        subject=name,
        warning=float(_FUTURES_LEVELS[0]),
        liquidation=float(_FUTURES_LEVELS[1]),
        requirement_constant=float(required.pop(UNMOVED_COIN, ZERO)),
        requirement=_floats(required),
        margin_constant=float(constant + margin.pop(UNMOVED_COIN, ZERO)),
        margin=_floats(margin),
        is_inverse=True in kinds,
    )


def _floats(amounts: Mapping[str, Decimal]) -> dict[str, float]:
    return {coin: float(amount) for coin, amount in amounts.items()}


def _subject(name: str, levels: tuple[Decimal, ...], found: Found) -> Subject:
    if isinstance(found, Terms):
        return Subject(name=name, levels=levels, terms=found)
    reason = " ".join(gap(each)[1] for each in found)
    return Subject(name=name, levels=levels, reason=reason)


def _margin_subjects(documents: Documents) -> Iterator[Subject]:
    prices = usdt_prices(documents.prices_btc)
    if documents.cross is not None:
        yield _margin_subject(
            "margin_cross",
            cross_balances(documents),
            prices,
            cross_coefficients(documents),
            _cross_levels(documents),
        )
    for symbol, terms in (documents.pair_terms or {}).items():
        pair = (documents.pairs or {}).get(symbol)
        if pair is None or terms.liquidation_debt_ratio is None:
            continue
        yield _margin_subject(
            f"margin_isolated.{symbol}",
            pair_balances(pair),
            prices,
            pair_coefficients(documents, pair),
            (terms.liquidation_debt_ratio,),
        )


def _margin_subject(
    name: str,
    balances: Mapping[str, Balance],
    prices: Mapping[str, Decimal],
    coefficients: Mapping[str, Decimal],
    levels: tuple[Decimal, ...],
) -> Subject:
    found = terms_of_margin(name, balances, prices, coefficients, levels)
    if not prices and not isinstance(found, Terms):
        return Subject(name=name, levels=levels, reason=NO_USDT[1])
    return _subject(name, levels, found)


def _cross_levels(documents: Documents) -> tuple[Decimal, ...]:
    """The usual thresholds and those that ``margin_config`` states, rising."""
    rules, config = Rules(), documents.config
    levels = {rules.margin_warning_debt_ratio, rules.margin_liquidation_debt_ratio}
    if config is not None:
        stated = {config.warning_debt_ratio, config.liquidation_debt_ratio}
        levels |= {level for level in stated if level is not None}
    return tuple(sorted(levels))


def _futures_subjects(documents: Documents) -> Iterator[Subject]:
    state = futures_state(documents.futures)
    for word, item in state.settles.items():
        name = f"futures.{word}"
        if item.is_blind:
            reason = " ".join(reason for _, reason in item.gaps)
            yield Subject(name=name, levels=_FUTURES_LEVELS, reason=reason)
        else:
            found = terms_of_shape(name, item.shape, state.marks)
            yield _subject(name, _FUTURES_LEVELS, found)
        yield from _isolated_subjects(state, item)


def _isolated_subjects(state: FuturesState, item: SettleState) -> Iterator[Subject]:
    """Each isolated position on its own, at the rate that ``assess`` takes."""
    for key, held in item.positions.items():
        if held.mode is not MarginMode.ISOLATED:
            continue
        name = f"futures_isolated.{key}"
        rules, line = state.rules.get(held.symbol), item.lines[key]
        mark = state.marks.get(held.symbol, ZERO)
        if rules is None or line.margin is None:
            words = _NOT_KNOWN if rules is None else _NO_MARGIN
            reason = words.format(held.symbol)
            yield Subject(name=name, levels=_FUTURES_LEVELS, reason=reason)
            continue
        rate = line.maintenance_margin_rate
        numbers = isolated_numbers(rules, held, mark, rate)
        if numbers is not None:
            rate = numbers.maintenance_margin_rate
        shape = isolated_shape(rules, held, rate)
        yield _subject(name, _FUTURES_LEVELS, terms_of_shape(name, shape, state.marks))
