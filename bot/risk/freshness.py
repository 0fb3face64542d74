"""How wide an account's ratio is while some of its marks are old.

Theory of operation. A mark that missed more than three updates may be anywhere within
``SIGMAS`` deviations for its age; any other fresh price of the same coin, a mark, an
index or a last trade, only widens that.
What an account's ratio may be within those spans is for ``bot.risk.spans``. What acts
on a worst end measures it with the exact engine there. A fresh mark is a point: where
all are fresh nothing here changes anything. Nothing here decides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.money import ONE, ZERO
from bot.risk.aged import MISSED_UPDATES, Aged, Staleness, staleness_of
from bot.risk.distance import UNMOVED_COIN
from bot.risk.lines import Line, Quote, lines_of, mark_of
from bot.risk.measure import SubjectMeasure, measure_subject
from bot.risk.spans import Span, Spans, ratio_span, worst_marks
from bot.risk.subjects import owing_accounts
from bot.shadow.state import Shadow

__all__ = [
    "SIGMAS",
    "aged_measures",
    "first_aging",
    "interval_of",
    "mark_span",
    "minute_volatility",
    "spans_of",
]

SIGMAS: Final = Decimal(4)
"""Deviations that an unseen price is given; crashes have fat tails."""

_WIDEST: Final = ONE
"""An unseen price is at most twice, and at least half, of what was last seen."""

_LEAST_VOLATILITY: Final = Decimal("0.0002")
"""A minute's deviation that no coin is taken to be calmer than: 0.8 % a day."""

_UNKNOWN_VOLATILITY: Final = Decimal("0.005")
"""A minute's deviation where nothing is known: that of a small coin in a crash."""

_UNMOVED_VOLATILITY: Final = Decimal("0.0002")
"""The same of USDT, against the dollar of the other marks."""

_CLOSES: Final = 48
"""Hourly closes that a deviation is taken from."""

_FEWEST_CLOSES: Final = 12
_QUANTUM: Final = Decimal("0.000001")
_MINUTES_AN_HOUR: Final = Decimal(60)


# -- one mark ---------------------------------------------------------------


def minute_volatility(shadow: Shadow, quote: Quote, coin: str) -> Decimal:
    """The deviation of a coin's return over a minute, a fraction.

    The largest of what its markets state (``LiquidityQuoted``) and what its last two
    days of hourly closes give, over the square root of 60; a high one where neither
    is known.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> btc = Quote(is_futures=False, name="BTC")
        >>> minute_volatility(empty_shadow(Rules()), btc, "BTC")
        Decimal('0.005')
    """
    symbols = (f"{coin}-{UNMOVED_COIN}", quote.name)
    stated = [shadow.liquidity[s].sigma_1m for s in symbols if s in shadow.liquidity]
    closed = _from_closes([price for _, price in shadow.closes.get(coin, ())])
    found = [*stated, *closed]
    if coin == UNMOVED_COIN:
        found.append(_UNMOVED_VOLATILITY)
    return max([_LEAST_VOLATILITY, *found]) if found else _UNKNOWN_VOLATILITY


def _from_closes(closes: Sequence[Decimal]) -> list[Decimal]:
    """The deviation of a minute from hourly closes; none where they are too few."""
    recent = pairwise(closes[-_CLOSES - 1 :])
    moves = [after / before - 1 for before, after in recent if before > 0]
    if len(moves) < _FEWEST_CLOSES:
        return []
    squares = sum((move * move for move in moves), ZERO)
    variance = squares / len(moves) / _MINUTES_AN_HOUR
    return [variance.sqrt().quantize(_QUANTUM, rounding=ROUND_CEILING)]


def mark_span(
    mark: Decimal,
    age: timedelta,
    volatility: Decimal,
    hints: Iterable[Decimal] = (),
) -> Span:
    """Where a mark may be that was last seen ``age`` ago.

    Args:
        mark: As it was last seen.
        age: How long ago that is.
        volatility: A deviation over a minute, a fraction.
        hints: Other prices of the same coin; they widen the span and never narrow it.

    Example:
        Four deviations of 0.1 % a minute, four minutes ago.

        >>> mark_span(Decimal(100), timedelta(minutes=4), Decimal("0.001")).high
        Decimal('100.800000')
    """
    minutes = Decimal(max(age, timedelta(0)) // timedelta(milliseconds=1)) / 60_000
    width = SIGMAS * volatility * minutes.sqrt()
    width = min(width.quantize(_QUANTUM, rounding=ROUND_CEILING), _WIDEST)
    ends = [mark / (1 + width), mark * (1 + width), *hints]
    return Span(min(ends), max(ends), age)


def spans_of(shadow: Shadow, line: Line, cadence: timedelta) -> Spans:
    """The marks of one account that are not fresh, with where they may be by now.

    Args:
        shadow: The account and the market.
        line: The account, from ``lines_of``.
        cadence: How often a mark should come.
    """
    found: dict[Quote, Span] = {}
    for leg in line.legs:
        quote, age = leg.quote, shadow.mark_age(leg.quote.name)
        mark = mark_of(shadow, quote)
        if age is None or mark is None or quote in found:
            continue
        if staleness_of(age, cadence) is Staleness.FRESH:
            continue
        volatility = minute_volatility(shadow, quote, leg.coin)
        hints = _hints(shadow, quote, leg.coin, cadence)
        found[quote] = mark_span(mark, age, volatility, hints)
    return found


def _hints(
    shadow: Shadow, quote: Quote, coin: str, cadence: timedelta
) -> Iterator[Decimal]:
    """The fresh marks of the same coin under other names."""
    if coin == UNMOVED_COIN:
        return
    names = [(shadow.margin_marks, coin)]
    names += [
        (shadow.futures_marks, symbol)
        for symbol in shadow.futures_marks
        if (rules := shadow.rules.contracts.get(symbol)) is not None
        and rules.base == coin
    ]
    for marks, name in names:
        age, mark = shadow.mark_age(name), marks.get(name)
        if name == quote.name or age is None or mark is None or mark <= 0:
            continue
        if staleness_of(age, cadence) is Staleness.FRESH:
            yield mark
    yield from _seen_prices(shadow, coin, cadence)


def _seen_prices(shadow: Shadow, coin: str, cadence: timedelta) -> Iterator[Decimal]:
    """The fresh index and last prices of the coin, of its pair and its contracts."""
    contracts = shadow.rules.contracts
    seen = [(f"{coin}-{UNMOVED_COIN}", shadow.last_prices)]
    for prices in (shadow.index_prices, shadow.last_prices):
        seen += [
            (symbol, prices)
            for symbol in prices
            if symbol in contracts and contracts[symbol].base == coin
        ]
    for symbol, prices in seen:
        found = prices.get(symbol)
        if found is None:
            continue
        if staleness_of(shadow.at - found.at, cadence) is Staleness.FRESH:
            yield found.price


# -- what is said of it -----------------------------------------------------


def interval_of(
    shadow: Shadow, line: Line, measure: SubjectMeasure, cadence: timedelta
) -> Aged | None:
    """What an account's numbers may be by now; None where all its marks are fresh.

    Args:
        shadow: The account and the market.
        line: The account, from ``lines_of``.
        measure: Its exact numbers at the last known marks.
        cadence: How often a mark should come.
    """
    spans = spans_of(shadow, line, cadence)
    if not spans or measure.ratio is None:
        return None
    between = ratio_span(shadow, line, spans)
    if between is None:
        return None
    worst = worst_marks(shadow, line, spans)
    oldest = sorted(spans.items(), key=lambda each: (-each[1].age, each[0]))
    return Aged(
        staleness=staleness_of(oldest[0][1].age, cadence),
        ages={quote.name: span.age for quote, span in oldest},
        ratio=measure.ratio,
        distance=measure.distance,
        ratio_low=min(between[0], measure.ratio),
        ratio_high=max(between[1], measure.ratio),
        margin_marks={q.name: m for q, m in worst.items() if not q.is_futures},
        futures_marks={q.name: m for q, m in worst.items() if q.is_futures},
    )


def aged_measures(
    shadow: Shadow, measures: Sequence[SubjectMeasure], cadence: timedelta
) -> tuple[SubjectMeasure, ...]:
    """The measures that the guard judges: those with an aged mark at their worst end.

    All others are the same objects. The worst end is measured by the exact engine, so
    what is planned on it is consistent with it.
    """
    aging = first_aging(shadow, cadence)
    if aging is None or aging >= shadow.at:
        return tuple(measures)
    lines = {line.subject: line for line in lines_of(shadow)}
    return tuple(_at_worst(shadow, lines, each, cadence) for each in measures)


def _at_worst(
    shadow: Shadow,
    lines: Mapping[str, Line],
    measure: SubjectMeasure,
    cadence: timedelta,
) -> SubjectMeasure:
    line = lines.get(measure.subject)
    aged = None if line is None else interval_of(shadow, line, measure, cadence)
    if aged is None or aged.staleness < Staleness.AGED:
        return measure
    worst = measure_subject(aged.on(shadow), measure.subject)
    if worst is None or worst.ratio is None:
        return replace(measure, aged=aged)
    return replace(worst, ratio=max(worst.ratio, aged.ratio_high), aged=aged)


def first_aging(
    shadow: Shadow, cadence: timedelta, kind: Staleness = Staleness.AGED
) -> datetime | None:
    """Until when no mark of an endangered account can be so old; None: it has none.

    A mark only becomes younger, so nobody needs to look before that time.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> first_aging(empty_shadow(Rules()), timedelta(seconds=1)) is None
        True
    """
    names = _names(shadow)
    times = [shadow.mark_times[name] for name in names if name in shadow.mark_times]
    return min(times) + MISSED_UPDATES[kind] * cadence if times else None


def _names(shadow: Shadow) -> set[str]:
    """The marks that the ratios of the endangered accounts may rest on."""
    names = {key.symbol for key in shadow.positions}
    names |= {each.symbol for each in shadow.orders.values() if each.account == FUTURES}
    for account in owing_accounts(shadow):
        names |= shadow.balances[account].keys()
    return names
