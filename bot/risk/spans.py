"""What an account's ratio may be while some of its marks lie anywhere in a span.

Theory of operation. Requirement and margin are straight lines in the marks
(``bot.risk.lines``), so ratio and distance are worst at a corner of the box: each mark
moves against the weight it has. The ratio is a quotient of two lines; its extremes are
found by Dinkelbach's iteration (Management Science 13, 1967), exact in a few rounds.
An isolated position's maintenance rate steps with its value: there the steps are
looked at too. All in decimals. Nothing here knows why a mark is not known better.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.domain.money import ZERO
from bot.risk.lines import Kind, Ladder, Leg, Line, Quote, mark_of
from bot.risk.measure import measure_subject
from bot.shadow.state import Shadow

__all__ = ["Span", "Spans", "ratio_span", "worst_marks"]

_ROUNDS: Final = 64
_INFINITE: Final = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Span:
    """The prices a mark may have by now, both included, and its age."""

    low: Decimal
    high: Decimal
    age: timedelta = timedelta(0)


Spans = Mapping[Quote, Span]
"""The marks that are not fresh; every other one is a point."""


_Weights = tuple[Decimal, Decimal]
"""What one unit of a mark adds to requirement and margin."""


@dataclass(frozen=True, slots=True)
class _Box:
    """An account in the units of its open marks: a constant, weights, and ends."""

    line: Line
    constant: _Weights
    weights: Mapping[Quote, _Weights]
    ends: Mapping[Quote, tuple[Decimal, Decimal]]
    """In units: one over the mark for inverse contracts."""

    def corner(self, weight: Callable[[_Weights], Decimal]) -> dict[Quote, Decimal]:
        """The units at which a weighted sum is largest."""
        return {
            quote: ends[1] if weight(self.weights[quote]) > 0 else ends[0]
            for quote, ends in self.ends.items()
        }

    def against(self, level: Decimal, sign: int = 1) -> dict[Quote, Decimal]:
        """The units at which requirement less so many margins is largest (sign 1)."""
        return self.corner(lambda weights: sign * (weights[0] - level * weights[1]))

    def at(self, units: Mapping[Quote, Decimal]) -> _Weights:
        """Requirement and margin at a point."""
        required, held = self.constant
        for quote, unit in units.items():
            required += self.weights[quote][0] * unit
            held += self.weights[quote][1] * unit
        return required, held

    def ratio(self, units: Mapping[Quote, Decimal]) -> Decimal:
        """The ratio at a point."""
        required, held = self.at(units)
        return _ratio(required, held, is_margin=self.line.kind is Kind.MARGIN)


def _ratio(required: Decimal, held: Decimal, *, is_margin: bool) -> Decimal:
    """The ratio in the order of cases of ``margin.debt_ratio``, ``futures.risk_rate``.

    Example:
        >>> _ratio(Decimal(80), Decimal(100), is_margin=True)
        Decimal('0.8')
    """
    if is_margin and held < 0:
        return _INFINITE
    if required <= 0:
        return ZERO
    return required / held if held > 0 else _INFINITE


def ratio_span(
    shadow: Shadow, line: Line, spans: Spans
) -> tuple[Decimal, Decimal] | None:
    """The lowest and the highest ratio of an account within the spans of its marks.

    None where it is unknown whatever they are: a mark is missing, or a rule.
    """
    if not line.is_known or any(mark_of(shadow, x.quote) is None for x in line.legs):
        return None
    if line.ladder is not None:
        return _ladder_span(shadow, line, spans)
    box = _box(shadow, line, spans)
    least = box.at(box.corner(lambda weights: -weights[1]))[1]
    most = box.at(box.corner(lambda weights: weights[0]))[0]
    if least <= 0:
        return ZERO, _INFINITE if most > 0 or least < 0 else ZERO
    return _extreme(box, -1), _extreme(box, 1)


def _extreme(box: _Box, sign: int) -> Decimal:
    """The highest ratio of a box (sign 1) or the lowest (-1), margin being positive.

    Each round takes the corner that is best at the ratio found so far, and ends where
    that is no better: then no other point is either.
    """
    ratio = box.ratio({quote: ends[0] for quote, ends in box.ends.items()})
    for _ in range(_ROUNDS):
        found = box.ratio(box.against(ratio, sign))
        if sign * (found - ratio) <= 0:
            break
        ratio = found
    return ratio


def _box(shadow: Shadow, line: Line, spans: Spans) -> _Box:
    constant = [line.requirement, line.margin]
    weights: dict[Quote, _Weights] = {}
    ends: dict[Quote, tuple[Decimal, Decimal]] = {}
    for leg in line.legs:
        own = (leg.requirement or ZERO, leg.margin or ZERO)
        span, mark = spans.get(leg.quote), mark_of(shadow, leg.quote)
        if span is None and mark is not None:
            constant = [
                c + leg.value(w, mark) for c, w in zip(constant, own, strict=True)
            ]
            continue
        if span is None:
            continue
        known = weights.get(leg.quote, (ZERO, ZERO))
        weights[leg.quote] = (known[0] + own[0], known[1] + own[1])
        ends[leg.quote] = (
            (1 / span.high, 1 / span.low) if leg.is_inverse else (span.low, span.high)
        )
    return _Box(line, (constant[0], constant[1]), weights, ends)


def _ladder_span(
    shadow: Shadow, line: Line, spans: Spans
) -> tuple[Decimal, Decimal] | None:
    """The same of an isolated position, whose maintenance rate steps with its value.

    Between two steps the ratio only rises or only falls, so it is extreme at an end
    of the span or at a step, with the rate on either side of it.
    """
    (leg,), ladder = line.legs, line.ladder
    mark = mark_of(shadow, leg.quote)
    if ladder is None or mark is None:
        return None
    span = spans.get(leg.quote, Span(mark, mark))
    worth = leg.requirement or ZERO
    ends = ((price, (_rate(leg, ladder, price),)) for price in (span.low, span.high))
    found: list[Decimal] = []
    for price, rates in (*ends, *_steps(leg, ladder, span)):
        value = leg.value(worth, price)
        held = line.margin + leg.value(leg.margin or ZERO, price)
        found += [_ratio(value * rate, held, is_margin=False) for rate in rates]
    return min(found), max(found)


def _rate(leg: Leg, ladder: Ladder, price: Decimal) -> Decimal:
    return ladder.rate_at(leg.value(leg.requirement or ZERO, price))


def _steps(
    leg: Leg, ladder: Ladder, span: Span
) -> Iterator[tuple[Decimal, tuple[Decimal, ...]]]:
    """The prices within a span at which the rate steps, with the rates on both sides.

    By the number of the step, because a price is rounded and may lie on either side.
    """
    worth = leg.requirement or ZERO
    for rung, limit in enumerate(ladder.limits):
        if limit <= 0 or not worth or limit < ladder.least_value:
            continue
        price = worth / limit if leg.is_inverse else limit / worth
        if span.low < price < span.high:
            yield price, ladder.rates[rung : rung + 2]


def worst_marks(shadow: Shadow, line: Line, spans: Spans) -> dict[Quote, Decimal]:
    """The marks at which an account is nearest to its liquidation.

    Where requirement less ``liquidation`` times margin is largest: there the uniform
    move that is left is the smallest, whichever way it goes.
    """
    if line.ladder is not None:
        (quote, span), *_ = spans.items()
        ends = [{quote: span.low}, {quote: span.high}]
        return max(ends, key=lambda marks: _nearness(shadow, line, marks))
    box = _box(shadow, line, spans)
    inverse = {leg.quote for leg in line.legs if leg.is_inverse}
    corner = box.against(line.liquidation)
    return {q: 1 / unit if q in inverse else unit for q, unit in corner.items()}


def _nearness(
    shadow: Shadow, line: Line, marks: Mapping[Quote, Decimal]
) -> tuple[Decimal, Decimal]:
    """How near an account is at some marks: the nearer, the larger."""
    moved = {quote.name: mark for quote, mark in marks.items()}
    there = replace(shadow, futures_marks={**shadow.futures_marks, **moved})
    found = measure_subject(there, line.subject)
    if found is None or found.ratio is None:
        return _INFINITE, ZERO
    distance = _INFINITE if found.distance is None else found.distance
    return -distance, found.ratio
