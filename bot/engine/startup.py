"""Starting is recovering: one path for a first start and for every restart.

Read what the journal still holds open, take the exchange's rules and snapshot,
report every difference, settle what is in doubt, then listen. A fresh run has an
empty journal and nothing open; the path is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bot.domain.entries import Entry, Noted
from bot.domain.events import Event, IntentSettled, RulesRead, SnapshotTaken
from bot.domain.intents import Approved
from bot.domain.orders import Outcome
from bot.engine.core import State
from bot.ports import AccountReader
from bot.shadow.apply import apply, opening_closes, register
from bot.shadow.drift import Drift, compare
from bot.shadow.state import Shadow, empty_shadow

__all__ = ["Recovered", "Start", "recover"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What the journal knows of the time before this start."""

    shadow: Shadow | None = None
    open_intents: tuple[Approved, ...] = ()
    next_seq: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where the engine begins: a state, what to remember, and the first moment.

    ``moment`` ends with the exchange's snapshot, which opens the shadow;
    ``lookups`` are the intents whose fate must be asked for.
    """

    state: State
    entries: tuple[Entry, ...]
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
    drifts: tuple[Drift, ...] = ()
    if recovered.shadow is not None:
        drifts = compare(recovered.shadow, snapshot)
    entries = tuple(
        Entry(at=at, body=Noted(topic="drift", text=str(drift))) for drift in drifts
    )
    rows = {coin: tuple(closes) for coin, closes in history.items()}
    shadow = replace(empty_shadow(rules), at=at, closes=opening_closes(rows))
    for approved in recovered.open_intents:
        shadow = _in_doubt(shadow, approved, at)
    return Start(
        state=State(shadow=shadow, next_seq=recovered.next_seq),
        entries=entries,
        moment=(RulesRead(at=at, rules=rules), SnapshotTaken(at=at, snapshot=snapshot)),
        lookups=recovered.open_intents,
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
