"""Laws of the stops that rest, on random accounts: they reduce, fit, settle down."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES
from bot.domain.intents import CancelStop, PlaceStop
from bot.domain.stops import stop_of
from bot.guard.admit import is_reduction
from bot.guard.judge import judge
from bot.guard.limits import GuardLimits
from bot.guard.resting import RestingRound, resting_round
from bot.guard.state import GuardState
from bot.guard.stop_safety import leg_of, reducible_qty
from bot.risk.measure import measure_subjects
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from bot.shadow.stops import resting_stops
from tests.property.guard.drawn import shadows

LIMITS = GuardLimits(resting_stops=True)


def quiet(shadow: Shadow) -> Shadow:
    """The account without anything on its way."""
    return replace(shadow, requests={}, orders={})


def rounded(shadow: Shadow) -> tuple[RestingRound | None, GuardState]:
    """One round on an account that the guard has just seen."""
    measures = measure_subjects(shadow)
    guard = judge(GuardState(), measures, LIMITS, shadow.at).state
    calm = {n: replace(s, is_acting=False) for n, s in guard.subjects.items()}
    guard = replace(guard, subjects=calm)
    return resting_round(shadow, lambda: measures, guard, LIMITS), guard


def settled(shadow: Shadow) -> Shadow:
    """The account after the exchange has done all that three rounds asked for."""
    for number in range(3):
        done, _ = rounded(shadow)
        for index, proposal in enumerate(() if done is None else done.proposals):
            intent = proposal.intent
            name = f"s{number}-{index}"
            if isinstance(intent, PlaceStop):
                assert is_reduction(shadow, intent)
                stop = stop_of(intent, shadow.at, name, f"g1-i{number}{index}")
                shadow = apply(shadow, stop)
            elif isinstance(intent, CancelStop):
                left = {k: s for k, s in shadow.stops.items() if k != intent.stop_id}
                shadow = replace(shadow, stops=left)
    return shadow


@settings(max_examples=60, deadline=None)
@given(shadows())
def test_stops_never_trade_more_than_is_there(shadow: Shadow) -> None:
    """Whatever goes off, no margin leg changes its side; futures close at most."""
    after = settled(quiet(shadow))
    for stop in resting_stops(after):
        if stop.account == FUTURES:
            held = [p for k, p in after.positions.items() if k.symbol == stop.symbol]
            assert held[0].lots * stop.side.sign < 0
            assert stop.qty <= abs(held[0].lots)
            continue
        leg = leg_of(after, stop)
        together = [s.qty for s in resting_stops(after) if leg_of(after, s) == leg]
        assert sum(together) <= reducible_qty(after, stop)


@settings(max_examples=60, deadline=None)
@given(shadows())
def test_rounds_come_to_rest(shadow: Shadow) -> None:
    """When all that was asked for is there, nothing more is asked for."""
    after = settled(quiet(shadow))
    done, _ = rounded(after)
    assert done is None or done.proposals == ()


@settings(max_examples=30, deadline=None)
@given(shadows(), st.decimals("0.1", "0.9", places=2))
def test_what_shrinks_has_its_stops_withdrawn(shadow: Shadow, share: Decimal) -> None:
    """After somebody sold, no stop of ours is left that could do more than reduce."""
    after = settled(quiet(shadow))
    coins = {
        account: {
            coin: replace(balance, total=balance.total * share)
            for coin, balance in held.items()
        }
        for account, held in after.balances.items()
    }
    less = replace(after, balances=coins, positions={})
    done, _ = rounded(less)
    proposals = () if done is None else done.proposals
    gone = {p.intent.stop_id for p in proposals if isinstance(p.intent, CancelStop)}
    for stop in resting_stops(less):
        if stop.account == FUTURES:
            assert stop.stop_id in gone
    left = replace(less, stops={k: s for k, s in less.stops.items() if k not in gone})
    for stop in resting_stops(left):
        leg = leg_of(left, stop)
        together = [s.qty for s in resting_stops(left) if leg_of(left, s) == leg]
        assert sum(together) <= reducible_qty(left, stop)
