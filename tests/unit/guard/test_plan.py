"""Worked examples of plans: which levers, how much, and what is left alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    AccountId,
    MarginMode,
    isolated_account,
)
from bot.domain.events import AccountStatus, BorrowRateQuoted
from bot.domain.intents import AdjustMargin, Borrow, Intent, PlaceOrder, Transfer
from bot.guard.limits import Thresholds
from bot.guard.plan import Plan, Surroundings, make_plan
from bot.guard.plan_rows import factors_of
from bot.risk.measure import measure_subject
from bot.risk.stress_set import stress_set
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    LIMITS,
    START,
    THRESHOLDS,
    cross_long,
    position,
    shadow_of,
    verdict_on,
)
from tests.unit.venue.builders import opening

PAIR = isolated_account("BTC-USDT")


def planned(
    shadow: Shadow, subject: str = MARGIN_CROSS, around: Surroundings | None = None
) -> Plan:
    """The plan of a subject that has one."""
    plan = make_plan(shadow, verdict_on(shadow, subject), LIMITS, around)
    assert plan is not None
    return plan


def intents(plan: Plan) -> list[Intent]:
    """Every request of a plan in order."""
    return [intent for step in plan.steps for intent in step.intents]


def lending(shadow: Shadow, rate: str = "0.11") -> Shadow:
    """The account where USDT can be borrowed."""
    quoted = BorrowRateQuoted(at=START, coin="USDT", annual_rate=Decimal(rate))
    return replace(shadow, borrow={"USDT": quoted})


def carry(wallet: str, owed: str = "0", lots: int = -1000) -> Shadow:
    """One coin in margin against a short perpetual."""
    account = opening(
        {"margin_cross": {"BTC": "1"}, "futures": {"USDT": wallet}},
        debts={"margin_cross": {"USDT": owed}},
        positions=[position(lots)],
    )
    return lending(shadow_of(account))


@dataclass(frozen=True)
class Forecast:
    """Odds that fall with the distance, by a table of steps."""

    steps: Mapping[str, float]

    def at(self, subject: str, distance: Decimal) -> float | None:
        """The probability of the first step that the distance is under."""
        for limit, probability in self.steps.items():
            if distance < Decimal(limit):
                return probability
        return 0.0


def test_a_loan_is_dearer_than_nothing_and_cheaper_than_a_sale() -> None:
    """With an unencumbered coin in margin USDT is borrowed and moved to futures."""
    plan = planned(carry("5000"), "futures:USDT")
    (borrow, move) = intents(plan)
    assert isinstance(borrow, Borrow)
    assert isinstance(move, Transfer)
    assert borrow.amount == move.amount
    assert plan.is_reached
    day = borrow.amount * Decimal("0.11") / 365
    assert abs(plan.cost.interest - day) < Decimal("0.01")
    margin = plan.steps[0].after[MARGIN_CROSS]
    assert margin.distance is None or margin.distance >= Decimal("0.2")


def test_a_loan_is_held_to_what_the_margin_account_keeps() -> None:
    """What is owed already limits the loan; the pair is closed for the rest."""
    plan = planned(carry("4000", owed="27000"), "futures:USDT")
    assert plan.is_reached
    trades = [i for i in intents(plan) if isinstance(i, PlaceOrder)]
    assert {order.account for order in trades} == {FUTURES, MARGIN_CROSS}
    last = {m.subject: m for step in plan.steps for m in step.after.values()}
    assert (last[MARGIN_CROSS].ratio or 0) <= Decimal("0.6")


def test_nothing_is_taken_from_an_account_in_trouble() -> None:
    """A margin account that the exchange warns lends and gives nothing."""
    shadow = carry("5000")
    shadow = replace(shadow, statuses={(MARGIN_CROSS, ""): AccountStatus.WARNED})
    moved = intents(planned(shadow, "futures:USDT"))
    assert not any(isinstance(i, Borrow | Transfer) for i in moved)


def test_one_isolated_pair_gives_to_another_account() -> None:
    """Coins of a pair without debt help cross margin before anything is sold."""
    account = opening(
        {"margin_cross": {"BTC": "1"}, PAIR: {"USDT": "20000"}},
        debts={"margin_cross": {"USDT": "40000"}},
    )
    plan = planned(shadow_of(account))
    move = intents(plan)[0]
    assert isinstance(move, Transfer)
    assert (move.source, move.target) == (AccountId(PAIR), MARGIN_CROSS)
    assert plan.cost.total == 0
    assert plan.is_reached


def test_isolated_margin_that_is_not_needed_comes_back() -> None:
    """A short with too much margin of its own helps the cross long beside it."""
    lone = position(-100, mode=MarginMode.ISOLATED, margin="9000")
    shadow = shadow_of(opening({"futures": {"USDT": "9500"}}, positions=[lone]))
    contract = replace(
        shadow.rules.contracts["XBTUSDTM"], symbol="ETHUSDTM", base="ETH"
    )
    contracts = {**shadow.rules.contracts, "ETHUSDTM": contract}
    cross = replace(position(100), symbol="ETHUSDTM")
    shadow = replace(
        shadow,
        rules=replace(shadow.rules, contracts=contracts),
        positions={**shadow.positions, cross.key: cross},
        futures_marks={**shadow.futures_marks, "ETHUSDTM": Decimal(50000)},
    )
    plan = planned(shadow, "futures:USDT")
    back = intents(plan)[0]
    assert isinstance(back, AdjustMargin)
    assert back.amount < 0
    assert plan.is_reached
    assert plan.cost.total == 0


def test_odds_push_a_plan_beyond_its_target_when_that_is_cheaper() -> None:
    """A likely liquidation costs more than the coins of the reserve that avoid it."""
    shadow = cross_long(main={"USDT": "30000"})
    near = planned(shadow)
    far = planned(
        shadow, around=Surroundings(odds=Forecast({"0.3": 0.2, "0.35": 0.001}))
    )
    assert near.after is not None
    assert far.after is not None
    assert (far.after.distance or 0) > (near.after.distance or 0)
    assert far.probability is not None
    assert far.probability <= 0.01
    assert far.is_reached


def test_no_plan_further_away_is_made_where_it_cannot_pay() -> None:
    """A liquidation that costs less than a cent on average is worth no other plan."""
    asked: list[Decimal] = []

    @dataclass(frozen=True)
    class Counting:
        def at(self, subject: str, distance: Decimal) -> float | None:
            asked.append(distance)
            return 1e-9

    plan = planned(cross_long(), around=Surroundings(odds=Counting()))
    assert len(asked) == 1
    assert intents(plan) == intents(planned(cross_long()))


def test_the_search_ends_at_the_first_plan_that_is_no_better() -> None:
    """Odds that do not fall pay for no distance: one plan further is enough to see."""
    asked: list[Decimal] = []

    @dataclass(frozen=True)
    class Flat:
        def at(self, subject: str, distance: Decimal) -> float | None:
            asked.append(distance)
            return 0.009

    plan = planned(cross_long(), around=Surroundings(odds=Flat()))
    assert plan.is_reached
    assert plan.cost.liquidation > 1
    assert asked[0] < asked[1]
    assert len(asked) == 2
    assert intents(plan) == intents(planned(cross_long()))


def test_unknown_odds_leave_the_distances_alone() -> None:
    """Where nobody knows the probability the plan is the one without odds."""

    @dataclass(frozen=True)
    class Silent:
        def at(self, subject: str, distance: Decimal) -> float | None:
            return None

    plan = planned(cross_long(), around=Surroundings(odds=Silent()))
    assert intents(plan) == intents(planned(cross_long()))
    assert plan.cost.liquidation == 0


def test_odds_that_cannot_be_met_are_said() -> None:
    """A plan that stays too likely to be liquidated does not claim to reach."""
    plan = planned(cross_long(), around=Surroundings(odds=Forecast({"9": 0.5})))
    assert not plan.is_reached
    assert plan.cost.liquidation > 0
    assert plan.steps


def test_a_plan_that_cannot_reach_gets_as_far_as_it_can() -> None:
    """Only what may be traded is traded, and what lacks is said."""
    account = opening(
        {"margin_cross": {"BTC": "1"}, "main": {"USDT": "100"}},
        debts={"margin_cross": {"USDT": "46000"}},
    )
    shadow = replace(shadow_of(account), halted=frozenset({"BTC-USDT"}))
    plan = planned(shadow)
    assert not plan.is_reached
    assert plan.shortfall_usdt > 0
    likely = planned(shadow, around=Surroundings(odds=Forecast({"9": 0.5})))
    assert intents(likely) == intents(plan)
    assert isinstance(intents(plan)[0], Transfer)
    assert intents(plan)[0] == Transfer(
        source=MAIN, target=MARGIN_CROSS, coin="USDT", amount=Decimal(100)
    )


def test_a_long_against_a_short_of_another_group_is_stressed_apart() -> None:
    """No uniform move hurts a hedge of two groups; half the target apart does."""
    assert stress_set(frozenset({"BTC", "ETH"}), Decimal("0.2")) == ()
    moves = stress_set(frozenset({"BTC", "SOL"}), Decimal("0.2"))
    first, second = (factors_of(each) for each in moves)
    assert (first["BTC"], first["SOL"]) == (0.9, 1.1)
    assert (second["BTC"], second["SOL"]) == (1.1, 0.9)


def test_an_account_without_prices_has_no_plan() -> None:
    """What is unknown is not planned with; the ladder does what can be done."""
    shadow = replace(cross_long(), margin_marks={})
    verdict = verdict_on(cross_long(), MARGIN_CROSS)
    assert make_plan(shadow, verdict, LIMITS) is None


def test_the_other_account_keeps_halfway_from_act_to_target() -> None:
    """Its own thresholds say what it can spare."""
    shadow = carry("5000")
    strict = Thresholds(
        act=Decimal("0.55"), target=Decimal("0.75"), backstop=Decimal("0.5")
    )
    plan = planned(
        shadow,
        "futures:USDT",
        Surroundings(thresholds={MARGIN_CROSS: strict, "futures:USDT": THRESHOLDS}),
    )
    done = plan.steps[-1].after.get(MARGIN_CROSS)
    kept = done or measure_subject(shadow, MARGIN_CROSS)
    assert kept is None or kept.distance is None or kept.distance >= Decimal("0.6")
