"""What must hold after a run of the fault campaign, and the figures of the run.

The truth is the venue's own memory and the list of what came to its door; the claim
is the journal. Each broken law is a sentence that begins with the number of its
invariant (I1 one intent at most one order, I2 journaled before sent, I3 proof before
an end, I4 books balance, I9 the guard is in time, I10 loans, I11 transfers).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from fault_claim import Claim, kind_of
from fault_guard import timely
from fault_world import Arrival, World

from bot.domain.events import Cause, IntentSettled, LedgerBooked
from bot.domain.intents import (
    Borrow,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.orders import Outcome
from connectors.venue.server.books import books
from tests.contract.live_books import compare_books

__all__ = ["differences", "judge"]

_CLOCKS: Final = timedelta(seconds=0.2)
"""Real time by which the clocks of bot and venue may differ."""
_LOST: Final = frozenset(
    {"hang_before", "hang_after", "drop_before", "drop_after", "status"}
)


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
        *_single_flight(world.front.arrivals, claim, _CLOCKS * clock),
        *_open_orders(world, claim),
    ]
    late, guard = timely(world, claim)
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


def _single_flight(
    arrivals: Sequence[Arrival], claim: Claim, slack: timedelta
) -> Iterator[str]:
    """I10: the next loan of an account and coin comes when the last one is proven.

    The end is by the bot's clock and the arrival by the venue's; ``slack`` is what
    they may be apart.
    """
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
        found = sorted(ends[kind_of(arrival), str(body["currency"]), size])
        end = next((at for at in found if at >= arrival.at - slack), None)
        known = before.get(lane)
        if known is not None and (known[1] is None or known[1] > arrival.at + slack):
            yield (
                f"I10: {_loan_words(known[0])} was under way until {known[1]} when "
                f"{_loan_words(arrival)} came"
            )
        before[lane] = (arrival, end)


def _loan_words(arrival: Arrival) -> str:
    body = arrival.body
    where = body.get("symbol", "cross")
    return (
        f"{kind_of(arrival)} {body['size']} {body['currency']} {where} of "
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
    heals = [each.healed_at for each in world.episodes if each.healed_at is not None]
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
        healed = [heal for heal in heals if first < heal < end[0]]
        if healed:
            after_heal.append((end[0] - healed[-1]).total_seconds() / clock)
    return {
        "doubts": len(found) + len(absent) + open_,
        "resolved_found_s": found,
        "resolved_absent_s": absent,
        "resolved_after_heal_s": after_heal,
        "still_in_doubt": len(claim.in_doubt()),
    }
