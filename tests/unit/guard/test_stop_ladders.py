"""Ladders of stops: how many rungs, how large, at which prices, of how many legs."""

from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES, MARGIN_CROSS, Position
from bot.domain.events import MarksTicked, SnapshotTaken
from bot.domain.instruments import Lots
from bot.domain.intents import CancelStop, PlaceOrder, PlaceStop
from bot.domain.orders import Side
from bot.guard.judge import judge
from bot.guard.resting import resting_round
from bot.guard.resting_ladder import (
    MOST_RUNGS,
    LegCut,
    rung_count,
    rung_distance,
    rungs_of,
)
from bot.guard.resting_plan import wanted_stops
from bot.guard.resting_wanted import MOST_FUTURES_STOPS, Wanted, WantedStop
from bot.guard.state import GuardState
from bot.risk.measure import measure_subject, measure_subjects
from bot.shadow.apply import apply
from bot.shadow.project import project
from bot.shadow.state import Shadow, empty_shadow
from tests.unit.guard.bench import (
    START,
    depth,
    later,
    marked,
    position,
    shadow_of,
)
from tests.unit.guard.test_resting import (
    LIMITS,
    LONG,
    PAIR,
    PERP,
    SHORT,
    _order,
    asked,
    guarded,
    intents,
    keeping,
    rested,
    wanted,
)
from tests.unit.venue.builders import opening, rules

HUNDREDS = st.integers(1, 400).map(lambda n: Decimal(n) / 100)


def thin(shadow: Shadow, volume: str) -> Shadow:
    """The account on books that trade so many coins a minute."""
    for symbol in ("BTC-USDT", "XBTUSDTM"):
        shadow = depth(shadow, symbol, volume)
    return shadow


def legs_of(stops: tuple[WantedStop, ...]) -> dict[object, list[WantedStop]]:
    """The rungs of each leg, deepest first."""
    found: dict[object, list[WantedStop]] = {}
    for stop in sorted(stops, key=lambda s: s.rung):
        found.setdefault(stop.key, []).append(stop)
    return found


@pytest.mark.parametrize(
    ("volume", "rungs"), [("100", 1), ("8.1", 1), ("8", 2), ("3", 3), ("1", 5)]
)
def test_a_cut_has_as_many_rungs_as_minutes_of_its_book(
    volume: str, rungs: int
) -> None:
    """807 lots against 10 % of so many coins a minute, a lot being 0.001 BTC."""
    found = wanted(thin(PERP, volume))
    assert len(found) == rungs
    assert sum(w.intent.qty for w in found) == 807


@pytest.mark.parametrize("shadow", [LONG, PERP, SHORT, PAIR])
@given(volume=HUNDREDS)
def test_the_rungs_of_a_leg_are_its_cut_and_no_more(
    shadow: Shadow, volume: Decimal
) -> None:
    """Together they trade what the single stop would, on the same side of the mark."""
    single = {w.key: w.intent.qty for w in wanted(thin(shadow, "1000000"))}
    ladders = legs_of(wanted(thin(shadow, f"{volume}")))
    assert {k: sum(w.intent.qty for w in v) for k, v in ladders.items()} == single
    assert all(1 <= len(rungs) <= MOST_RUNGS for rungs in ladders.values())


@pytest.mark.parametrize("shadow", [LONG, PERP, SHORT, PAIR])
@given(volume=HUNDREDS)
def test_where_five_minutes_are_enough_a_rung_fits_into_one(
    shadow: Shadow, volume: Decimal
) -> None:
    """No rung asks for more than its book gives in a minute, unless all five do."""
    for rungs in legs_of(wanted(thin(shadow, f"{volume}"))).values():
        lot = Decimal("0.001") if rungs[0].intent.account == FUTURES else Decimal(1)
        total = sum((w.intent.qty for w in rungs), Decimal(0)) * lot
        if total <= MOST_RUNGS * volume / 10:
            step = lot if lot < 1 else Decimal("0.00001")
            assert all(w.intent.qty * lot <= volume / 10 + step for w in rungs)


@pytest.mark.parametrize("shadow", [LONG, PERP, SHORT, PAIR])
@pytest.mark.parametrize("volume", ["0.5", "3"])
def test_each_rung_goes_off_after_the_guard_and_before_the_end(
    shadow: Shadow, volume: str
) -> None:
    """At its price the account stands between the single stop's distance and 0.75 act.

    With all of its side filled there, it is at its target.
    """
    found = wanted(thin(shadow, volume))
    for want in found:
        if want.partner_of is not None:
            continue
        price = f"{50000 * (1 + want.move):f}"
        there = marked(shadow, {"BTC": price, "ETH": "2500"}, 1)
        before = measure_subject(there, want.subject)
        assert before is not None
        assert before.distance is not None
        assert Decimal("0.0449") < before.distance < Decimal("0.1126")
        if want.rung == 0:
            after = there
            for each in found:
                if each.intent.is_up is want.intent.is_up:
                    after = project(after, _order(each.intent))
            done = measure_subject(after, want.subject)
            assert done is None or done.distance is None or done.distance >= 0.24


def test_a_higher_rung_goes_off_first() -> None:
    """Prices are strictly graded; the steps are wider than a stop's own drift."""
    for rungs in legs_of(wanted(thin(PAIR, "0.5"))).values():
        moves = [abs(w.move) for w in rungs]
        assert moves == sorted(moves, reverse=True)
        prices = [w.intent.stop_price for w in rungs]
        for one, other in pairwise(prices):
            assert abs(one - other) > Decimal("0.01") * other


def test_both_legs_of_a_pair_have_the_same_rungs() -> None:
    """Each rung of the spot leg has one of the perpetual at its price, equal coins."""
    shadow = depth(depth(PAIR, "BTC-USDT", "3"), "XBTUSDTM", "1000")
    found = wanted(shadow)
    firsts = {w.name: w for w in found if w.partner_of is None}
    others = [w for w in found if w.partner_of is not None]
    assert len(firsts) == len(others) == 6
    for other in others:
        assert other.partner_of is not None
        first = firsts[other.partner_of]
        coins = sorted((first.intent.qty, other.intent.qty))
        assert abs(coins[0] - coins[1] / 1000) <= Decimal("0.002")
        assert abs(first.intent.stop_price - other.intent.stop_price) <= Decimal("0.1")


def test_a_rung_is_never_nearer_than_the_market() -> None:
    """An account at 10 % has its first rung at 9 %, not where it stands already."""
    distances = [
        rung_distance(Decimal("0.15"), Decimal("0.045"), n, Decimal("0.1"))
        for n in range(MOST_RUNGS)
    ]
    assert distances == sorted(distances)
    assert distances[0] == Decimal("0.045")
    assert distances[-1] == Decimal("0.09")
    near = rung_distance(Decimal("0.15"), Decimal("0.045"), 3, Decimal("0.046"))
    assert near == Decimal("0.045")


def test_a_part_that_is_too_small_to_trade_is_not_made() -> None:
    """Three lots are at most three rungs; a least order of spot is one."""
    lots = LegCut(
        order=PlaceOrder(
            account=FUTURES, symbol="XBTUSDTM", side=Side.SELL, qty=Decimal(3)
        ),
        other=None,
        coin="BTC",
    )
    assert [c.order.qty for c in rungs_of(PERP, lots, 5)] == [1, 1, 1]
    dust = LegCut(
        order=PlaceOrder(
            account=MARGIN_CROSS,
            symbol="BTC-USDT",
            side=Side.SELL,
            qty=Decimal("0.00003"),
        ),
        other=None,
        coin="BTC",
    )
    assert rungs_of(LONG, dust, 5) == (dust,)


def test_a_position_larger_than_one_order_is_cut_whole() -> None:
    """Over 800 lots where an order takes 300: three rungs that sum up."""
    contract = replace(PERP.rules.contracts["XBTUSDTM"], max_order_lots=300)
    small = replace(PERP.rules, contracts={"XBTUSDTM": contract})
    found = wanted(replace(PERP, rules=small))
    assert sum(w.intent.qty for w in found) > 800
    assert all(w.intent.qty <= 300 for w in found)


def test_an_unknown_book_is_one_rung() -> None:
    """No depth was told: the stop rests whole, and is not left out."""
    (want,) = wanted(PERP)
    cut = LegCut(order=_order(want.intent), other=None, coin="BTC")
    assert rung_count(PERP, cut, LIMITS) == 1


def test_a_ladder_that_rests_as_wanted_is_left_alone() -> None:
    """Told apart by their prices, all rungs fit, and nothing is asked for."""
    shadow, guard = keeping(thin(PAIR, "3"))
    assert len(shadow.stops) == 12
    assert asked(later(shadow, 400), guard) == ()


def test_the_rung_that_is_missing_is_asked_for_alone() -> None:
    """One went off and was filled in part, or a person withdrew it: it comes back."""
    shadow, guard = keeping(thin(PERP, "3"))
    assert len(shadow.stops) == 3
    gone = dict(shadow.stops)
    lost = gone.pop("s1")
    left = later(replace(shadow, stops=gone), 60)
    (again,) = intents(asked(left, guard))
    assert isinstance(again, PlaceStop)
    assert (again.qty, again.stop_price) == (lost.qty, lost.stop_price)


def test_what_a_part_filled_stop_has_left_is_asked_for_again() -> None:
    """A smaller position and no stop: a ladder over the rest, never more than it."""
    shadow, guard = keeping(thin(PERP, "3"))
    left = replace(
        shadow,
        at=later(shadow, 60).at,
        stops={},
        positions=shadow_of(
            opening({"futures": {"USDT": "9000"}}, positions=[position(700)])
        ).positions,
    )
    found = [i for i in intents(asked(left, guard)) if isinstance(i, PlaceStop)]
    assert found
    assert sum(i.qty for i in found) <= 700


def test_a_margin_ladder_is_moved_one_old_rung_before_its_new_one() -> None:
    """Nothing there reduces only: what is off goes first, then the rest comes."""
    shadow, guard = keeping(thin(LONG, "3"))
    coins = dict(shadow.balances[MARGIN_CROSS])
    coins["USDT"] = replace(coins["USDT"], principal=Decimal(35000))
    deeper = later(
        replace(shadow, balances={**shadow.balances, MARGIN_CROSS: coins}), 400
    )
    due = intents(asked(deeper, guard))
    assert due
    assert {type(intent) for intent in due} == {CancelStop}


@given(volume=HUNDREDS, more=st.integers(0, 1500))
def test_margin_stops_together_never_sell_more_than_is_there(
    volume: Decimal, more: int
) -> None:
    """Whatever the book and the debt: all rungs below the mark fit into the coins."""
    account = opening(
        {"margin_cross": {"BTC": "1"}},
        debts={"margin_cross": {"USDT": f"{32000 + more}"}},
    )
    shadow = thin(shadow_of(account), f"{volume}")
    for _ in range(6):
        found = [i for i in intents(asked(shadow)) if isinstance(i, PlaceStop)]
        shadow = rested(shadow, *found, owner=f"g{len(shadow.stops)}-i")
    for is_up in (False, True):
        sales = [s.qty for s in shadow.stops.values() if s.is_up is is_up]
        assert sum(sales) <= 1


# -- many legs --------------------------------------------------------------


def crowd(count: int, volume: str | None = None) -> Shadow:
    """So many perpetuals of one size each, in one account."""
    own = rules()
    base = own.contracts["XBTUSDTM"]
    contracts = {
        f"C{n:02}USDTM": replace(base, symbol=f"C{n:02}USDTM", base=f"C{n:02}")
        for n in range(count)
    }
    held = [
        Position(
            symbol=symbol,
            lots=Lots(100 + n),
            entry_value=Decimal(100 + n) * 50,
            leverage=Decimal(5),
        )
        for n, symbol in enumerate(contracts)
    ]
    money = str(sum(p.entry_value for p in held) * Decimal("0.3"))
    own = replace(own, contracts=contracts)
    told = SnapshotTaken(
        at=START, snapshot=opening({"futures": {"USDT": money}}, positions=held)
    )
    marks = MarksTicked(
        at=START,
        margin_marks={},
        futures_marks=dict.fromkeys(contracts, Decimal(50000)),
    )
    shadow = apply(apply(empty_shadow(own), told), marks)
    for symbol in contracts:
        shadow = shadow if volume is None else depth(shadow, symbol, volume)
    return shadow


def plan(shadow: Shadow) -> Wanted:
    """What should rest, and what is said of it."""
    known = dict(guarded(shadow).subjects)
    return wanted_stops(shadow, measure_subjects(shadow), known, LIMITS)


def test_forty_legs_are_all_protected() -> None:
    """More than two dozen: the cut reaches the target, largest positions first."""
    shadow = crowd(40)
    found = plan(shadow)
    assert found.short == ()
    assert len(found.stops) > 24
    after = marked_all(shadow, found.stops[0].move)
    for stop in found.stops:
        after = project(after, _order(stop.intent))
    done = measure_subject(after, "futures:USDT")
    assert done is None or done.distance is None or done.distance >= Decimal("0.25")


def marked_all(shadow: Shadow, move: Decimal) -> Shadow:
    """The account after a move of all contracts."""
    marks = {name: mark * (1 + move) for name, mark in shadow.futures_marks.items()}
    return replace(shadow, futures_marks=marks)


def test_ladders_get_shorter_before_a_leg_is_left_out() -> None:
    """Forty thin books: shorter ladders, and every leg keeps one rung at least."""
    found = plan(crowd(40, "0.1"))
    assert len(found.stops) <= MOST_FUTURES_STOPS
    assert {s.intent.symbol for s in found.stops} == {
        s.intent.symbol for s in plan(crowd(40)).stops
    }
    assert found.short == ()


def test_a_round_asks_for_no_more_than_a_few_and_the_rest_follows() -> None:
    """Two dozen requests a round; after some rounds all of it rests."""
    shadow, guard = crowd(40), GuardState()
    guard = judge(guard, measure_subjects(shadow), LIMITS, shadow.at).state
    wanted_count = len(plan(shadow).stops)
    sizes = []
    for turn in range(4):
        now = later(shadow, 31 * turn)
        measured = partial(measure_subjects, now)
        done = resting_round(now, measured, guard, LIMITS)
        if done is None:
            continue
        guard = replace(guard, resting=done.state)
        found = [p.intent for p in done.proposals if isinstance(p.intent, PlaceStop)]
        sizes.append(len(found))
        for number, stop in enumerate(found):
            name = f"t{turn}n{number}"
            shadow = rested_as(shadow, stop, name)
    assert max(sizes) <= 24
    assert len(shadow.stops) == wanted_count


def rested_as(shadow: Shadow, stop: PlaceStop, name: str) -> Shadow:
    """The account in which one more stop rests, under a name of its own."""
    done = rested(replace(shadow, stops={}), stop, owner=name)
    (only,) = done.stops.values()
    return replace(shadow, stops={**shadow.stops, name: replace(only, stop_id=name)})
