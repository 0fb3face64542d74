"""What the journal remembers: one entry for each thing worth explaining later.

An entry is a time and a body. Bodies are the facts that moved money or state,
the decisions with the numbers they rested on, the intents (written before they
are sent), and samples of the account for plots. Marks are not entries: a sample
and a decision carry the marks they used. Nothing here does any input or output.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.events import (
    AccountStatusChanged,
    AdlRankReported,
    BorrowRateQuoted,
    FeedChanged,
    Filled,
    FundingQuoted,
    HoldChanged,
    IntentSettled,
    LedgerBooked,
    OrderChanged,
    PositionChanged,
    RatioReported,
    ScheduleDue,
    SnapshotTaken,
    TradingHalted,
)
from bot.domain.intents import Approved, Refused
from bot.domain.stops import StopChanged

__all__ = [
    "JOURNALED_EVENTS",
    "Decided",
    "Entry",
    "EntryBody",
    "Noted",
    "ParityCause",
    "ParityChecked",
    "RunEnded",
    "RunStarted",
    "Sampled",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The identity of a run: two runs with equal headers must meet equal rows.

    ``identity`` maps what decides the run (market digest, account digest, config
    digest, seed, whether guard and strategies are on) to text; ``facts`` is
    everything else a reader wants: title, path order of the bars, assumptions.
    """

    name: str
    world: str
    epoch: int
    identity: Mapping[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The run reached its end; ``summary`` is the printed summary as JSON text."""

    reason: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Somebody decided something, and why, with the numbers it rested on.

    ``inputs`` holds marks, ratios, distances and thresholds as text;
    ``alternatives`` what was considered and why it lost.
    """

    decision_id: str
    owner: str
    subject: str
    verdict: str
    reason: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """The account at one time, for plots and for the equity curve.

    ``debt_ratios`` by margin account, ``risk_rates`` by settle currency,
    ``distances`` by account (the nearest adverse uniform move to liquidation);
    an unknown number is absent. ``equity_usdt`` is None when a mark is missing.
    """

    equity_usdt: Decimal | None
    debt_ratios: Mapping[str, Decimal] = field(default_factory=dict)
    risk_rates: Mapping[str, Decimal] = field(default_factory=dict)
    distances: Mapping[str, Decimal] = field(default_factory=dict)
    marks: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A sentence worth keeping: a recovery, a drift, a limit that was met."""

    topic: str
    text: str
    inputs: Mapping[str, str] = field(default_factory=dict)


class ParityCause(StrEnum):
    """Why the exchange's ratio and ours differ."""

    PRINTING = "printing"
    """They do not, but for the digits that the exchange prints."""
    MARK_TIMING = "mark timing"
    """Ours was the stated one at some time within the age of the report."""
    IN_FLIGHT = "in flight"
    """A request of ours was on its way, so the two saw different accounts."""
    MISSING = "missing input"
    """We have no number: a mark or a rule is not known."""
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityChecked:
    """The exchange stated its ratio, and this is ours of that time.

    ``error`` is ours less the exchange's; None where either is not a number.
    ``inputs`` holds the marks, our range and what was under way, as text.
    """

    subject: str
    stated: Decimal
    own: Decimal | None
    error: Decimal | None
    cause: ParityCause
    inputs: Mapping[str, str] = field(default_factory=dict)


JOURNALED_EVENTS: Final = (
    LedgerBooked,
    Filled,
    OrderChanged,
    StopChanged,
    HoldChanged,
    PositionChanged,
    AdlRankReported,
    AccountStatusChanged,
    TradingHalted,
    FeedChanged,
    IntentSettled,
    SnapshotTaken,
    FundingQuoted,
    BorrowRateQuoted,
)
"""The event types that become entries; the others are conflated or static.

A scheduled run becomes an entry when it asked for something or came late.

The exchange's own ratios are compared with ours at every report: each becomes a
``ParityChecked``, or where that is not kept, a note when they differ.
"""

EntryBody = (
    RunStarted
    | RunEnded
    | Decided
    | Sampled
    | Noted
    | ParityChecked
    | Approved
    | Refused
    | LedgerBooked
    | Filled
    | OrderChanged
    | StopChanged
    | HoldChanged
    | PositionChanged
    | AdlRankReported
    | AccountStatusChanged
    | RatioReported
    | TradingHalted
    | FeedChanged
    | IntentSettled
    | ScheduleDue
    | SnapshotTaken
    | FundingQuoted
    | BorrowRateQuoted
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the journal: when (the exchange's time) and what."""

    at: datetime
    body: EntryBody
