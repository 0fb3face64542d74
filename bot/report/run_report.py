"""A finished run as plain values: what the last screen and the report show.

The composition root fills a ``RunReport`` from the journal and the tally; the
views only draw it. ``summary`` is the object that ``--json`` prints, with money
and ratios as text in plain notation; everything else here is detail for people.
Units and the meaning of None are those of ``bot.report.frame``. This module must
not compute risk, read a clock, or do any input or output.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from bot.report.episodes import Episode
from bot.report.frame import Series, Tone
from bot.report.outlook_view import OutlookRow

__all__ = [
    "PNL_PARTS",
    "ActionRow",
    "Curve",
    "DecisionRow",
    "FillRow",
    "FundingRow",
    "GuardLimits",
    "LoanRow",
    "NextCommand",
    "RunReport",
    "count_in",
    "figure_in",
    "part_of",
]

PNL_PARTS: Final = (
    ("price", "Price of what was held"),
    ("funding", "Funding, received less paid"),
    ("interest", "Interest on loans"),
    ("fees", "Trading fees"),
    ("slippage", "Slippage against the mark"),
    ("liquidation", "Liquidation fees and losses"),
)
"""The parts of ``summary["pnl"]`` in the order in which they are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One number over time, with the guard and without it."""

    with_guard: Series = ()
    without_guard: Series = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """The distances at which the guard acts and which it then restores."""

    act: Decimal | None
    target: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """Something worth telling, as a sentence: a decision, a warning, a takeover."""

    at: datetime
    owner: str
    text: str
    tone: Tone = Tone.NEUTRAL
    decision_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """One action of the guard: what, why, the number before and after, the cost.

    ``measure`` names the number (``debt ratio, cross margin``, or a ``distance``,
    infinite when no move liquidates); empty when none was taken. ``cost_usdt`` is
    positive when it cost money.
    """

    at: datetime
    what: str
    why: str
    measure: str = ""
    before: Decimal | None = None
    after: Decimal | None = None
    cost_usdt: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRow:
    """One fill. ``qty`` is coins, or lots on futures, as ``unit`` says."""

    at: datetime
    account: str
    symbol: str
    side: str
    qty: Decimal
    unit: str
    price: Decimal
    fee: Decimal | None
    fee_coin: str
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRow:
    """The loans of one coin in one account over the whole run, in coins."""

    account: str
    coin: str
    owed_start: Decimal | None
    borrowed: Decimal | None
    repaid: Decimal | None
    interest: Decimal | None
    owed_end: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRow:
    """The funding of one contract over the run; negative is what we paid."""

    symbol: str
    settlements: int
    amount: Decimal | None
    coin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextCommand:
    """A command worth typing next, and what it does."""

    command: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Everything about one finished run.

    ``world`` is one of paper, replay, simulated, live. ``facts`` are the header's
    name and value pairs (market, resolution, seed, digests). ``resolution`` and
    ``derived`` say what the data are and what was rebuilt. The curves are keyed by
    account, settle currency or coin. ``without_guard_note`` says why there is no
    comparison where there is none.
    """

    title: str
    world: str
    summary: Mapping[str, object]
    facts: tuple[tuple[str, str], ...] = ()
    assumptions: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    """What a careful reader must know first, such as thresholds that were eased."""
    is_synthetic: bool = False
    equity: Curve = field(default_factory=Curve)
    debt_ratios: Mapping[str, Curve] = field(default_factory=dict)
    risk_rates: Mapping[str, Curve] = field(default_factory=dict)
    distances: Mapping[str, Curve] = field(default_factory=dict)
    limits: Mapping[str, GuardLimits] = field(default_factory=dict)
    """The guard's distances, by the same keys as ``distances``."""
    prices: Mapping[str, Series] = field(default_factory=dict)
    outlooks: tuple[OutlookRow, ...] = ()
    """What the forecast said at the notable times."""
    decisions: tuple[DecisionRow, ...] = ()
    actions: tuple[ActionRow, ...] = ()
    episodes: tuple[Episode, ...] = ()
    """The guard's cures, with what would have happened without each."""
    episode_sums: tuple[str, ...] = ()
    """Their sums, in sentences."""
    fills: tuple[FillRow, ...] = ()
    loans: tuple[LoanRow, ...] = ()
    funding: tuple[FundingRow, ...] = ()
    journal_path: str = ""
    report_path: str = ""
    next_commands: tuple[NextCommand, ...] = ()
    without_guard_note: str = ""

    @property
    def without_guard(self) -> Mapping[str, object] | None:
        """The summary of the unguarded twin, None when none was run."""
        return part_of(self.summary, "without_guard")


def part_of(summary: Mapping[str, object], key: str) -> Mapping[str, object] | None:
    """A nested object of the summary, None where it is absent or null.

    Example:
        >>> part_of({"pnl": {"fees": "-1"}}, "pnl"), part_of({}, "pnl")
        ({'fees': '-1'}, None)
    """
    part = summary.get(key)
    return part if isinstance(part, Mapping) else None


def figure_in(summary: Mapping[str, object] | None, key: str) -> Decimal | None:
    """A number of the summary, None where it is absent or null: never zero.

    Raises:
        ValueError: The value is there and is not a number.

    Example:
        >>> figure_in({"equity_end": "41002.10"}, "equity_end")
        Decimal('41002.10')
        >>> figure_in({"equity_end": None}, "equity_end") is None
        True
    """
    value = None if summary is None else summary.get(key)
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"summary field {key} must be a number: {value!r}") from None
    return None if number.is_nan() else number


def count_in(summary: Mapping[str, object] | None, key: str) -> int | None:
    """A count of the summary, None where it is absent or null.

    A field may also hold a list of the things counted; then its length counts.

    Example:
        >>> count_in({"fills": 3}, "fills"), count_in({}, "fills")
        (3, None)
        >>> count_in({"liquidations": [{"account": "futures"}]}, "liquidations")
        1
    """
    value = None if summary is None else summary.get(key)
    if isinstance(value, list | tuple):
        return len(value)
    number = figure_in(summary, key)
    return int(number) if number is not None and number.is_finite() else None
