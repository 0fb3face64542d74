"""Starting is recovering: one path for a first start and for every restart.

Read what the journal still holds open, take what the exchange booked meanwhile,
its rules and its snapshot, book every difference, settle what is in doubt, then
listen. A fresh run has an empty journal and nothing open; the path is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from bot.domain.events import (
    Event,
    FundingQuoted,
    IntentSettled,
    RulesRead,
    SnapshotTaken,
)
from bot.domain.instruments import Rules
from bot.domain.intents import Approved
from bot.domain.money import ZERO
from bot.domain.orders import Outcome
from bot.engine.ahead import Ahead
from bot.engine.core import State
from bot.engine.twins import Twins
from bot.guard.overlay_state import OverlayState
from bot.guard.size_results import Results
from bot.guard.state import GuardState
from bot.guard.twin import Twin
from bot.ports import AccountReader
from bot.risk.hourly_closes import closes_from
from bot.shadow.apply import apply, opening_closes, register
from bot.shadow.state import Shadow, empty_shadow

__all__ = ["Recovered", "Start", "recover"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What is known of the time before this start.

    ``shadow`` and ``open_intents`` come from the journal, ``guard`` holds the
    thresholds that accounts were opened with, ``twins`` what is watched of earlier
    cures, ``results`` how the equity went, ``missed`` are the exchange's own
    bookings and fills since the journal's last row, oldest first; ``funding_past``
    are settled rates from before, by contract.
    """

    shadow: Shadow | None = None
    open_intents: tuple[Approved, ...] = ()
    next_seq: int = 1
    guard: GuardState = field(default_factory=GuardState)
    overlays: Mapping[str, OverlayState] = field(default_factory=dict)
    twins: tuple[Twin, ...] = ()
    results: Results = field(default_factory=Results)
    missed: tuple[Event, ...] = ()
    funding_past: Mapping[str, tuple[FundingQuoted, ...]] = field(default_factory=dict)
    day: str = ""
    day_open_equity: Decimal | None = None
    day_turnover: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where the engine begins: a state and the first moment.

    ``moment`` ends with the exchange's snapshot, which opens the shadow;
    ``lookups`` are the intents whose fate must be asked for.
    """

    state: State
    moment: tuple[Event, ...]
    lookups: tuple[Approved, ...]


async def recover(
    reader: AccountReader,
    at: datetime,
    recovered: Recovered,
    history: Mapping[str, Sequence[tuple[datetime, Decimal]]],
) -> Start:
    """Read the exchange, compare it with the journal, and say where to begin.

    Args:
        reader: Reads the exchange.
        at: The exchange's time.
        recovered: What the journal left; empty for a first start.
        history: Closes from before the start, by coin.
    """
    rules = await reader.read_rules()
    snapshot = await reader.read_snapshot()
    rows = {coin: tuple(closes) for coin, closes in history.items()}
    shadow = _taken_over(recovered.shadow, rules)
    shadow = replace(
        shadow,
        at=at,
        closes=opening_closes(rows),
        funding_past=recovered.funding_past,
    )
    for approved in recovered.open_intents:
        shadow = _in_doubt(shadow, approved, at)
    return Start(
        state=State(
            shadow=shadow,
            guard=recovered.guard,
            overlays=recovered.overlays,
            twins=Twins.resumed(recovered.twins),
            results=recovered.results,
            next_seq=recovered.next_seq,
            day=recovered.day,
            day_open_equity=recovered.day_open_equity,
            day_turnover=recovered.day_turnover,
            ahead=Ahead(closes=closes_from(history)),
        ),
        moment=(
            RulesRead(at=at, rules=rules),
            *recovered.missed,
            SnapshotTaken(at=at, snapshot=snapshot),
        ),
        lookups=recovered.open_intents,
    )


def _taken_over(known: Shadow | None, rules: Rules) -> Shadow:
    """The books of the journal without anything that has grown old since.

    Marks, quotes, orders, statuses and silences are told anew; so are requests,
    which are looked up one by one.
    """
    fresh = empty_shadow(rules)
    if known is None:
        return fresh
    return replace(
        fresh,
        balances=known.balances,
        positions=known.positions,
        margin_leverage=known.margin_leverage,
        is_open=known.is_open,
    )


def _in_doubt(shadow: Shadow, approved: Approved, at: datetime) -> Shadow:
    """An intent that was open when the process died is in doubt until looked up."""
    doubt = IntentSettled(
        at=at,
        intent_id=approved.intent_id,
        outcome=Outcome.IN_DOUBT,
        reason="the process stopped before the answer",
    )
    return apply(register(shadow, approved, at), doubt)
