"""What a restart takes over from the journal, and what it must not forget."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import MARGIN_CROSS, SPOT
from bot.domain.entries import Entry, EntryBody, Noted, RunStarted, Sampled
from bot.domain.events import (
    Bucket,
    Cause,
    IntentSettled,
    LedgerBooked,
    Posting,
    SnapshotTaken,
)
from bot.domain.intents import Approved, Borrow
from bot.domain.orders import Outcome
from bot.engine.memory import PRE_IMAGE, recall, thresholds_note
from bot.guard.limits import Thresholds
from bot.guard.overlay_rows import KEPT, inputs_of
from bot.guard.overlay_state import ALL, OverlayState
from bot.risk.strategy_book import Book, Leg, Market
from tests.unit.venue.builders import START, opening

LOAN = Approved(
    intent_id="g1-i0000001",
    owner="carry",
    intent=Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(10)),
    reason="test",
)
STARTED = RunStarted(name="live", world="live", epoch=7, identity={"account": "123"})


def rows(*bodies: EntryBody) -> list[Entry]:
    """Entries a second apart."""
    return [
        Entry(at=START + timedelta(seconds=number), body=body)
        for number, body in enumerate(bodies)
    ]


def settled(outcome: Outcome) -> IntentSettled:
    """An answer to the loan."""
    return IntentSettled(at=START, intent_id=LOAN.intent_id, outcome=outcome)


def booked(number: int, amount: str) -> LedgerBooked:
    """A change of the cross margin account's USDT."""
    posting = Posting(account=MARGIN_CROSS, coin="USDT", amount=Decimal(amount))
    return LedgerBooked(
        at=START, entry_id=f"margin:{number}", cause=Cause.TRADE, postings=(posting,)
    )


def test_a_request_without_an_answer_is_open() -> None:
    """A request is open until its fate is proven; in doubt is open too."""
    assert recall(rows(LOAN)).open_intents == (LOAN,)
    assert recall(rows(LOAN, settled(Outcome.IN_DOUBT))).open_intents == (LOAN,)


@given(
    doubts=st.integers(0, 3), outcome=st.sampled_from([Outcome.DONE, Outcome.REFUSED])
)
def test_a_proven_request_is_closed_for_ever(doubts: int, outcome: Outcome) -> None:
    """After a proof no later message opens a request again."""
    said: Sequence[EntryBody] = [settled(Outcome.IN_DOUBT)] * doubts
    late = settled(Outcome.IN_DOUBT)
    assert recall(rows(LOAN, *said, settled(outcome), late)).open_intents == ()


def test_the_books_are_those_after_the_last_row() -> None:
    """A snapshot replaces, a later booking adds."""
    snapshot = SnapshotTaken(
        at=START, snapshot=opening({"margin_cross": {"USDT": "100"}})
    )
    shadow = recall(rows(booked(1, "5"), snapshot, booked(2, "-30"))).shadow
    assert shadow is not None
    assert shadow.balance(MARGIN_CROSS, "USDT").total == Decimal(70)


def test_without_a_snapshot_nothing_is_known() -> None:
    """A journal that was cut before the first snapshot has no books to compare."""
    assert recall(rows(STARTED, booked(1, "5"))).shadow is None


def test_the_pre_image_of_an_open_loan_is_kept() -> None:
    """What was owed before a loan left is kept until the loan's fate is proven."""
    note = Noted(topic=PRE_IMAGE, text="t", inputs={"intent_id": LOAN.intent_id})
    assert recall(rows(LOAN, note)).pre_images == {LOAN.intent_id: note}
    assert recall(rows(LOAN, note, settled(Outcome.DONE))).pre_images == {}


def test_thresholds_survive() -> None:
    """An account keeps the thresholds it was opened with, to the last digit."""
    thresholds = Thresholds(
        act=Decimal("0.0612345"),
        target=Decimal("0.122469"),
        backstop=Decimal("0.91"),
        is_adapted=True,
        usual_target=Decimal("0.33"),
    )
    older = replace(thresholds, act=Decimal("0.05"))
    notes = [thresholds_note("margin_cross", each) for each in (older, thresholds)]
    assert recall(rows(*notes)).thresholds == {"margin_cross": thresholds}


def test_the_day_keeps_its_first_equity() -> None:
    """The day's loss is measured from the first equity that the day knew."""
    samples = [
        Sampled(equity_usdt=None),
        *(Sampled(equity_usdt=Decimal(n)) for n in (9, 8)),
    ]
    assert recall(rows(*samples)).equities == {START.date(): Decimal(9)}


def test_runs_are_counted_and_the_newest_names_the_account() -> None:
    """Each start is a row; the newest one's epoch and account hold."""
    memory = recall(rows(STARTED, replace(STARTED, epoch=8)))
    assert (memory.runs, memory.epoch, memory.account) == (2, 8, "123")


def test_interest_is_a_booking_like_every_other() -> None:
    """Postings on what is owed reach the recovered books."""
    interest = LedgerBooked(
        at=START,
        entry_id="interest:1",
        cause=Cause.INTEREST,
        postings=(
            Posting(
                account=MARGIN_CROSS,
                coin="USDT",
                amount=Decimal("0.5"),
                bucket=Bucket.INTEREST,
            ),
        ),
    )
    snapshot = SnapshotTaken(at=START, snapshot=opening({}))
    shadow = recall(rows(snapshot, interest)).shadow
    assert shadow is not None
    assert shadow.balance(MARGIN_CROSS, "USDT").interest == Decimal("0.5")


def test_the_newest_state_of_an_overlay_is_kept() -> None:
    """A restart goes on with the peaks and rests of the last row."""
    market = Market("BTC", SPOT, "BTC-USDT")
    old = OverlayState(book=Book(legs={market: Leg(Decimal(1), Decimal(-100))}))
    new = replace(
        old,
        peaks={ALL: Decimal("7.5")},
        peak_equity=Decimal(1007),
        closing={"BTC": "lost too much"},
        resting={ALL: START + timedelta(hours=3)},
    )
    said = [
        Noted(topic=KEPT, text="state", inputs=inputs_of("mine", state))
        for state in (old, new)
    ]
    assert recall(rows(*said)).overlays == {"mine": new}
