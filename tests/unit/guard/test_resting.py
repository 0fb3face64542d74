"""Which stops rest, when they are moved, and that they can only reduce."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, PositionKey
from bot.domain.events import IntentSettled
from bot.domain.intents import CancelStop, Intent, PlaceOrder, PlaceStop, Proposal
from bot.domain.orders import IntentState, Outcome, Side, StopState
from bot.domain.stops import StopChanged, stop_of
from bot.engine.stops_word import heard
from bot.guard.admit import is_reduction
from bot.guard.flatten import flatten_round
from bot.guard.judge import judge
from bot.guard.limits import GuardLimits
from bot.guard.resting import STOPS, resting_round
from bot.guard.resting_plan import stop_move, wanted_stops
from bot.guard.resting_wanted import WantedStop
from bot.guard.state import GuardState
from bot.risk.measure import measure_subject, measure_subjects
from bot.shadow.apply import apply
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    START,
    cross_long,
    later,
    marked,
    position,
    requested,
    shadow_of,
)
from tests.unit.venue.builders import opening

LIMITS = GuardLimits(resting_stops=True)
LONG = cross_long(usdt_owed="33000")
PERP = shadow_of(opening({"futures": {"USDT": "15000"}}, positions=[position(1000)]))
SHORT = shadow_of(opening({"futures": {"USDT": "15000"}}, positions=[position(-1000)]))
PAIR = shadow_of(
    opening(
        {"margin_cross": {"BTC": "1"}, "futures": {"USDT": "18000"}},
        debts={"margin_cross": {"USDT": "33000"}},
        positions=[position(-1000)],
    )
)
OWED = shadow_of(
    opening(
        {"margin_cross": {"USDT": "80000"}, "futures": {"USDT": "18000"}},
        debts={"margin_cross": {"BTC": "1"}},
        positions=[position(1000)],
    )
)


def guarded(shadow: Shadow) -> GuardState:
    """The guard that has just seen this account."""
    measures = measure_subjects(shadow)
    return judge(GuardState(), measures, LIMITS, shadow.at).state


def wanted(shadow: Shadow) -> tuple[WantedStop, ...]:
    """The stops that should rest."""
    known = dict(guarded(shadow).subjects)
    return wanted_stops(shadow, measure_subjects(shadow), known, LIMITS).stops


def asked(shadow: Shadow, guard: GuardState | None = None) -> Sequence[Proposal]:
    """What one round asks for."""
    guard = guard or guarded(shadow)
    done = resting_round(shadow, lambda: measure_subjects(shadow), guard, LIMITS)
    return () if done is None else done.proposals


def intents(proposals: Sequence[Proposal]) -> list[Intent]:
    """What is asked for."""
    return [proposal.intent for proposal in proposals]


def rested(shadow: Shadow, *stops: PlaceStop, owner: str | None = "g1-i1") -> Shadow:
    """The shadow in which these stops rest, placed at its time."""
    for number, stop in enumerate(stops):
        intent_id = None if owner is None else f"{owner}{number}"
        shadow = apply(shadow, stop_of(stop, shadow.at, f"s{number}", intent_id))
    return shadow


def keeping(shadow: Shadow) -> tuple[Shadow, GuardState]:
    """The account with all its stops, and the guard after a round on it."""
    for _ in range(3):
        found = [i for i in intents(asked(shadow)) if isinstance(i, PlaceStop)]
        if not found:
            break
        shadow = rested(shadow, *found)
    guard = guarded(shadow)
    done = resting_round(shadow, lambda: measure_subjects(shadow), guard, LIMITS)
    assert done is not None
    assert done.proposals == ()
    return shadow, replace(guard, resting=done.state)


def test_a_debt_in_a_pegged_coin_has_its_stop_where_one_in_usdt_has() -> None:
    """1 BTC that owes 33,000 USDC is liquidated by the fall that ends it with USDT."""
    told = opening(
        {"margin_cross": {"BTC": "1"}}, debts={"margin_cross": {"USDC": "33000"}}
    )
    pegged = shadow_of(told)
    coins = {**pegged.rules.margin_coins}
    coins["USDC"] = replace(coins["USDT"], coin="USDC")
    pegged = replace(pegged, rules=replace(pegged.rules, margin_coins=coins))
    pegged = marked(pegged, {"BTC": "50000", "USDC": "1"})

    assert wanted(pegged) == wanted(LONG)
    assert wanted(pegged)


@pytest.mark.parametrize("shadow", [LONG, PERP, SHORT, PAIR, OWED])
def test_at_its_trigger_an_account_stands_at_the_stop_distance(shadow: Shadow) -> None:
    """There it is nearer than the act distance, and the cut brings it to its target."""
    for want in wanted(shadow):
        if want.partner_of is not None:
            continue
        factor = 1 + want.move
        price = f"{50000 * factor:f}"
        there = marked(shadow, {"BTC": price, "ETH": "2500"}, 1)
        before = measure_subject(there, want.subject)
        assert before is not None
        assert before.distance is not None
        assert abs(before.distance - Decimal("0.045")) < Decimal("1e-9")
        after: Shadow = there
        for each in wanted(shadow):
            if each.intent.is_up is want.intent.is_up:
                after = project(after, _order(each.intent))
        done = measure_subject(after, want.subject)
        assert done is None or done.distance is None or done.distance >= Decimal("0.24")


def _order(stop: PlaceStop) -> PlaceOrder:
    return PlaceOrder(
        account=stop.account,
        symbol=stop.symbol,
        side=stop.side,
        qty=stop.qty,
        reduce_only=stop.account == FUTURES,
        margin_mode=stop.margin_mode,
        leverage=stop.leverage,
        is_reduction=True,
    )


def test_both_legs_of_a_pair_rest_at_the_matching_price() -> None:
    """Below and above, the spot is sold and the short bought back in equal coins."""
    found = wanted(PAIR)
    for is_up in (False, True):
        legs = {w.intent.account: w.intent for w in found if w.intent.is_up is is_up}
        assert legs.keys() == {MARGIN_CROSS, FUTURES}
        spot, perp = legs[MARGIN_CROSS], legs[FUTURES]
        assert (spot.side, perp.side) == (Side.SELL, Side.BUY)
        assert abs(spot.stop_price - perp.stop_price) <= Decimal("0.1")
        assert abs(spot.qty - perp.qty * Decimal("0.001")) <= Decimal("0.001")


def test_purchases_on_both_sides_never_buy_more_than_is_owed() -> None:
    """A debt's two stops together trade no more than the debt; a sale runs dry."""
    buys = [w.intent.qty for w in wanted(OWED) if w.intent.account == MARGIN_CROSS]
    assert sum(buys) <= 1


@pytest.mark.parametrize("shadow", [LONG, PERP, SHORT, PAIR, OWED])
def test_whatever_is_asked_for_is_a_reduction(shadow: Shadow) -> None:
    """Admission lets every stop pass, one beside the other."""
    for intent in intents(asked(shadow)):
        assert isinstance(intent, PlaceStop)
        assert is_reduction(shadow, intent)
        shadow = rested(shadow, intent, owner=f"g1-i{intent.side}{intent.is_up}")


@pytest.mark.parametrize(
    ("side", "qty", "account"),
    [
        (Side.BUY, "0.5", MARGIN_CROSS),
        (Side.SELL, "1.1", MARGIN_CROSS),
        (Side.SELL, "1", FUTURES),
        (Side.BUY, "1", FUTURES),
    ],
)
def test_a_stop_that_can_add_risk_is_no_reduction(
    side: Side, qty: str, account: str
) -> None:
    """The wrong side, more than is held, a contract without a position."""
    stop = PlaceStop(
        account=MARGIN_CROSS if account == MARGIN_CROSS else FUTURES,
        symbol="BTC-USDT" if account == MARGIN_CROSS else "XBTUSDTM",
        side=side,
        qty=Decimal(qty),
        stop_price=Decimal(40000),
        is_up=False,
    )
    assert not is_reduction(LONG, stop)


def test_what_rests_as_wanted_is_left_alone() -> None:
    """A second round asks for nothing, however long the market stands still."""
    shadow, guard = keeping(PAIR)
    assert len(shadow.stops) == 4
    for seconds in (1, 60, 3600):
        calm = marked(shadow, {"BTC": "50000", "ETH": "2500"}, seconds)
        assert asked(calm, guard) == ()


def test_a_market_that_moves_alone_moves_no_stop() -> None:
    """The liquidation price of one long stays where it is, and so does its stop."""
    shadow, guard = keeping(LONG)
    fallen = marked(shadow, {"BTC": "46000", "ETH": "2500"}, 3600)
    assert asked(fallen, guard) == ()


def test_a_frontier_that_moved_is_followed_after_its_time() -> None:
    """A debt that grew brings the end nearer: the stop is replaced, old one first."""
    shadow, guard = keeping(LONG)
    coins = dict(shadow.balances[MARGIN_CROSS])
    coins["USDT"] = replace(coins["USDT"], principal=Decimal(35000))
    deeper = replace(shadow, balances={**shadow.balances, MARGIN_CROSS: coins})
    soon = later(deeper, 10)
    assert asked(soon, guard) == ()
    due = intents(asked(later(deeper, 400), guard))
    assert [type(intent) for intent in due] == [CancelStop]
    gone = apply(
        later(deeper, 400),
        replace(next(iter(shadow.stops.values())), state=StopState.CANCELLED),
    )
    done = resting_round(
        later(deeper, 400), lambda: measure_subjects(deeper), guard, LIMITS
    )
    assert done is not None
    guard = replace(guard, resting=done.state)
    placed = intents(asked(later(gone, 1), guard))
    assert [type(intent) for intent in placed] == [PlaceStop]


def test_a_futures_stop_is_replaced_before_the_old_one_goes() -> None:
    """Reduce-only lets two rest for a moment, so no moment is without one."""
    shadow, guard = keeping(PERP)
    coins = {"USDT": replace(shadow.balances[FUTURES]["USDT"], total=Decimal(12000))}
    poorer = replace(shadow, balances={**shadow.balances, FUTURES: coins})
    due = intents(asked(later(poorer, 400), guard))
    assert [type(intent) for intent in due] == [PlaceStop]
    placed = due[0]
    assert isinstance(placed, PlaceStop)
    both = apply(later(poorer, 400), stop_of(placed, poorer.at, "s9", "g1-i9"))
    left = intents(asked(both, guard))
    assert [i.stop_id for i in left if isinstance(i, CancelStop)] == ["s0"]


def test_a_stop_without_its_position_goes_at_once() -> None:
    """Whoever closed it: the next tick withdraws what is left."""
    shadow, guard = keeping(PERP)
    flat = later(replace(shadow, positions={}), 1)
    assert [type(i) for i in intents(asked(flat, guard))] == [CancelStop]


def test_a_margin_stop_that_is_larger_than_what_is_left_goes_at_once() -> None:
    """A sale by anybody leaves less than the stop would sell."""
    shadow, guard = keeping(LONG)
    coins = dict(shadow.balances[MARGIN_CROSS])
    coins["BTC"] = replace(coins["BTC"], total=Decimal("0.3"))
    sold = later(replace(shadow, balances={MARGIN_CROSS: coins}), 1)
    assert CancelStop in [type(i) for i in intents(asked(sold, guard))]


def test_foreign_stops_are_left_alone() -> None:
    """A stop that we did not place is neither withdrawn nor counted as ours."""
    stop = wanted(PERP)[0].intent
    shadow = rested(PERP, replace(stop, stop_price=Decimal(30000)), owner=None)
    assert [type(i) for i in intents(asked(shadow))] == [PlaceStop]
    flat = replace(shadow, positions={})
    assert asked(flat, guarded(PERP)) == ()


def test_nothing_is_placed_while_an_account_is_cured() -> None:
    """A cure moves everything; what rests is planned again after it."""
    guard = guarded(LONG)
    known = replace(guard.subjects["margin_cross"], is_acting=True)
    acting = replace(guard, subjects={"margin_cross": known})
    assert asked(LONG, acting) == ()


def test_a_refused_withdrawal_is_not_repeated_at_once() -> None:
    """The exchange would be asked at every tick; half a minute later it is again."""
    shadow, guard = keeping(PERP)
    flat = later(replace(shadow, positions={}), 1)
    (cancel,) = intents(asked(flat, guard))
    waiting = requested(flat, [cancel], IntentState.SENT, owner=STOPS)
    assert asked(waiting, guard) == ()
    refused = apply(
        waiting,
        IntentSettled(
            at=waiting.at,
            intent_id=next(iter(waiting.requests)),
            outcome=Outcome.REFUSED,
            reason="the stop still waits",
        ),
    )
    assert asked(later(refused, 5), guard) == ()
    assert intents(asked(later(refused, 31), guard)) == [cancel]


def test_switched_off_our_stops_are_withdrawn() -> None:
    """What an earlier start has rested goes when the setting says so; others stay."""
    shadow, _ = keeping(PAIR)
    foreign = replace(next(iter(shadow.stops.values())), stop_id="x", intent_id=None)
    shadow = replace(shadow, stops={**shadow.stops, "x": foreign})
    done = resting_round(
        shadow, lambda: measure_subjects(shadow), guarded(shadow), GuardLimits()
    )
    assert done is not None
    gone = [i.stop_id for i in intents(done.proposals) if isinstance(i, CancelStop)]
    assert gone == ["s0", "s1", "s2", "s3"]


def test_while_a_person_paused_the_stops_none_is_placed() -> None:
    """What still comes in is withdrawn; the word to go on rests them all again."""
    paused, _ = heard(guarded(PAIR), rests_stops=False)
    assert asked(PAIR, paused) == ()
    late = rested(PAIR, wanted(PAIR)[0].intent)
    for seconds in (1, 3600):
        found = intents(asked(later(late, seconds), paused))
        assert [type(i) for i in found] == [CancelStop]
    again, notes = heard(paused, rests_stops=True)
    assert [note.inputs["is_paused"] for note in notes] == ["false"]
    assert len(asked(PAIR, again)) == 4


def test_a_flat_account_has_its_stops_withdrawn_by_the_operator() -> None:
    """The last round of flatten leaves nothing that waits."""
    shadow, _ = keeping(PERP)
    flat = replace(shadow, positions={})
    found = intents(flatten_round(flat, sells_spot=False))
    assert [type(intent) for intent in found] == [CancelStop]


def test_a_refused_stop_is_not_asked_for_again_at_once() -> None:
    """The exchange said no; ten minutes later it is asked again."""
    intent = asked(PERP)[0].intent
    waiting = requested(PERP, [intent], IntentState.SENT, owner=STOPS)
    refused = apply(
        waiting,
        IntentSettled(
            at=waiting.at,
            intent_id=next(iter(waiting.requests)),
            outcome=Outcome.REFUSED,
            reason="300004",
        ),
    )
    assert asked(refused) == ()
    assert [type(i) for i in intents(asked(later(refused, 601)))] == [PlaceStop]


def test_no_move_is_wanted_where_none_is_possible() -> None:
    """Never, already nearer, and moves that nobody would live to trade."""
    distance = Decimal("0.06")
    assert stop_move(None, distance) is None
    assert stop_move(Decimal("-0.95"), distance) is None
    assert stop_move(Decimal(6), distance) is None
    assert stop_move(Decimal("0.06"), distance) is None


def test_an_unknown_account_has_a_reason_and_no_stop() -> None:
    """Without a mark there is no frontier, and nothing that rests is withdrawn."""
    shadow, _ = keeping(LONG)
    blind = later(replace(shadow, margin_marks={}), 60)
    found = wanted_stops(
        blind, measure_subjects(blind), dict(guarded(LONG).subjects), LIMITS
    )
    assert found.stops == ()
    assert "not known" in found.without[0][1]


def test_news_of_a_stop_comes_in_any_order() -> None:
    """Ended stays ended, and the answer after the push changes nothing."""
    stop = stop_of(wanted(PERP)[0].intent, START, "s1", "g1-i1")
    gone = apply(PERP, replace(stop, state=StopState.CANCELLED))
    assert apply(gone, stop).stops == {}
    first = apply(PERP, replace(stop, intent_id=None, qty=Decimal(0)))
    whole = apply(first, stop).stops["s1"]
    assert (whole.intent_id, whole.qty) == ("g1-i1", stop.qty)
    assert isinstance(whole, StopChanged)
    assert PositionKey("XBTUSDTM") in PERP.positions
