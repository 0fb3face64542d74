"""Laws of a reconciliation, on any two accounts."""

from decimal import Decimal

from hypothesis import given

from bot.domain.accounts import AccountSnapshot
from bot.domain.entries import JOURNALED_EVENTS, Entry
from bot.domain.events import Bucket, Cause, LedgerBooked, RulesRead, SnapshotTaken
from bot.engine.core import Core, State
from bot.shadow.apply import apply
from bot.shadow.state import Shadow, empty_shadow
from tests import draw
from tests.unit.venue.builders import START

Books = dict[tuple[str, str, Bucket], Decimal]


def posted(entries: list[Entry]) -> Books:
    """The sums of all postings but margins, zeros left out."""
    found: Books = {}
    for entry in entries:
        if isinstance(entry.body, LedgerBooked):
            for each in entry.body.postings:
                if each.bucket is not Bucket.MARGIN:
                    key = (each.account, each.coin, each.bucket)
                    found[key] = found.get(key, Decimal(0)) + each.amount
    return {key: amount for key, amount in found.items() if amount}


def stated(snapshot: AccountSnapshot) -> Books:
    """The same sums as the exchange states them."""
    found: Books = {}
    for account, coins in snapshot.balances.items():
        for coin, each in coins.items():
            found[account, coin, Bucket.BALANCE] = each.total
            found[account, coin, Bucket.PRINCIPAL] = each.principal
            found[account, coin, Bucket.INTEREST] = each.interest
    return {key: amount for key, amount in found.items() if amount}


def folded(entries: list[Entry]) -> Shadow:
    """What a restart would make of the journal."""
    shadow = empty_shadow(draw.RULES)
    for entry in entries:
        if isinstance(entry.body, JOURNALED_EVENTS):
            shadow = apply(shadow, entry.body)
    return shadow


@given(draw.snapshots, draw.snapshots)
def test_after_a_reconciliation_the_books_are_the_exchange_s(
    first: AccountSnapshot, second: AccountSnapshot
) -> None:
    """Sums of postings, the shadow and a fold of the journal all say the same."""
    core = Core(is_guarding=False)
    state = State(shadow=empty_shadow(draw.RULES))
    entries: list[Entry] = []
    for account in (first, second):
        rules = RulesRead(at=START, rules=draw.RULES)
        step = core.step(state, (rules, SnapshotTaken(at=START, snapshot=account)))
        state, entries = step.state, [*entries, *step.entries]
        assert posted(entries) == stated(account)
        assert state.shadow.balances == account.balances
        assert set(state.shadow.positions) == set(account.positions)
    assert folded(entries).balances == second.balances


@given(draw.snapshots, draw.snapshots)
def test_what_is_not_explained_is_said_until_a_clean_look(
    first: AccountSnapshot, second: AccountSnapshot
) -> None:
    """No sentence without an adjustment or a position; none after a clean look."""
    core = Core(is_guarding=False)
    state = State(shadow=empty_shadow(draw.RULES))
    state = core.step(state, (SnapshotTaken(at=START, snapshot=first),)).state
    step = core.step(state, (SnapshotTaken(at=START, snapshot=second),))
    state = step.state
    adjusted = [
        e.body
        for e in step.entries
        if isinstance(e.body, LedgerBooked) and e.body.cause is Cause.ADJUSTMENT
    ]
    if state.shadow.unexplained:
        assert adjusted or first.positions != second.positions
    again = core.step(state, (SnapshotTaken(at=START, snapshot=second),))
    assert again.state.shadow.unexplained == ()
    assert [type(e.body) for e in again.entries] == [SnapshotTaken]
