"""What the journal of a run claims, and whether it was written ahead of the requests.

``WriteAhead`` looks at the moment a request comes to the door; ``read_claim`` folds the
journal afterwards. Nothing here knows what is right.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from fault_world import Arrival

from bot.domain.entries import Decided, Entry, Noted, ParityChecked
from bot.domain.events import Filled, IntentSettled, LedgerBooked
from bot.domain.intents import Approved
from bot.domain.orders import Outcome
from storage.reader import JournalReader

__all__ = ["Claim", "WriteAhead", "kind_of", "read_claim"]


_CANCEL = "CancelOrder"
_CANCELS = frozenset({_CANCEL, "CancelStop"})
"""Both are the same request where the exchange keeps stops among orders."""


class WriteAhead:
    """I2: looks into the journal at the moment a write comes to the door."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._connection: sqlite3.Connection | None = None
        self._seq = 0
        self._ids: set[str] = set()
        self._kinds: Counter[str] = Counter()
        self._came: Counter[str] = Counter()
        self.broken: list[str] = []

    def __call__(self, arrival: Arrival) -> None:
        """One write came; its intent must be durable."""
        self._read()
        name = arrival.client_id
        if name is not None:
            if name not in self._ids:
                self.broken.append(f"I2: {name} came before it was journaled")
            return
        kind = kind_of(arrival)
        self._came[kind] += 1
        if self._came[kind] > self._kinds[kind]:
            self.broken.append(f"I2: a {kind} came that no journaled intent asks for")

    def _read(self) -> None:
        if self._connection is None:
            uri = f"{self._journal.resolve().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, timeout=5)
        rows = self._connection.execute(
            "SELECT seq, body FROM entry WHERE kind = 'Approved' AND seq > ?",
            (self._seq,),
        )
        for seq, body in rows:
            document = json.loads(body)
            self._seq = seq
            self._ids.add(document["intent_id"])
            what = document["intent"]["what"]
            self._kinds[_CANCEL if what in _CANCELS else what] += 1


def kind_of(arrival: Arrival) -> str:
    """The intent that makes such a request, of those without an id of ours."""
    if arrival.family == "cancels":
        return _CANCEL
    return "Repay" if arrival.path.endswith("repay") else "Borrow"


@dataclass(slots=True, kw_only=True)
class Claim:
    """What the journal says of every intent."""

    approved: dict[str, Approved] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    """The row in which an intent was approved."""
    ended: dict[str, int] = field(default_factory=dict)
    """The row in which its fate was first told, in doubt or not."""
    settled: dict[str, list[tuple[datetime, IntentSettled]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    bookings: list[LedgerBooked] = field(default_factory=list)
    fills: list[Filled] = field(default_factory=list)
    acts: dict[str, list[tuple[datetime, Decimal]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Each act level of a subject and since when: one that was emptied opens anew."""
    cures: dict[str, list[tuple[datetime, datetime | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """When each cure began and ended."""
    parity: Counter[str] = field(default_factory=Counter)

    def last(self, intent_id: str) -> IntentSettled | None:
        """The newest word on an intent."""
        told = self.settled.get(intent_id)
        return told[-1][1] if told else None

    def in_doubt(self) -> list[str]:
        """Those whose fate is not known."""
        return [
            name
            for name in self.approved
            if (last := self.last(name)) is None or last.outcome is Outcome.IN_DOUBT
        ]


def read_claim(journal: Path) -> Claim:
    """Fold the journal."""
    claim = Claim()
    with JournalReader.open(journal) as reader:
        for stored in reader.entries():
            _take(claim, stored.seq, stored.entry)
    return claim


def _take(claim: Claim, seq: int, entry: Entry) -> None:
    match entry.body:
        case Approved() as approved:
            claim.approved[approved.intent_id] = approved
            claim.begun[approved.intent_id] = seq
        case IntentSettled() as settled:
            claim.settled[settled.intent_id].append((entry.at, settled))
            claim.ended.setdefault(settled.intent_id, seq)
        case LedgerBooked() as booked:
            claim.bookings.append(booked)
        case Filled() as fill:
            claim.fills.append(fill)
        case ParityChecked(cause=cause):
            claim.parity[str(cause)] += 1
        case _:
            _take_guard(claim, entry)


def _take_guard(claim: Claim, entry: Entry) -> None:
    """What the guard noted of its levels and its cures."""
    match entry.body:
        case Noted(topic="thresholds", inputs=inputs):
            claim.acts[inputs["subject"]].append((entry.at, Decimal(inputs["act"])))
        case Decided(verdict="cure", subject=subject):
            claim.cures[subject].append((entry.at, None))
        case Decided(verdict="cured", subject=subject) if claim.cures[subject]:
            began, _ = claim.cures[subject][-1]
            claim.cures[subject][-1] = (began, entry.at)
        case _:
            pass
