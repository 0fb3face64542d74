"""What must hold after a run of the fault campaign, and the figures of the run.

The truth is the venue's own memory and the list of what came to its door; the claim
is the journal. Each broken law is a sentence that begins with the number of its
invariant (I1 one intent at most one order, I2 journaled before sent, I3 proof before
an end, I4 books balance, I9 the guard is in time, I10 loans, I11 transfers).
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from fault_world import Arrival, World

from bot.domain.entries import Entry, Noted, ParityChecked
from bot.domain.events import Cause, Filled, IntentSettled, LedgerBooked
from bot.domain.intents import (
    Approved,
    Borrow,
    CancelOrder,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.orders import Outcome
from connectors.venue.server.books import books
from storage.reader import JournalReader
from tests.contract.live_process import compare_books

__all__ = ["Claim", "WriteAhead", "differences", "judge", "read_claim"]

_GUARD: Final = "guard"
_GUARD_LIMIT_S: Final = 0.5
_STALE_S: Final = 30
_TOLERATED_MS: Final = 5000
"""Of a signature's time; a fast clock has no offset that the bot could measure."""
_LOST: Final = frozenset(
    {"hang_before", "hang_after", "drop_before", "drop_after", "status"}
)


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
        kind = _kind_of(arrival)
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
            self._kinds[document["intent"]["what"]] += 1


def _kind_of(arrival: Arrival) -> str:
    if arrival.family == "cancels":
        return "CancelOrder"
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
    acts: dict[str, Decimal] = field(default_factory=dict)
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
        case Noted(topic="thresholds", inputs=inputs):
            claim.acts.setdefault(inputs["subject"], Decimal(inputs["act"]))
        case _:
            pass


def differences(journal: Path, world: World) -> list[str]:
    """Where journal and venue differ now."""
    return compare_books(journal, books(world.backend))


def judge(world: World, claim: Claim, clock: float) -> tuple[list[str], dict[str, Any]]:
    """Every broken law in a sentence, and the figures of the run."""
    broken = [
        *_once_sent(world.front.arrivals),
        *_orders(world, claim),
        *_transfers(world, claim),
        *_loans(world, claim),
        *_single_flight(world.front.arrivals, claim),
        *_open_orders(world, claim),
    ]
    late, guard = _guard(world, claim)
    found = Counter(line.split(":")[0] for line in broken)
    figures = {
        **_counts(world, claim),
        **_doubts(world, claim, clock),
        "duplicates": found["I1"] + found["I10"] + found["I11"],
        "forgotten": found["I3"],
        "guard": guard,
    }
    return [*broken, *late], figures


# -- one intent, one thing ----------------------------------------------------


def _once_sent(arrivals: Sequence[Arrival]) -> Iterator[str]:
    names = Counter(a.client_id for a in arrivals if a.is_write and a.client_id)
    yield from (f"I1: {name} came {n} times" for name, n in names.items() if n > 1)


def _orders(world: World, claim: Claim) -> Iterator[str]:
    """Each order of the venue has one intent, each intent that is done one order."""
    made: dict[str, list[str]] = defaultdict(list)
    for order_id, record in world.backend.archive.orders.items():
        made[record.order.intent_id].append(order_id)
    placed = {
        name
        for name, approved in claim.approved.items()
        if isinstance(approved.intent, PlaceOrder)
    }
    for name, ids in made.items():
        if len(ids) > 1:
            yield f"I1: {name} made {len(ids)} orders"
        if name not in placed:
            yield f"I1: order {ids[0]} of {name} has no journaled intent"
        last = claim.last(name)
        if last is None or last.outcome is not Outcome.DONE:
            yield f"I3: order {ids[0]} of {name} is not known: {_word(last)}"
        elif last.order_id not in ids:
            yield f"I3: {name} is taken for order {last.order_id}, and is {ids[0]}"
    yield from _invented(claim, placed - set(made))


def _invented(claim: Claim, names: set[str]) -> Iterator[str]:
    for name in names:
        last = claim.last(name)
        if last is not None and last.outcome is Outcome.DONE:
            yield f"I3: {name} is taken for done, and the venue has no such order"


def _word(last: IntentSettled | None) -> str:
    return "not settled" if last is None else f"{last.outcome} ({last.reason})"


def _open_orders(world: World, claim: Claim) -> Iterator[str]:
    """An order that the venue still has in its book must be an open one of ours."""
    for order_id, record in world.backend.archive.orders.items():
        last = claim.last(record.order.intent_id)
        if record.is_active and (last is None or last.order_id != order_id):
            yield f"I3: order {order_id} rests and the journal does not know it"


def _transfers(world: World, claim: Claim) -> Iterator[str]:
    moved = Counter(r.client_id for r in world.backend.archive.transfers)
    wanted = {
        name: a.intent
        for name, a in claim.approved.items()
        if isinstance(a.intent, Transfer)
    }
    for name, times in moved.items():
        if times > 1:
            yield f"I11: transfer {name} moved {times} times"
        last = claim.last(name)
        if name not in wanted:
            yield f"I11: transfer {name} has no journaled intent"
        elif last is None or last.outcome is not Outcome.DONE:
            yield f"I3: transfer {name} was done and is {_word(last)}"
    for name in wanted:
        last = claim.last(name)
        is_done = last is not None and last.outcome is Outcome.DONE
        if is_done and name not in moved:
            yield f"I3: transfer {name} is taken for done, and nothing moved"


_Loan = tuple[str, str, str, str]


def _loans(world: World, claim: Claim) -> Iterator[str]:
    """The venue's loans and those that the journal says are done are the same ones."""
    theirs: Counter[_Loan] = Counter()
    for r in world.backend.archive.loans:
        if r.is_success and not r.order_no.startswith("forced"):
            kind = "Repay" if r.is_repay else "Borrow"
            theirs[kind, r.account, r.coin, str(r.done.normalize())] += 1
    ours: Counter[_Loan] = Counter()
    for name, approved in claim.approved.items():
        intent, last = approved.intent, claim.last(name)
        if not isinstance(intent, Borrow | Repay) or last is None:
            continue
        if last.outcome is Outcome.DONE:
            kind, done = type(intent).__name__, str(last.done_amount.normalize())
            ours[kind, intent.account, intent.coin, done] += 1
    for loan in theirs - ours:
        yield f"I3: a loan was done and no intent is known as it: {' '.join(loan)}"
    for loan in ours - theirs:
        yield f"I10: an intent is taken for a loan that is not there: {' '.join(loan)}"


def _single_flight(arrivals: Sequence[Arrival], claim: Claim) -> Iterator[str]:
    """I10: the next loan of an account and coin comes when the last one is proven."""
    ends: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    for name, approved in claim.approved.items():
        intent, last = approved.intent, claim.last(name)
        if isinstance(intent, Borrow | Repay) and last is not None:
            key = (type(intent).__name__, intent.coin, str(intent.amount.normalize()))
            ends[key].append(last.at)
    before: dict[tuple[str, str], tuple[Arrival, datetime | None]] = {}
    for arrival in arrivals:
        if arrival.family != "loans":
            continue
        body = arrival.body
        lane = (str(body.get("symbol", "")), str(body["currency"]))
        size = str(Decimal(str(body["size"])).normalize())
        found = sorted(ends[_kind_of(arrival), str(body["currency"]), size])
        end = next((at for at in found if at >= arrival.at), None)
        known = before.get(lane)
        if known is not None and (known[1] is None or known[1] > arrival.at):
            yield (
                f"I10: {_loan_words(known[0])} was under way until {known[1]} when "
                f"{_loan_words(arrival)} came"
            )
        before[lane] = (arrival, end)


def _loan_words(arrival: Arrival) -> str:
    body = arrival.body
    where = body.get("symbol", "cross")
    return (
        f"{_kind_of(arrival)} {body['size']} {body['currency']} {where} of "
        f"{arrival.at.isoformat()} ({','.join(arrival.faults) or 'no fault'})"
    )


# -- figures ------------------------------------------------------------------


def _counts(world: World, claim: Claim) -> dict[str, Any]:
    arrivals = world.front.arrivals
    writes = [a for a in arrivals if a.is_write]
    archive = world.backend.archive
    faults = Counter(json.loads(line)["fault"] for line in world.log.lines)
    return {
        "requests": len(arrivals),
        "writes": len(writes),
        "intents": len(claim.approved),
        "orders": len(archive.orders),
        "loans": sum(r.is_success for r in archive.loans),
        "transfers": len(archive.transfers),
        "lost": sum(bool(_LOST.intersection(a.faults)) for a in writes),
        "faults": sum(faults.values()),
        "fault_kinds": dict(faults),
        "adjustments": sum(b.cause is Cause.ADJUSTMENT for b in claim.bookings),
        "unattributed": sum(map(_is_orphan, claim.bookings))
        + sum(f.intent_id is None and f.forced is None for f in claim.fills),
        "parity": dict(claim.parity),
    }


def _is_orphan(booked: LedgerBooked) -> bool:
    """Whether a loan's booking names no intent, though every loan here is ours.

    KuCoin's rows of a transfer name no request; their cause is known all the same.
    """
    return booked.cause in {Cause.BORROW, Cause.REPAY} and booked.intent_id is None


def _doubts(world: World, claim: Claim, clock: float) -> dict[str, Any]:
    """How many were in doubt, and how long until proven, in real seconds.

    ``found`` was done after all, ``absent`` was not; the proof of absence waits for
    ten seconds of the exchange's time at least.
    """
    found: list[float] = []
    absent: list[float] = []
    after_heal: list[float] = []
    heal_s = (world.chaos_s[1] - world.chaos_s[0]) * clock
    open_ = 0
    for told in claim.settled.values():
        first = next((at for at, s in told if s.outcome is Outcome.IN_DOUBT), None)
        if first is None:
            continue
        end = next(
            ((at, s) for at, s in told if s.outcome is not Outcome.IN_DOUBT), None
        )
        if end is None:
            open_ += 1
            continue
        took = (end[0] - first).total_seconds() / clock
        (found if end[1].outcome is Outcome.DONE else absent).append(took)
        if world.chaos_at is not None:
            late = (end[0] - world.chaos_at).total_seconds() - heal_s
            if late > 0:
                after_heal.append(late / clock)
    return {
        "doubts": len(found) + len(absent) + open_,
        "resolved_found_s": found,
        "resolved_absent_s": absent,
        "resolved_after_heal_s": after_heal,
        "still_in_doubt": len(claim.in_doubt()),
    }


# -- the guard ----------------------------------------------------------------


def _guard(world: World, claim: Claim) -> tuple[list[str], list[dict[str, Any]]]:
    """From the mark that crosses an act level to the first reduction at the door."""
    sent = sorted(a.came_s for a in _of_guard(world.front.arrivals, claim))
    rows: list[dict[str, Any]] = []
    for subject, act in claim.acts.items():
        crossed = _crossing(world, subject, act)
        if crossed is None:
            continue
        at_s, at = crossed
        # A guard that was ahead of the level (its buffer widens it) is in time.
        first = next((s for s in sent if s >= at_s), None)
        is_ahead = any(at_s - 3 <= s < at_s for s in sent)
        took = 0.0 if is_ahead else (None if first is None else first - at_s)
        rows.append(
            {
                "subject": subject,
                "took_s": took,
                "excuse": _excuse(world, at, at_s, took),
                "under_way": _under_way(claim, subject),
            }
        )
    late = [
        f"I9: {row['subject']} crossed its act level and the first reduction came "
        f"after {row['took_s']} s; under way then: {row['under_way'] or 'nothing'}"
        for row in rows
        if not row["excuse"]
        and (row["took_s"] is None or row["took_s"] > _GUARD_LIMIT_S)
    ]
    return late, rows


def _under_way(claim: Claim, subject: str) -> list[str]:
    """Who else had a request on the account when the guard sent its first one."""
    mine = [claim.begun[n] for n, a in claim.approved.items() if a.owner == _GUARD]
    if not mine:
        return []
    first = min(mine)
    last = max((seq for n, seq in claim.ended.items() if seq < first), default=0)
    return [
        f"{a.owner}'s {type(a.intent).__name__.lower()}"
        for n, a in claim.approved.items()
        if a.owner != _GUARD
        and subject.partition(":")[0] in {x.partition(":")[0] for x in _accounts(a)}
        and claim.begun[n] < first
        and claim.ended.get(n, first + 1) >= last
    ]


def _accounts(approved: Approved) -> tuple[str, ...]:
    intent = approved.intent
    if isinstance(intent, Transfer):
        return (str(intent.source), str(intent.target))
    return (str(getattr(intent, "account", "futures")),)


def _crossing(
    world: World, subject: str, act: Decimal
) -> tuple[float, datetime] | None:
    was_safe = False
    for at_s, at, distances in world.distances:
        distance = distances.get(subject)
        if distance is None:
            continue
        if distance >= act:
            was_safe = True
        elif was_safe:
            return at_s, at
    return None


def _of_guard(arrivals: Sequence[Arrival], claim: Claim) -> Iterator[Arrival]:
    """What the guard sent: by its id, or by the amount or order that it names."""
    mine = [a for a in claim.approved.values() if a.owner == _GUARD]
    ids = {a.intent_id for a in mine}
    repaid = {
        (a.intent.coin, str(a.intent.amount.normalize()))
        for a in mine
        if isinstance(a.intent, Repay)
    }
    cancelled = {a.intent.order_id for a in mine if isinstance(a.intent, CancelOrder)}
    for arrival in arrivals:
        if not arrival.is_write:
            continue
        if arrival.client_id in ids:
            yield arrival
        elif arrival.path.endswith("/repay"):
            size = str(Decimal(str(arrival.body["size"])).normalize())
            if (arrival.body["currency"], size) in repaid:
                yield arrival
        elif arrival.path.rsplit("/", 1)[-1] in cancelled:
            yield arrival


def _excuse(world: World, at: datetime, at_s: float, took: float | None) -> str:
    """Why the deadline does not count: the door was shut, or the marks were not fresh.

    A stall of the marks counts from its beginning to its end, with the seconds of the
    exchange after which they are stale before it.
    """
    end_s = at_s + (took or 0.0)
    if not world.chaos_s[0] <= at_s <= (world.chaos_s[1] or end_s):
        return ""
    return _shut(world, at) or _stale(world, at)


def _shut(world: World, at: datetime) -> str:
    start = world.chaos_at or at
    for blackout in world.script.blackouts:
        if blackout.span.covers(start, at):
            return "the exchange is closed"
    for clock in world.script.clocks:
        is_judged = not clock.is_timestamp_only and abs(clock.skew_ms) > _TOLERATED_MS
        if is_judged and clock.span.covers(start, at):
            return "every signature is refused"
    return ""


def _stale(world: World, at: datetime) -> str:
    for line in world.log.lines:
        row = json.loads(line)
        topic = str(row.get("topic", ""))
        if row["fault"] not in {"stall", "close"}:
            continue
        is_marks = topic.startswith(("/indicator", "/contract/instrument"))
        since = (at - datetime.fromisoformat(row["at"])).total_seconds()
        if (is_marks or row["fault"] == "close") and -1 <= since <= _STALE_S:
            return f"the marks were not fresh ({row['fault']} of {topic})"
    return ""


def guard_rows(mapping: Mapping[str, Any]) -> list[float]:
    """The times that count."""
    return [
        row["took_s"]
        for row in mapping["guard"]
        if not row["excuse"] and row["took_s"] is not None
    ]
