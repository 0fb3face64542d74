"""Laws of sizing: the largest is the largest, factors reduce, cuts always pass."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT, AccountId
from bot.domain.intents import Approved, Intent, PlaceOrder, Proposal
from bot.domain.orders import Side
from bot.domain.room import Factor, Legs, RoomAsked
from bot.guard.admit import Admission, admit, is_reduction
from bot.guard.largest import Sizer, largest
from bot.guard.limits import GuardLimits, RiskLimits
from bot.guard.size_factors import Sizing
from bot.guard.size_gates import Blocked, net_values
from bot.guard.size_limits import SizingLimits
from bot.guard.size_results import (
    Results,
    advanced,
    recalled,
    results_factor,
    results_note,
    shifted,
)
from bot.guard.state import GuardState
from bot.risk.book_volatility import DayVolatility
from bot.risk.exposures import net_exposures
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.property.guard.drawn import intents, shadows
from tests.unit.strategies.bench import World, balance, position

SELDOM = settings(max_examples=25, phases=(Phase.explicit, Phase.reuse, Phase.generate))
"""Brute force tries some hundred exact accounts an example."""
ONE, ZERO = Decimal(1), Decimal(0)
START = datetime(2025, 3, 1, tzinfo=UTC)
MOST_USDT = 4_000
"""At 10 USDT a step at most 400 sizes are tried by brute force."""

scales = st.sampled_from(("1", "1", "0.9", "0.62", "0.35", "0")).map(Decimal)
reserves = st.sampled_from(("0", "0.02", "0.2", "0.5")).map(Decimal)
legs = st.sampled_from(Legs)
directions = st.sampled_from((1, -1))


def sizing(scale: Decimal, reserve: Decimal, *, is_wild: bool = False) -> Sizing:
    """Everything scaled by one factor; wild coins move a tenth a day."""
    return Sizing(
        stable_reserve=reserve,
        standing=(Factor(name="results", value=scale, reason="drawn"),),
        volatility=DayVolatility(assumed=0.1) if is_wild else None,
        target_volatility=Decimal("0.05"),
    )


def held_to(shadow: Shadow, sized: Sizing) -> Admission:
    """An account whose new risk is held to the default limits and a sizing."""
    return Admission(
        shadow=shadow,
        guard=GuardState(),
        limits=RiskLimits(mark_stale_after=timedelta(days=1)),
        guard_limits=GuardLimits(),
        day_open_equity=None,
        sizing=sized,
    )


@st.composite
def worlds(draw: st.DrawFn) -> Shadow:
    """SOL and BTC at 100: some cash, some coins, some debt, some perpetuals."""
    cash = st.sampled_from(("0", "300", "1000", "5000", "9000"))
    coins = st.integers(0, 12).map(str)
    margin = {
        "USDT": balance(draw(cash), str(draw(st.sampled_from((0, 0, 400, 900))))),
        "SOL": balance(draw(coins)),
        "BTC": balance(draw(coins), str(draw(st.integers(0, 2)))),
    }
    lots = draw(st.integers(-60, 60)), draw(st.integers(-6_000, 6_000))
    held = [
        position(symbol, count)
        for symbol, count in zip(("SOLUSDTM", "XBTUSDTM"), lots, strict=True)
        if count and draw(st.booleans())
    ]
    balances = {
        MAIN: {"USDT": balance(draw(cash))},
        SPOT: {"USDT": balance(draw(cash))},
        MARGIN_CROSS: margin,
        FUTURES: {"USDT": balance(draw(cash))},
    }
    world = World(balances=balances, positions=held, available="50")
    return replace(world.shadow(), is_open=True)


@st.composite
def questions(draw: st.DrawFn) -> RoomAsked:
    """A pair or a leg of SOL, in either direction."""
    direction = draw(directions)
    anywhere = (SPOT, MARGIN_CROSS) if direction > 0 else (MARGIN_CROSS,)
    return RoomAsked(
        coin="SOL",
        direction=direction,
        account=AccountId(draw(st.sampled_from(anywhere))),
        legs=draw(legs),
        most_usdt=Decimal(draw(st.sampled_from((200, 1_000, MOST_USDT)))),
    )


def brute_force(sizer: Sizer, found: int) -> int:
    """The largest count that passes and all smaller ones too, every count tried.

    A short's proceeds fill the reserve, so that a larger one may pass where a smaller
    does not: behind such a gap nobody has to look, but what is found there passes.
    """
    cap = min(each.steps for each in sizer.caps())
    passes = [sizer.objection(n) is None for n in range(cap + 1)]
    before_gap = passes.index(False) - 1 if False in passes else cap
    return found if found > before_gap and passes[found] else before_gap


@SELDOM
@given(worlds(), questions(), scales, reserves, st.booleans())
def test_the_largest_is_the_largest(
    shadow: Shadow, asked: RoomAsked, scale: Decimal, reserve: Decimal, is_wild: bool
) -> None:
    """It equals brute force; one step more is stopped by the limit that is named."""
    admission = held_to(shadow, sizing(scale, reserve, is_wild=is_wild))
    sizer = Sizer.of(admission, asked)
    assert isinstance(sizer, Sizer)
    room = largest(admission, asked)
    count = brute_force(sizer, int(room.coins / sizer.step))
    if count < sizer.least_steps:
        assert room.coins == 0
        return
    assert room.coins == count * sizer.step
    after = sizer.objection(count + 1)
    caps = {each.limit for each in sizer.caps() if each.steps == count}
    assert room.limit in (caps if after is None else caps | {after.limit})


@SELDOM
@given(worlds(), questions(), scales, st.booleans())
def test_admission_approves_every_leg_of_the_largest(
    shadow: Shadow, asked: RoomAsked, scale: Decimal, is_wild: bool
) -> None:
    """A strategy that asks for the room is refused nothing, one leg after the other."""
    admission = held_to(shadow, sizing(scale, Decimal("0.02"), is_wild=is_wild))
    sizer, room = Sizer.of(admission, asked), largest(admission, asked)
    assert isinstance(sizer, Sizer)
    for intent in sizer.intents(int(room.coins / sizer.step)) if room.coins else ():
        assert isinstance(told(admission, intent), Approved)
        admission = replace(admission, shadow=project(admission.shadow, intent))


def told(admission: Admission, intent: Intent) -> object:
    """What admission says of an intent of a strategy."""
    proposal = Proposal(owner="carry", intent=intent, reason="law", inputs={})
    return admit(admission, proposal, "g1-i0000001")


@SELDOM
@given(worlds(), questions(), scales, scales, reserves)
def test_less_scale_never_gives_more_room(
    shadow: Shadow, asked: RoomAsked, one: Decimal, other: Decimal, reserve: Decimal
) -> None:
    """The room grows with the scale and shrinks with the reserve."""
    low, high = sorted((one, other))
    small = largest(held_to(shadow, sizing(low, reserve)), asked)
    large = largest(held_to(shadow, sizing(high, reserve)), asked)
    free = largest(held_to(shadow, sizing(high, ZERO)), asked)
    assert small.coins <= large.coins <= free.coins


@given(shadows(), intents)
def test_no_scale_refuses_a_reduction(shadow: Shadow, intent: Intent) -> None:
    """With a scale of nothing and all equity held back a reduction is approved."""
    admission = held_to(shadow, sizing(ZERO, Decimal("0.9")))
    if is_reduction(shadow, intent):
        assert isinstance(told(admission, intent), Approved)


@SELDOM
@given(worlds(), st.integers(1, 60), st.sampled_from(Side))
def test_no_scale_refuses_a_hedge(shadow: Shadow, lots: int, side: Side) -> None:
    """An order that lowers the net exposure is judged as if there were no scale."""
    hedge = PlaceOrder(
        account=FUTURES,
        symbol="SOLUSDTM",
        side=side,
        qty=Decimal(lots),
        leverage=Decimal(3),
    )
    before, after = (
        sum(abs(value) for value in net_values(each).values())
        for each in (shadow, project(shadow, hedge))
    )
    if after >= before:
        return
    free, tight = (
        type(told(held_to(shadow, sized), hedge))
        for sized in (Sizing(), sizing(ZERO, Decimal("0.9")))
    )
    assert free is tight


changes = st.lists(
    st.tuples(st.integers(1, 48), st.floats(0.6, 1.6)), min_size=1, max_size=60
)


@given(changes)
def test_results_stay_within_nothing_and_all(moves: list[tuple[int, float]]) -> None:
    """Whatever the equity does, the scale is a fraction and gains never count early."""
    at, equity, results = START, Decimal(1000), Results()
    for hours, times in moves:
        at += timedelta(hours=hours)
        equity = (equity * Decimal(repr(times))).quantize(Decimal("0.01")) + 1
        before = results
        results = advanced(results, at, equity, SizingLimits())
        assert ZERO <= results.scale <= ONE
        assert ZERO <= results_factor(results).value <= ONE
        assert results.credited is not None
        if before.credited is not None:
            assert before.credited <= results.credited
            assert results.credited <= max(before.credited, equity)
        assert results.scale <= before.scale + SizingLimits().raise_per_day / 24


@given(changes)
def test_results_come_back_from_their_row(moves: list[tuple[int, float]]) -> None:
    """What a row keeps is the state, digit by digit, so a restart goes on with it."""
    at, equity, results = START, Decimal(1000), Results()
    for hours, times in moves:
        at += timedelta(hours=hours)
        equity = equity * Decimal(repr(times)) + 1
        results = advanced(results, at, equity, SizingLimits())
        results = shifted(results, equity, Decimal(hours))
        equity += hours
        assert recalled(results_note(results, equity).inputs) == results


def test_nothing_is_asked_of_an_unknown_coin() -> None:
    """A coin without rules or without a price has no room, and the reason is said."""
    admission = held_to(World().shadow(), Sizing())
    strange = RoomAsked(coin="NEW", direction=1, account=SPOT)
    assert isinstance(Sizer.of(admission, strange), Blocked)
    assert largest(admission, strange).limit == "rules"
    unmarked = replace(World().shadow(), margin_marks={})
    known = RoomAsked(coin="SOL", direction=1, account=SPOT)
    assert largest(held_to(unmarked, Sizing()), known).limit == "marks"
    assert not any(net_exposures(unmarked).values())
