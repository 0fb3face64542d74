"""A finished run in sentences: did the account survive, and what did it cost.

The same words stand on the last screen, in the plain output and on top of the
HTML report. They say it as plainly when the guard cost money as when it saved
some. Pure text from a ``RunReport``; this module must not draw or format a page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.money import plain
from bot.report import figures
from bot.report.frame import Tone
from bot.report.run_report import RunReport, count_in, figure_in, part_of

__all__ = [
    "Comparison",
    "Verdict",
    "books_note",
    "comparisons",
    "end_lines",
    "guard_difference",
    "verdict",
]

_TIMES = {0: "not liquidated", 1: "liquidated once", 2: "liquidated twice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome in one headline and a few sentences."""

    headline: str
    sentences: tuple[str, ...]
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One line of the table with and without guard; None: no such number there."""

    label: str
    with_guard: str
    without_guard: str | None


def guard_difference(report: RunReport) -> Decimal | None:
    """End equity with the guard less that without it, USDT; None when unknown.

    Example:
        >>> guard_difference(RunReport(title="t", world="paper", summary={
        ...     "equity_end": "90", "without_guard": {"equity_end": "100"}}))
        Decimal('-10')
    """
    ours = figure_in(report.summary, "equity_end")
    return figures.difference(ours, figure_in(report.without_guard, "equity_end"))


def _times(count: int | None) -> str:
    if count is None:
        return "liquidated an unknown number of times"
    return _TIMES.get(count, f"liquidated {count} times")


def _headline(ours: int | None) -> tuple[str, Tone]:
    if ours is None:
        return "Whether the account was liquidated is unknown.", Tone.NEUTRAL
    if ours:
        return f"The account was {_times(ours)}.", Tone.DANGER
    return "The account survived: it was not liquidated.", Tone.CALM


def _difference_sentence(report: RunReport) -> str:
    difference = guard_difference(report)
    if difference is None:
        return "The difference that the guard made in equity is unknown."
    if difference == 0:
        return "The guard made no difference to the equity at the end."
    size = figures.usdt(abs(difference))
    share = _share_of_start(report, abs(difference))
    if difference > 0:
        return f"The guard saved you {size} USDT{share}."
    return f"The guard cost you {size} USDT{share}."


def _share_of_start(report: RunReport, size: Decimal) -> str:
    share = figures.share(size, figure_in(report.summary, "equity_start"))
    if share is None:
        return ""
    return f", {figures.percent(share)} of the equity at the start"


def _twin_sentence(report: RunReport) -> str:
    twin = report.without_guard
    if twin is None:
        return report.without_guard_note or (
            "No run without the guard was made, so there is nothing to compare."
        )
    end = figures.usdt(figure_in(twin, "equity_end"))
    times = _times(count_in(twin, "liquidations"))
    return (
        "Without the guard, on the same market, the same account was "
        f"{times} and ended with {end} USDT."
    )


def _equity_sentence(report: RunReport) -> str:
    start = figure_in(report.summary, "equity_start")
    end = figure_in(report.summary, "equity_end")
    text = f"Equity went from {figures.usdt(start)} to {figures.usdt(end)} USDT"
    change = figures.difference(end, start)
    if change is None:
        return text + "."
    return text + f" ({figures.usdt(change, signed=True)})."


def verdict(report: RunReport) -> Verdict:
    """What happened, in the order in which a person with money in it asks.

    Example:
        >>> told = verdict(RunReport(title="t", world="paper", summary={
        ...     "equity_start": "1000", "equity_end": "900", "liquidations": 0,
        ...     "without_guard": {"equity_end": "950", "liquidations": 0}}))
        >>> told.headline
        'The account survived: it was not liquidated.'
        >>> told.sentences[-1].replace(figures.NBSP, " ")
        'The guard cost you 50.00 USDT, 5.00 % of the equity at the start.'
    """
    headline, tone = _headline(count_in(report.summary, "liquidations"))
    sentences = [_equity_sentence(report), _twin_sentence(report)]
    if report.without_guard is not None:
        sentences.append(_difference_sentence(report))
    return Verdict(headline=headline, sentences=tuple(sentences), tone=tone)


def _count_text(count: int | None) -> str:
    return figures.UNKNOWN if count is None else f"{count:,}"


def comparisons(report: RunReport) -> tuple[Comparison, ...]:
    """The two runs side by side, each number as text with its unit in the label."""
    runs = _Runs(report)
    return (
        runs.row("Equity at the end, USDT", "equity_end", figures.usdt),
        runs.row("Lowest equity, USDT", "equity_min", figures.usdt),
        runs.liquidations(),
        runs.row("Highest debt ratio", "max_debt_ratio", figures.banded),
        runs.row("Highest risk rate", "max_risk_rate", figures.banded),
        runs.pnl_row("Trading fees, USDT", "fees"),
        runs.pnl_row("Liquidation losses, USDT", "liquidation"),
    )


class _Runs:
    """The summaries of both runs, read field by field."""

    def __init__(self, report: RunReport) -> None:
        self._ours = report.summary
        self._theirs = report.without_guard

    def row(
        self, label: str, key: str, write: Callable[[Decimal | None], str]
    ) -> Comparison:
        """A field that the unguarded run may leave out."""
        is_there = self._theirs is not None and key in self._theirs
        theirs = write(figure_in(self._theirs, key)) if is_there else None
        return Comparison(
            label=label,
            with_guard=write(figure_in(self._ours, key)),
            without_guard=theirs,
        )

    def liquidations(self) -> Comparison:
        """How often each account was liquidated."""
        theirs = None
        if self._theirs is not None:
            theirs = _count_text(count_in(self._theirs, "liquidations"))
        return Comparison(
            label="Liquidations",
            with_guard=_count_text(count_in(self._ours, "liquidations")),
            without_guard=theirs,
        )

    def pnl_row(self, label: str, key: str) -> Comparison:
        """A part of the result; the unguarded run may have no such split."""
        ours = part_of(self._ours, "pnl")
        theirs = None if self._theirs is None else part_of(self._theirs, "pnl")
        other = None if theirs is None else figures.usdt(figure_in(theirs, key))
        return Comparison(
            label=label,
            with_guard=figures.usdt(figure_in(ours, key)),
            without_guard=other,
        )


def books_note(report: RunReport) -> tuple[str, Tone]:
    """Whether the parts of the result sum exactly to the change in equity.

    Example:
        >>> books_note(RunReport(title="t", world="paper", summary={
        ...     "equity_start": "10", "equity_end": "8",
        ...     "pnl": {"price": "-1.5", "fees": "-0.4"}}))[0]
        'The parts sum to -1.9 USDT, but equity changed by -2 USDT.'
    """
    pnl = part_of(report.summary, "pnl")
    change = figures.difference(
        figure_in(report.summary, "equity_end"),
        figure_in(report.summary, "equity_start"),
    )
    parts = [figure_in(pnl, key) for key in pnl or ()]
    known = [part for part in parts if part is not None and part.is_finite()]
    if change is None or not parts or len(known) < len(parts):
        return "A part is unknown, so the sum could not be checked.", Tone.CAUTION
    total = figures.total(known)
    if total == change:
        return "The parts sum exactly to the change in equity.", Tone.CALM
    told = (
        f"The parts sum to {plain(total)} USDT, "
        f"but equity changed by {plain(change)} USDT."
    )
    return told, Tone.DANGER


def end_lines(report: RunReport) -> tuple[str, ...]:
    """The outcome as plain lines, for logs and for output that is no terminal."""
    told = verdict(report)
    lines = [figures.clean(report.title), told.headline, *told.sentences]
    if report.journal_path:
        lines.append(f"Journal: {figures.clean(report.journal_path)}")
    if report.report_path:
        lines.append(f"Report:  {figures.clean(report.report_path)}")
    lines += [
        f"Next:    {figures.clean(step.command)}  ({figures.clean(step.purpose)})"
        for step in report.next_commands
    ]
    return tuple(lines)
