"""Which charts a report has, and which levels each of them shows.

The levels are KuCoin's (60, 90, 95 and 97 % of debt ratio, 95 and 100 % of risk
rate) and the guard's own distances. Every chart carries the same marks for what
the guard did and what the exchange did. This module must not write tags.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from bot.report import figures
from bot.report.charts import Band, Chart, Line, Mark, Rule
from bot.report.frame import (
    RATIO_LIQUIDATION,
    RATIO_WARNING,
    Series,
    Tone,
)
from bot.report.run_report import Curve, GuardLimits, RunReport
from bot.risk.bands import RATIO_HIGH, RATIO_MEDIUM

__all__ = ["plots"]

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_TOP: Final = Decimal("1.05")
"""Ratios beyond this are drawn on the upper edge; the account is lost anyway."""
_STYLES: Final = ("p1", "p2", "p3", "p4", "p5", "p6")
_BANDS: Final = (
    Band(low=RATIO_MEDIUM, high=RATIO_HIGH, style="band-caution"),
    Band(low=RATIO_HIGH, high=_TOP, style="band-danger"),
)


def plots(report: RunReport) -> tuple[Chart, ...]:
    """The charts of a report, in the order in which they are read."""
    charts = [
        _equity(report),
        *(_debt_ratio(name, curve) for name, curve in report.debt_ratios.items()),
        *(_distance(name, c, report.limits) for name, c in report.distances.items()),
        *(_risk_rate(name, curve) for name, curve in report.risk_rates.items()),
    ]
    if report.prices:
        charts.append(_prices(report))
    marks = tuple(_marks(report))
    return tuple(
        replace(chart, key=f"chart-{number}", marks=marks)
        for number, chart in enumerate(charts, 1)
    )


def _marks(report: RunReport) -> Iterable[Mark]:
    for action in report.actions:
        yield Mark(at=action.at, text=action.what, style="mark")
    for row in report.decisions:
        if row.tone is Tone.DANGER:
            yield Mark(at=row.at, text=row.text, style="mark-danger")


def _lines(curve: Curve) -> tuple[Line, ...]:
    lines = (
        Line(name="without guard", series=curve.without_guard, style="twin"),
        Line(name="with guard", series=curve.with_guard, style="guard"),
    )
    return tuple(line for line in lines if line.series)


def _range(curve: Curve, write: str) -> str:
    """What a reader who cannot see the curve needs: start, lowest, highest, end."""
    known = [
        value
        for _, value in curve.with_guard
        if value is not None and not value.is_nan()
    ]
    if not known:
        return "No value is known with the guard."
    ends = (known[0], min(known), max(known), known[-1])
    first, low, high, last = (_say(value, write) for value in ends)
    return f"With the guard: start {first}, lowest {low}, highest {high}, end {last}."


def _say(value: Decimal, write: str) -> str:
    return figures.usdt(value) + " USDT" if write == "usdt" else figures.percent(value)


def _whole_usdt(value: Decimal) -> str:
    text = figures.usdt(value)
    return text.removesuffix(".00")


def _percent_tick(value: Decimal) -> str:
    return figures.percent(value, 0 if value.scaleb(2) % 1 == 0 else 1)


def _equity(report: RunReport) -> Chart:
    return Chart(
        key="",
        title="Equity, USDT",
        description=_range(report.equity, "usdt"),
        lines=_lines(report.equity),
        write=_whole_usdt,
        height=300,
    )


def _debt_ratio(name: str, curve: Curve) -> Chart:
    return Chart(
        key="",
        title=f"Debt ratio, {name}",
        description=_range(curve, "percent")
        + " Medium risk from 60 %, high from 90 %, warning 95 %, liquidation 97 %.",
        lines=_lines(curve),
        write=_percent_tick,
        bands=_BANDS,
        rules=(
            Rule(value=RATIO_MEDIUM, label="60 %", style="rule-caution"),
            Rule(value=RATIO_HIGH, label="90 %", style="rule-caution"),
            Rule(value=RATIO_WARNING, label="95 %", style="rule-danger"),
            Rule(value=RATIO_LIQUIDATION, label="97 %", style="rule-danger"),
        ),
        floor=_ZERO,
        ceiling=_TOP,
    )


def _risk_rate(name: str, curve: Curve) -> Chart:
    return Chart(
        key="",
        title=f"Risk rate, futures {name}",
        description=_range(curve, "percent")
        + " KuCoin cancels orders at 95 % and liquidates at 100 %.",
        lines=_lines(curve),
        write=_percent_tick,
        bands=_BANDS,
        rules=(
            Rule(value=RATIO_WARNING, label="95 %", style="rule-danger"),
            Rule(value=_ONE, label="100 %", style="rule-danger"),
        ),
        floor=_ZERO,
        ceiling=_TOP,
    )


def _guard_rules(limits: GuardLimits | None) -> Iterable[Rule]:
    if limits is not None and limits.act is not None:
        yield Rule(
            value=limits.act, label=_limit("act", limits.act), style="rule-danger"
        )
    if limits is not None and limits.target is not None:
        yield Rule(
            value=limits.target,
            label=_limit("target", limits.target),
            style="rule-calm",
        )


def _limit(word: str, value: Decimal) -> str:
    return f"{word} {figures.percent(value, 1)}"


def _distance(name: str, curve: Curve, limits: Mapping[str, GuardLimits]) -> Chart:
    rules = tuple(_guard_rules(limits.get(name)))
    values = [
        abs(value)
        for series in (curve.with_guard, curve.without_guard)
        for _, value in series
        if value is not None and value.is_finite()
    ]
    widest = max([*values, *(rule.value for rule in rules)], default=_ONE)
    return Chart(
        key="",
        title=f"Distance to liquidation, {name}",
        description=_range(curve, "percent")
        + " The uniform adverse move of the market that would liquidate the account.",
        lines=_lines(curve),
        write=_percent_tick,
        rules=rules,
        floor=_ZERO,
        ceiling=min(max(widest * _TOP, Decimal("0.05")), _ONE),
    )


def _relative(series: Series) -> Series:
    """Change since the first known price; what is unknown stays unknown."""
    first = next((v for _, v in series if _is_price(v)), None)
    if first is None:
        return ()
    return tuple(
        (at, v / first - 1 if v is not None and _is_price(v) else None)
        for at, v in series
    )


def _is_price(value: Decimal | None) -> bool:
    return value is not None and value.is_finite() and value > 0


def _prices(report: RunReport) -> Chart:
    lines = [
        Line(name=coin, series=_relative(series), style=style)
        for (coin, series), style in zip(report.prices.items(), _STYLES, strict=False)
    ]
    left_out = len(report.prices) - len(lines)
    more = f"; {left_out} more not drawn" if left_out else ""
    return Chart(
        key="",
        title=f"Mark prices, change since the start{more}",
        description="Change of each coin's mark price since the start of the run.",
        lines=[line for line in reversed(lines) if line.series],
        write=_percent_tick,
    )
