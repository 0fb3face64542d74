"""Facts into the shadow: what nobody can explain stops new risk, and for how long."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS, SPOT, AccountSnapshot
from bot.domain.events import Cause, LedgerBooked, Posting, SnapshotTaken
from bot.domain.intents import Borrow, Proposal, Refused, Repay
from bot.engine.intake import take_in, unexplained_in
from bot.guard.admit import Admission, admit
from bot.shadow.state import Shadow
from tests.unit.guard.asking import held_to, rich
from tests.unit.venue.builders import START

_IDS = iter(f"t-{number}" for number in range(1000))


def booked(cause: Cause, amount: str = "-3") -> LedgerBooked:
    """A change of the spot account's USDT."""
    posting = Posting(account=SPOT, coin="USDT", amount=Decimal(amount))
    return LedgerBooked(at=START, entry_id=next(_IDS), cause=cause, postings=(posting,))


def stated(shadow: Shadow) -> SnapshotTaken:
    """The exchange states just what the shadow has."""
    snapshot = AccountSnapshot(
        balances=shadow.balances,
        positions=shadow.positions,
        margin_leverage=shadow.margin_leverage,
    )
    return SnapshotTaken(at=shadow.at, snapshot=snapshot)


def test_a_change_without_a_reason_stops_new_risk_even_beside_a_clean_snapshot() -> (
    None
):
    """That snapshot agrees because the change was booked; it proves nothing."""
    before = rich()
    moved, _ = take_in(before, (booked(Cause.ADJUSTMENT),), lambda: next(_IDS))
    both = (booked(Cause.ADJUSTMENT, "0"), stated(moved))
    after, _ = take_in(moved, both, lambda: next(_IDS))
    assert after.unexplained


def test_a_later_clean_snapshot_lets_new_risk_pass_again() -> None:
    """The next look at everything that finds no difference ends it."""
    moved, _ = take_in(rich(), (booked(Cause.ADJUSTMENT),), lambda: next(_IDS))
    after, _ = take_in(moved, (stated(moved),), lambda: next(_IDS))
    assert after.unexplained == ()


def test_a_reason_is_an_explanation() -> None:
    """A transfer, a trade or a fee stops nothing."""
    for cause in (Cause.TRANSFER, Cause.TRADE, Cause.FEE, Cause.INTEREST):
        after, _ = take_in(rich(), (booked(cause),), lambda: next(_IDS))
        assert after.unexplained == ()


def test_new_risk_is_refused_and_a_repayment_is_not() -> None:
    """While something is unexplained only reductions pass."""
    shadow, _ = take_in(rich(), (booked(Cause.ADJUSTMENT),), lambda: next(_IDS))
    held: Admission = replace(held_to(shadow), shadow=shadow)
    borrow = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1))
    said = admit(held, Proposal(owner="t", intent=borrow, reason="t"), "i-1")
    assert isinstance(said, Refused)
    assert "without a row that says why" in said.reason
    repay = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1))
    passed = admit(held, Proposal(owner="t", intent=repay, reason="t"), "i-2")
    assert not isinstance(passed, Refused)


def test_the_sentences_name_account_coin_and_amount() -> None:
    """A person can look it up at the exchange."""
    (sentence,) = unexplained_in((booked(Cause.ADJUSTMENT),))
    assert sentence == "spot balance changed by -3 USDT without a row that says why"
