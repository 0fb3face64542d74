"""Worked examples of a reconciliation: what is noted, booked, and left to explain."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    AccountSnapshot,
    Balance,
    MarginMode,
)
from bot.domain.entries import Entry, Noted
from bot.domain.events import (
    Bucket,
    Cause,
    Event,
    FeedChanged,
    HoldChanged,
    LedgerBooked,
    PositionChanged,
    Posting,
    RulesRead,
    ScheduleDue,
    SnapshotTaken,
)
from bot.domain.intents import Approved, PlaceOrder, Refused, Repay
from bot.domain.orders import Side
from bot.domain.strategy import View
from bot.engine.core import Core, State, Step
from bot.shadow.state import empty_shadow
from tests.unit.engine.steps import LONG, Asker, after, bodies, opened, ticked
from tests.unit.guard.bench import position
from tests.unit.venue.builders import START, opening, rules

OPENED_LONG = PlaceOrder(
    account=FUTURES,
    symbol="XBTUSDTM",
    side=Side.BUY,
    qty=Decimal(1),
    leverage=Decimal(1),
)
REPAID = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1))
CALM = opening(
    {
        "margin_cross": {"BTC": "1", "USDT": "20000"},
        "futures": {"USDT": "5000"},
        "main": {"USDT": "100"},
    },
    debts={"margin_cross": {"USDT": "20000"}},
)


def stated(account: AccountSnapshot, seconds: float = 1) -> SnapshotTaken:
    """The exchange's statement some seconds after the start."""
    return SnapshotTaken(at=after(seconds), snapshot=account)


def changed(account: AccountSnapshot, coin: str, **numbers: str) -> AccountSnapshot:
    """The account with other numbers of one coin in cross margin."""
    coins = dict(account.balances[MARGIN_CROSS])
    known = coins.get(coin, Balance())
    coins[coin] = replace(known, **{n: Decimal(v) for n, v in numbers.items()})
    return replace(account, balances={**account.balances, MARGIN_CROSS: coins})


def booked(step: Step) -> list[tuple[Cause, Bucket, str, Decimal]]:
    """What the step posted: cause, bucket, coin and amount."""
    return [
        (body.cause, posting.bucket, posting.coin, posting.amount)
        for body in bodies(step, LedgerBooked)
        if isinstance(body, LedgerBooked)
        for posting in body.postings
    ]


def sums(entries: list[Entry]) -> dict[tuple[str, str, Bucket], Decimal]:
    """The books that the journal's postings add up to, zeros left out."""
    found: dict[tuple[str, str, Bucket], Decimal] = {}
    for entry in entries:
        if isinstance(entry.body, LedgerBooked):
            for each in entry.body.postings:
                key = (each.account, each.coin, each.bucket)
                found[key] = found.get(key, Decimal(0)) + each.amount
    return {key: amount for key, amount in found.items() if amount}


def books(account: AccountSnapshot) -> dict[tuple[str, str, Bucket], Decimal]:
    """The same sums as the exchange states them."""
    found = {
        (name, coin, bucket): amount
        for name, coins in account.balances.items()
        for coin, each in coins.items()
        for bucket, amount in (
            (Bucket.BALANCE, each.total),
            (Bucket.PRINCIPAL, each.principal),
            (Bucket.INTEREST, each.interest),
        )
    }
    return {key: amount for key, amount in found.items() if amount}


def test_a_first_snapshot_opens_the_books() -> None:
    """Without books, the statement is the opening, margins of positions included."""
    held = position(3, mode=MarginMode.ISOLATED, margin="40")
    account = replace(LONG, positions={held.key: held})
    step = Core().step(
        State(shadow=empty_shadow(rules())),
        (RulesRead(at=START, rules=rules()), stated(account, 0)),
    )
    assert {cause for cause, *_ in booked(step)} == {Cause.OPENING}
    margin = ("futures", "USDT", Bucket.MARGIN)
    assert sums(list(step.entries)) == {**books(account), margin: Decimal(40)}
    assert bodies(step, Noted) == []
    assert step.state.shadow.unexplained == ()


def test_a_world_that_books_its_opening_is_not_booked_twice() -> None:
    """What the shadow was told before the snapshot opened it is not told again."""
    told: list[Event] = [
        LedgerBooked(
            at=START,
            entry_id=f"o-{account}-{coin}",
            cause=Cause.OPENING,
            postings=(
                Posting(account=account, coin=coin, amount=balance.total),
                Posting(
                    account=account,
                    coin=coin,
                    amount=balance.principal,
                    bucket=Bucket.PRINCIPAL,
                ),
            ),
        )
        for account, coins in LONG.balances.items()
        for coin, balance in coins.items()
    ]
    step = Core().step(
        State(shadow=empty_shadow(rules())),
        (*told, RulesRead(at=START, rules=rules()), stated(LONG, 0)),
    )
    assert sums(list(step.entries)) == books(LONG)


def test_a_snapshot_that_agrees_adds_nothing_but_itself() -> None:
    """No difference, no row."""
    core = Core()
    step = core.step(opened(core), (stated(LONG),))
    assert [type(entry.body) for entry in step.entries] == [SnapshotTaken]
    assert step.state.next_seq == opened(core).next_seq


def test_a_difference_is_noted_booked_and_not_explained() -> None:
    """0.9 BTC instead of 1: an adjustment of -0.1, and the books are the exchange's."""
    core = Core()
    state = State(shadow=empty_shadow(rules()))
    first = core.step(state, (RulesRead(at=START, rules=rules()), stated(LONG, 0)))
    account = changed(LONG, "BTC", total="0.9")
    step = core.step(first.state, (stated(account),))
    assert booked(step) == [(Cause.ADJUSTMENT, Bucket.BALANCE, "BTC", Decimal("-0.1"))]
    (note,) = bodies(step, Noted)
    assert isinstance(note, Noted)
    assert note.text == (
        "margin_cross BTC total: the shadow has 1, the exchange states 0.9"
    )
    assert sums([*first.entries, *step.entries]) == books(account)
    assert step.state.shadow.balances == account.balances
    assert step.state.shadow.unexplained == (
        "margin_cross owns -0.1 BTC more than was booked",
    )


def test_interest_that_became_principal_is_no_adjustment() -> None:
    """The exchange rolls old interest into principal: the debt is the same."""
    core = Core()
    first = changed(LONG, "USDT", principal="32990", interest="10")
    rolled = changed(LONG, "USDT", principal="33000", interest="0")
    step = core.step(opened(core, first), (stated(rolled),))
    assert booked(step) == [
        (Cause.INTEREST, Bucket.PRINCIPAL, "USDT", Decimal(10)),
        (Cause.INTEREST, Bucket.INTEREST, "USDT", Decimal(-10)),
    ]
    assert step.state.shadow.unexplained == ()


def test_positions_and_holds_are_taken_over() -> None:
    """A position that is gone, one that is new, a hold: facts, and no money."""
    core = Core()
    gone, new = position(5), position(-2, symbol="XBTUSDM")
    start = opened(core, replace(LONG, positions={gone.key: gone}))
    account = changed(LONG, "BTC", hold="0.25")
    step = core.step(start, (stated(replace(account, positions={new.key: new})),))
    moved = [b for b in bodies(step, PositionChanged) if isinstance(b, PositionChanged)]
    assert [(b.position.symbol, b.position.lots) for b in moved] == [
        ("XBTUSDM", -2),
        ("XBTUSDTM", 0),
    ]
    (hold,) = bodies(step, HoldChanged)
    assert isinstance(hold, HoldChanged)
    assert (hold.coin, hold.hold) == ("BTC", Decimal("0.25"))
    assert booked(step) == []
    assert step.state.shadow.positions == {new.key: new}
    assert len(step.state.shadow.unexplained) == 2


def test_digits_that_were_not_printed_leave_nothing_to_explain() -> None:
    """An entry value that differs in the ninth digit is taken over, and that is all."""
    core = Core()
    held = position(5)
    printed = replace(held, entry_value=held.entry_value + Decimal("0.00000001"))
    start = opened(core, replace(LONG, positions={held.key: held}))
    step = core.step(start, (stated(replace(LONG, positions={printed.key: printed})),))
    assert len(bodies(step, Noted)) == 1
    assert step.state.shadow.positions == {printed.key: printed}
    assert step.state.shadow.unexplained == ()


def test_every_booking_has_an_id_of_its_own() -> None:
    """Also over several reconciliations of one run."""
    core = Core(epoch=3)
    state, ids = opened(core), list[str]()
    for seconds, amount in ((1, "0.9"), (2, "0.8"), (3, "0.9")):
        account = changed(LONG, "BTC", total=amount)
        step = core.step(state, (stated(account, seconds),))
        state = step.state
        ids += [
            body.entry_id
            for body in bodies(step, LedgerBooked)
            if isinstance(body, LedgerBooked)
        ]
    assert len(set(ids)) == 3
    assert all(name.startswith("g3-a") for name in ids)


def asking(state: State, core: Core, *moment: Event) -> Step:
    """A step in which the strategy is asked, on fresh marks."""
    due = ScheduleDue(at=after(2), job="asker.tick", due_at=after(2))
    return core.step(core.step(state, (*moment, ticked(2, "50000"))).state, (due,))


def _both(view: View) -> list[PlaceOrder | Repay]:
    return [OPENED_LONG, REPAID]


CORE = Core(strategies=(Asker(_both),))


def test_what_is_not_explained_blocks_new_risk_until_a_clean_snapshot() -> None:
    """A reduction passes at any time."""
    drifted = changed(CALM, "BTC", total="0.99")
    blocked = asking(opened(CORE, CALM), CORE, stated(drifted))
    (refused,) = bodies(blocked, Refused)
    (passed,) = bodies(blocked, Approved)
    assert isinstance(refused, Refused)
    assert refused.reason == (
        "not explained, until a reconciliation finds no difference: "
        "margin_cross owns -0.01 BTC more than was booked"
    )
    assert isinstance(passed, Approved)
    assert passed.intent == REPAID
    state = CORE.step(opened(CORE, CALM), (stated(drifted),)).state
    clean = asking(state, CORE, stated(drifted, 2))
    assert len(bodies(clean, Approved)) == 2


def test_new_risk_waits_while_a_feed_is_silent() -> None:
    """The refusal names the feed; when it is heard again the gate is open."""
    silent = FeedChanged(
        at=after(1), feed="margin account", is_live=False, reason="no pong for 20 s"
    )
    blocked = asking(opened(CORE, CALM), CORE, silent)
    (refused,) = bodies(blocked, Refused)
    assert isinstance(refused, Refused)
    assert refused.reason == "the feed margin account is silent: no pong for 20 s"
    assert len(bodies(blocked, Approved)) == 1
    heard = replace(silent, is_live=True, reason="acknowledged")
    free = asking(opened(CORE, CALM), CORE, silent, heard)
    assert len(bodies(free, Approved)) == 2


def test_a_silence_is_journaled() -> None:
    """A reader of the journal sees when a feed fell silent and why."""
    core = Core()
    silent = FeedChanged(at=after(1), feed="marks", is_live=False, reason="closed")
    step = core.step(opened(core), (silent,))
    assert bodies(step, FeedChanged) == [silent]
    assert step.state.shadow.silent_feeds == {"marks": "closed"}
