"""A loan whose answer was lost is booked as ours, not as nobody's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS, isolated_account
from bot.domain.events import Cause
from bot.domain.intents import Approved, Borrow, Intent, Repay
from bot.domain.orders import Outcome
from connectors.kucoin.books import Names, borrow_row, repay_row
from connectors.kucoin.money_requests import MoneyRequests
from connectors.kucoin.parse.loans import LoanRecord
from connectors.kucoin.pre_images import PreImage

D = Decimal
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPAY = Repay(account=MARGIN_CROSS, coin="USDT", amount=D(40))
ROW = LoanRecord(
    order_no="n1",
    pair=None,
    coin="USDT",
    requested=D(40),
    done_amount=D(40),
    principal=D(39),
    interest=D(1),
    outcome=Outcome.DONE,
    at=AT + timedelta(seconds=1),
)
IMAGE = PreImage(at=AT, amount=D(100), seen=frozenset({"old"}))


def asked(intent: Intent, number: int = 1) -> Approved:
    """A request of ours."""
    return Approved(
        intent_id=f"g1-i{number:07d}", owner="guard", intent=intent, reason="a test"
    )


def requests(*intents: Intent) -> MoneyRequests:
    """Some requests without an answer."""
    found = MoneyRequests()
    for number, intent in enumerate(intents, 1):
        found.keep(asked(intent, number), IMAGE)
    return found


def names(of: MoneyRequests) -> Names:
    """What rows mean when no number is known."""
    return Names(intent_of=lambda _: None, mark_of=lambda _: None, loan_of=of.claim)


def test_the_booking_names_the_request() -> None:
    """A repayment and a loan that were asked for and have no number yet."""
    repaid = repay_row(MARGIN_CROSS, ROW, names(requests(REPAY)))
    assert repaid is not None
    assert [b.intent_id for b in repaid.bookings] == ["g1-i0000001"]
    borrow = Borrow(account=MARGIN_CROSS, coin="USDT", amount=D(40))
    lent = borrow_row(MARGIN_CROSS, ROW, names(requests(borrow)))
    assert lent is not None
    assert [b.intent_id for b in lent.bookings] == ["g1-i0000001"]


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, order_no="old"),
        replace(ROW, requested=D(41)),
        replace(ROW, coin="BTC"),
        replace(ROW, pair="BTC-USDT"),
        replace(ROW, at=AT - timedelta(seconds=31)),
    ],
)
def test_a_row_that_is_not_what_was_asked_for_is_nobodys(row: LoanRecord) -> None:
    """Seen before, another amount, coin or pair, or too old."""
    assert requests(REPAY).claim(Cause.REPAY, MARGIN_CROSS, row) is None


def test_what_could_be_two_requests_is_claimed_by_none() -> None:
    """Two open requests for the same: nobody guesses."""
    assert requests(REPAY, REPAY).claim(Cause.REPAY, MARGIN_CROSS, ROW) is None


def test_a_proven_request_claims_nothing_more() -> None:
    """Its number is known by then."""
    found = requests(REPAY)
    found.drop("g1-i0000001")
    assert found.claim(Cause.REPAY, MARGIN_CROSS, ROW) is None


def test_other_accounts_claim_nothing() -> None:
    """The same coin in an isolated pair is another loan."""
    pair = isolated_account("BTC-USDT")
    assert requests(REPAY).claim(Cause.REPAY, pair, ROW) is None


def test_a_restart_claims_what_was_left_open() -> None:
    """With the pre-image of the journal; without one it had not left."""
    one, other = asked(REPAY), asked(REPAY, 2)
    found = MoneyRequests()
    found.recover([one, other], {one.intent_id: IMAGE.noted(one.intent_id, REPAY)})
    assert found.claim(Cause.REPAY, MARGIN_CROSS, ROW) == one.intent_id
