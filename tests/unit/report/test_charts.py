"""The line charts: ticks, gaps, peaks, and numbers that do not fit."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report import figures
from bot.report.chart_scale import fit_times, fit_values, nice_step, thin
from bot.report.charts import Band, Chart, Line, Mark, Rule, draw
from bot.report.frame import Series
from tests.unit.report.sample_report import NOON, hours

finite = st.floats(min_value=-1e12, max_value=1e12)


def chart_of(*series: Series) -> Chart:
    return Chart(
        key="k",
        title="T",
        description="D",
        lines=[Line(name="a", series=one, style="guard") for one in series],
        write=figures.usdt,
    )


def places_of(svg: str) -> list[tuple[float, float]]:
    pairs = re.findall(
        r"(-?[\d.]+),(-?[\d.]+)", " ".join(re.findall(r'points="([^"]*)', svg))
    )
    return [(float(x), float(y)) for x, y in pairs]


def test_a_gap_breaks_the_line() -> None:
    """A line is never drawn across a time at which nothing was known."""
    svg = draw(chart_of(hours("1", "2", None, "3", "4")))

    assert svg.count("<polyline") == 2


def test_a_lonely_point_is_a_dot() -> None:
    """A value between two gaps is still seen."""
    svg = draw(chart_of(hours(None, "2", None)))

    assert svg.count("<circle") == 1
    assert "<polyline" not in svg


@pytest.mark.parametrize("series", [(), hours(None, None)])
def test_nothing_known_is_said_in_words(series: Series) -> None:
    """A chart without a known value is a sentence, not an empty frame."""
    assert draw(chart_of(series)) == '<p class="none">T: no value is known.</p>'


@given(
    values=st.lists(
        st.none() | st.decimals(allow_nan=True, allow_infinity=True), max_size=40
    )
)
def test_every_series_stays_inside_its_chart(values: list[Decimal | None]) -> None:
    """No number, however strange, fails or is drawn outside the plot."""
    series = tuple(
        (NOON + timedelta(minutes=index), value) for index, value in enumerate(values)
    )
    svg = draw(replace(chart_of(series), floor=Decimal(0), ceiling=Decimal(1)))

    assert all(84 <= x <= 876 and 12 <= y <= 230 for x, y in places_of(svg))
    assert "nan" not in svg
    assert "inf" not in svg


@given(
    values=st.lists(st.none() | finite, min_size=1, max_size=200),
    gap=st.floats(min_value=0.01, max_value=0.5),
)
def test_thinning_keeps_gaps_and_extremes(
    values: list[float | None], gap: float
) -> None:
    """Thinning keeps every gap, and the smallest and largest value of each column."""
    points = [(index * gap, value) for index, value in enumerate(values)]
    runs = thin(points)

    starts = [
        index
        for index, value in enumerate(values)
        if value is not None and (index == 0 or values[index - 1] is None)
    ]
    assert len(runs) == len(starts)
    known = {value for value in values if value is not None}
    kept = {y for run in runs for _, y in run}
    assert kept <= known
    if known:
        assert {min(known), max(known)} <= kept


def test_thinning_is_bounded_by_the_pixels() -> None:
    """A million points become at most four a column."""
    points = [(index / 1000, float(index % 7)) for index in range(100_000)]

    (run,) = thin(points)

    assert len(run) <= 4 * 100


@given(low=finite, size=st.floats(min_value=0, max_value=1e12))
def test_ticks_are_few_and_inside(low: float, size: float) -> None:
    """An axis has between one and ten ticks, in order, within its ends."""
    axis = fit_values([low, low + size])

    assert axis.low <= low
    assert axis.high >= low + size
    assert 1 <= len(axis.ticks) <= 10
    assert list(axis.ticks) == sorted(axis.ticks)


@given(span=st.floats(min_value=1e-9, max_value=1e15))
def test_a_step_is_round(span: float) -> None:
    """A step has a first digit of 1, 2 or 5, or is 2.5 times a power of ten."""
    digits = str(nice_step(span)).replace(".", "").strip("0").split("E")[0].strip("0")

    assert digits in {"1", "2", "25", "5"}


@pytest.mark.parametrize(
    ("span", "most"),
    [
        (timedelta(seconds=3), 9),
        (timedelta(minutes=7), 9),
        (timedelta(hours=18), 9),
        (timedelta(days=10), 9),
        (timedelta(days=400), 9),
        (timedelta(days=40_000), 9),
    ],
)
def test_time_ticks_are_few_at_any_length(span: timedelta, most: int) -> None:
    """From seconds to a century there are a handful of ticks at round times."""
    axis = fit_times([NOON, NOON + span])

    assert 2 <= len(axis.ticks) <= most
    assert all(axis.start <= at <= axis.end for at, _ in axis.ticks)


def test_one_moment_is_drawn_in_the_middle() -> None:
    """A run of one instant still has a chart."""
    axis = fit_times([NOON])

    assert axis.place(NOON, 0, 100) == 50


def test_values_beyond_a_fixed_end_lie_on_it() -> None:
    """An infinite ratio is drawn at the upper edge, not left out."""
    ratios = hours("0.5", "0.9", "Infinity")
    svg = draw(replace(chart_of(ratios), floor=Decimal(0), ceiling=Decimal("1.05")))

    assert places_of(svg)[-1][1] == 12


def test_rules_bands_and_marks() -> None:
    """Thresholds off the axis are left out, and crowded marks share one sign."""
    svg = draw(
        replace(
            chart_of(hours("0.1", "0.2")),
            floor=Decimal(0),
            ceiling=Decimal("0.5"),
            bands=[Band(low=Decimal("0.4"), high=Decimal(1), style="band-danger")],
            rules=[
                Rule(value=Decimal("0.3"), label="act", style="rule-danger"),
                Rule(value=Decimal("0.97"), label="far", style="rule-danger"),
            ],
            marks=[
                Mark(at=NOON + timedelta(seconds=s), text=f"n{s}", style="mark")
                for s in range(3)
            ]
            + [Mark(at=NOON - timedelta(days=1), text="before", style="mark")],
        )
    )

    assert ">act<" in svg
    assert ">far<" not in svg
    assert svg.count('class="mark"') == 1
    assert "n0 (and 2 more here)" in svg
    assert "before" not in svg
    assert svg.count('class="band-danger"') == 1


def test_a_chart_speaks_to_those_who_cannot_see_it() -> None:
    """Title and description are there, and are named by the picture."""
    svg = draw(chart_of(hours("1", "2")))

    assert 'role="img" aria-labelledby="k-t k-d"' in svg
    assert '<title id="k-t">T</title><desc id="k-d">D</desc>' in svg
