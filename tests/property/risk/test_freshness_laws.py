"""Intervals of old marks: they hold what may be, and only ever widen."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import product

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.risk.aged import Staleness
from bot.risk.freshness import (
    aged_measures,
    first_aging,
    interval_of,
    mark_span,
    spans_of,
)
from bot.risk.lines import Line, Quote, lines_of, mark_of
from bot.risk.measure import measure_subject, measure_subjects
from bot.risk.spans import Span, ratio_span
from bot.shadow.state import Shadow
from tests.property.risk.drawn import decimals
from tests.property.risk.drawn_shadow import shadows

SECOND = timedelta(seconds=1)
ages = st.integers(0, 100_000).map(lambda ms: timedelta(milliseconds=ms))
volatilities = decimals("0.0001", "0.05", 6)
TINY = Decimal("1e-18")


def quotes_of(line: Line) -> list[Quote]:
    """Its marks, each once."""
    return list(dict.fromkeys(leg.quote for leg in line.legs))


def at_marks(shadow: Shadow, marks: dict[Quote, Decimal]) -> Shadow:
    """The shadow with some marks moved."""
    margin = {q.name: m for q, m in marks.items() if not q.is_futures}
    futures = {q.name: m for q, m in marks.items() if q.is_futures}
    return replace(
        shadow,
        margin_marks={**shadow.margin_marks, **margin},
        futures_marks={**shadow.futures_marks, **futures},
    )


def dated(shadow: Shadow, seconds: dict[str, int]) -> Shadow:
    """The shadow whose marks were seen so many seconds ago; else just now."""
    names = {*shadow.margin_marks, *shadow.futures_marks, "USDT"}
    times = {n: shadow.at - seconds.get(n, 0) * SECOND for n in names}
    return replace(shadow, mark_times=times)


def boxed(shadow: Shadow, line: Line, widths: list[Decimal]) -> dict[Quote, Span]:
    """A span around some of an account's marks, each as wide as the next number."""
    found = {}
    for quote, width in zip(quotes_of(line), widths, strict=False):
        mark = mark_of(shadow, quote)
        if mark is not None and width:
            found[quote] = Span(mark / (1 + width), mark * (1 + width))
    return found


@given(
    mark=decimals("0.001", "100000", 4),
    one=ages,
    other=ages,
    low=volatilities,
    high=volatilities,
)
def test_older_or_wilder_never_narrows_a_mark(
    mark: Decimal, one: timedelta, other: timedelta, low: Decimal, high: Decimal
) -> None:
    """A span holds that of a younger and calmer mark, and the mark itself."""
    young = mark_span(mark, min(one, other), min(low, high))
    old = mark_span(mark, max(one, other), max(low, high), [mark * 2])
    assert old.low <= young.low <= mark * (1 + TINY)
    assert mark <= young.high * (1 + TINY) <= old.high * (1 + 2 * TINY)


@given(
    shadow=shadows(),
    widths=st.lists(decimals("0", "0.6", 3), min_size=8, max_size=8),
    shares=st.lists(decimals("0", "1", 3), min_size=8, max_size=8),
)
def test_the_interval_holds_every_ratio_in_the_box(
    shadow: Shadow, widths: list[Decimal], shares: list[Decimal]
) -> None:
    """At any marks within their spans the exact ratio lies within the interval."""
    for line in lines_of(shadow):
        spans = boxed(shadow, line, widths)
        between = ratio_span(shadow, line, spans)
        if between is None:
            continue
        marks = {
            quote: span.low + (span.high - span.low) * share
            for (quote, span), share in zip(spans.items(), shares, strict=False)
        }
        found = measure_subject(at_marks(shadow, marks), line.subject)
        assert found is not None
        if found.ratio is None:
            continue
        low, high = between
        assert low * (1 - TINY) - TINY <= found.ratio <= high * (1 + TINY) + TINY


@given(
    shadow=shadows(),
    widths=st.lists(decimals("0", "0.3", 3), min_size=5, max_size=5),
)
def test_the_interval_is_no_wider_than_its_corners(
    shadow: Shadow, widths: list[Decimal]
) -> None:
    """Where the margin cannot be used up its ends are reached: brute force agrees."""
    for line in lines_of(shadow):
        spans = boxed(shadow, line, widths)
        between = ratio_span(shadow, line, spans)
        if between is None or between[1].is_infinite() or line.ladder is not None:
            continue
        corners = product(*[(span.low, span.high) for span in spans.values()])
        ratios = []
        for corner in corners:
            marks = dict(zip(spans, corner, strict=True))
            found = measure_subject(at_marks(shadow, marks), line.subject)
            assert found is not None
            if found.ratio is not None:
                ratios.append(found.ratio)
        assume(ratios)
        assert abs(between[0] - min(ratios)) <= TINY
        assert abs(between[1] - max(ratios)) <= TINY * (1 + max(ratios))


@given(shadow=shadows(), seconds=st.integers(0, 10))
def test_what_is_fresh_changes_nothing(shadow: Shadow, seconds: int) -> None:
    """Up to ten missed updates the guard is given the very measures that it had."""
    names = {*shadow.margin_marks, *shadow.futures_marks}
    young = dated(shadow, dict.fromkeys(names, seconds))
    measures = measure_subjects(young)
    judged = aged_measures(young, measures, SECOND)
    assert all(one is other for one, other in zip(judged, measures, strict=True))
    for line, measure in zip(lines_of(young), measures, strict=True):
        if seconds <= 3:
            assert spans_of(young, line, SECOND) == {}
            assert interval_of(young, line, measure, SECOND) is None


@given(
    shadow=shadows(),
    one=st.integers(0, 5_000),
    other=st.integers(0, 5_000),
    name=st.sampled_from(("BTC", "ETH", "XBTUSDTM", "ETHUSDTM", "XBTUSDM")),
)
def test_an_older_mark_is_never_judged_better(
    shadow: Shadow, one: int, other: int, name: str
) -> None:
    """As a mark ages, the judged ratio never falls and the distance never grows."""
    young, old = sorted((one, other))
    judged = [
        aged_measures(there, measure_subjects(there), SECOND)
        for there in (dated(shadow, {name: young}), dated(shadow, {name: old}))
    ]
    exact = measure_subjects(shadow)
    for was, now, then in zip(exact, *judged, strict=True):
        if was.ratio is None or now.ratio is None or then.ratio is None:
            continue
        slack = 1 + TINY
        assert was.ratio <= now.ratio * slack <= then.ratio * slack * slack
        for near, far in ((now, was), (then, now)):
            if far.distance is not None:
                assert near.distance is not None
                assert near.distance <= far.distance + TINY


@given(shadow=shadows(), age=st.integers(0, 60))
def test_nobody_need_look_before_a_mark_can_be_aged(shadow: Shadow, age: int) -> None:
    """Before that time no account is judged at a worst end."""
    there = dated(shadow, {"BTC": age, "XBTUSDTM": age // 2})
    until = first_aging(there, SECOND)
    judged = aged_measures(there, measure_subjects(there), SECOND)
    is_any_aged = any(each.aged is not None for each in judged)
    assert not is_any_aged or (until is not None and until < there.at)
    for each in judged:
        assert each.aged is None or each.aged.staleness >= Staleness.AGED
