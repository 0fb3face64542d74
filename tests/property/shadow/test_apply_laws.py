"""Laws of ``bot.shadow.apply``: whatever arrives, the shadow stays what it means."""

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import AccountId, AccountSnapshot
from bot.domain.events import Bucket, Event, LedgerBooked, OrderChanged, SnapshotTaken
from bot.domain.orders import OrderState
from bot.shadow.apply import apply
from bot.shadow.drift import compare
from bot.shadow.state import empty_shadow
from tests.draw import RULES, events, ledger_booked, order_changed, snapshots, times


@given(st.lists(events, max_size=30))
def test_every_event_is_applied_and_changes_nothing_in_place(told: list[Event]) -> None:
    """Applying facts never raises and never changes an earlier shadow."""
    shadows = [empty_shadow(RULES)]
    for event in told:
        shadows.append(apply(shadows[-1], event))
    again = empty_shadow(RULES)
    for before, event in zip(shadows, told, strict=False):
        assert before == again
        again = apply(again, event)


@given(st.lists(ledger_booked, max_size=20))
def test_balances_equal_a_naive_ledger(told: list[LedgerBooked]) -> None:
    """The sum of all postings is the balance, to the last digit."""
    naive: dict[tuple[str, str, Bucket], Decimal] = defaultdict(Decimal)
    shadow = empty_shadow(RULES)
    for event in told:
        shadow = apply(shadow, event)
        for posting in event.postings:
            naive[posting.account, posting.coin, posting.bucket] += posting.amount
    for (account, coin, bucket), amount in naive.items():
        balance = shadow.balance(AccountId(account), coin)
        found = {
            Bucket.BALANCE: balance.total,
            Bucket.PRINCIPAL: balance.principal,
            Bucket.INTEREST: balance.interest,
        }
        assert bucket is Bucket.MARGIN or found[bucket] == amount


@given(st.lists(order_changed, min_size=1, max_size=20))
def test_a_done_order_is_never_open_again(told: list[OrderChanged]) -> None:
    """Late news of an order that is done does not list it as open again."""
    shadow = empty_shadow(RULES)
    done: set[str] = set()
    for event in told:
        shadow = apply(shadow, event)
        if event.state is not OrderState.OPEN:
            done.add(event.order_id)
        assert done.isdisjoint(shadow.orders)
        assert (event.order_id in shadow.orders) == (event.order_id not in done)


@given(st.lists(events, max_size=10), times, snapshots)
def test_after_a_snapshot_there_is_no_drift(
    told: list[Event], at: object, snapshot: AccountSnapshot
) -> None:
    """A snapshot replaces what was believed, so comparing with it finds nothing."""
    shadow = empty_shadow(RULES)
    for event in told:
        shadow = apply(shadow, event)
    shadow = apply(shadow, SnapshotTaken(at=shadow.at, snapshot=snapshot))
    assert compare(shadow, snapshot) == ()
    assert shadow.is_open


@given(st.lists(events, max_size=20))
def test_history_is_ordered(told: list[Event]) -> None:
    """Closes of a coin are kept oldest first, without a repeated time."""
    shadow = empty_shadow(RULES)
    for event in sorted(told, key=lambda e: e.at):
        shadow = apply(shadow, event)
    for rows in shadow.closes.values():
        assert all(one[0] < other[0] for one, other in pairwise(rows))
