"""Announced changes: judged at the worse of now and then, and held against new risk."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, AccountId
from bot.domain.announced import Delisting, RiskChange
from bot.domain.events import MarksTicked, RulesRead
from bot.domain.intents import (
    Approved,
    Borrow,
    Intent,
    PlaceOrder,
    Refused,
    Repay,
    Transfer,
)
from bot.domain.orders import Side
from bot.guard.announced import (
    delisting_objection,
    is_announced_soon,
    judged_rules,
    measures_as_announced,
)
from bot.guard.judge import judge
from bot.guard.limits import GuardLimits
from bot.guard.state import GuardState
from bot.risk.measure import measure_subjects
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from tests.unit.guard.asking import asked, held_to
from tests.unit.guard.bench import START, position, shadow_of
from tests.unit.venue.builders import opening, rules

D = Decimal
HOUR = timedelta(hours=1)
SHORT = opening({"futures": {"USDT": "20000"}}, positions=[position(-100_000)])
"""100 BTC sold at 50,000: with m 300 the rate is a sixth higher than without size."""


def changing(shadow: Shadow, hours: float, m: str = "100") -> Shadow:
    """The account when m of its contract is announced to become another."""
    known = rules()
    change = RiskChange(at=START + hours * HOUR, m=D(m))
    contract = replace(known.contracts["XBTUSDTM"], announced=change)
    contracts = {**known.contracts, "XBTUSDTM": contract}
    new = replace(known, contracts=contracts)
    return apply(shadow, RulesRead(at=START, rules=new))


def ticked(shadow: Shadow, hours: float) -> Shadow:
    """The account some hours later at the same marks."""
    marks = MarksTicked(
        at=START + hours * HOUR,
        margin_marks={"BTC": D(50000)},
        futures_marks={"XBTUSDTM": D(50000), "XBTUSDM": D(50000)},
    )
    return apply(shadow, marks)


@pytest.mark.parametrize(("hours", "is_judged"), [(25.0, False), (23.0, True)])
def test_constants_count_from_the_horizon_on(hours: float, is_judged: bool) -> None:
    """A day ahead the account is judged as if they were in force; the ratio is not."""
    shadow = changing(shadow_of(SHORT), hours)
    now = measure_subjects(shadow)
    (judged,) = measures_as_announced(shadow, now, GuardLimits())

    assert (judged.announced is not None) is is_judged
    if is_judged:
        assert judged.ratio is not None
        assert now[0].ratio is not None
        assert judged.ratio > now[0].ratio
        assert judged.announced is not None
        assert judged.announced.ratio == now[0].ratio
    else:
        assert judged is now[0]


def test_at_their_time_they_are_the_danger_number_itself() -> None:
    """From its minute on the ratio is that of the new constant, and judged once."""
    shadow = changing(shadow_of(SHORT), 2)
    before = measure_subjects(ticked(shadow, 1.99))[0].ratio
    after = ticked(shadow, 2)
    judged = measures_as_announced(
        ticked(shadow, 1.99), measure_subjects(shadow), LIMITS
    )

    assert before == measure_subjects(shadow)[0].ratio
    assert measure_subjects(after)[0].ratio == judged[0].ratio
    assert judged_rules(after, LIMITS) is None


LIMITS = GuardLimits()


def test_a_change_that_eases_is_not_counted_before_the_exchange_has_it() -> None:
    """A larger m is announced: nothing is judged by it, nor at its time."""
    shadow = changing(shadow_of(SHORT), 2, m="900")
    now = measure_subjects(shadow)

    assert measures_as_announced(shadow, now, LIMITS)[0] is now[0]
    assert measure_subjects(ticked(shadow, 2))[0].ratio == now[0].ratio


def test_a_change_of_a_contract_that_is_not_held_changes_nothing() -> None:
    """The rules to come are only those that matter to the account."""
    account = opening({"margin_cross": {"BTC": "1"}})

    assert judged_rules(changing(shadow_of(account), 1), LIMITS) is None


def test_in_the_last_two_hours_a_coin_counts_nothing_already() -> None:
    """What could not be left by then is judged without it, and the cure plans so."""
    account = opening(
        {"margin_cross": {"BTC": "1", "ETH": "10"}},
        debts={"margin_cross": {"USDT": "30000"}},
    )
    shadow = shadow_of(account)
    judged = {}
    for hours in (2.1, 1.9):
        told = GuardLimits(delistings=(Delisting(START + hours * HOUR, "ETH"),))
        found = measures_as_announced(shadow, measure_subjects(shadow), told)
        judged[hours] = judge(GuardState(), found, told, START).verdicts[0]

    assert judged[2.1].measure.ratio == D(30000) / D(75000)
    assert judged[1.9].measure.ratio == D("0.6")
    on = judged[1.9].at_worst(shadow)
    assert on.rules.margin_coins["ETH"].coefficient == 0
    assert judged[2.1].at_worst(shadow) is shadow


def test_thresholds_are_those_of_the_account_as_it_stands() -> None:
    """A change to come eases no thresholds of an account that opens with it."""
    account = opening(
        {"margin_cross": {"BTC": "1", "ETH": "10"}},
        debts={"margin_cross": {"USDT": "43000"}},
    )
    shadow = shadow_of(account)
    told = GuardLimits(delistings=(Delisting(START + HOUR, "ETH"),))
    found = measures_as_announced(shadow, measure_subjects(shadow), told)
    (verdict,) = judge(GuardState(), found, told, START).verdicts

    assert not verdict.thresholds.is_adapted
    assert verdict.is_new_episode
    assert "by the rules that are announced" in verdict.reason


BUY = PlaceOrder(account=FUTURES, symbol="XBTUSDTM", side=Side.BUY, qty=D(1))
LOAN = Borrow(account=MARGIN_CROSS, coin="BTC", amount=D(1))
CASH = Borrow(account=MARGIN_CROSS, coin="USDT", amount=D(1))
OUT = Transfer(source=MARGIN_CROSS, target=AccountId("spot"), coin="BTC", amount=D(1))
SPOT = PlaceOrder(account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.BUY, qty=D(1))


@pytest.mark.parametrize(
    ("name", "intent", "is_refused"),
    [
        ("BTC", BUY, True),
        ("BTC", LOAN, True),
        ("BTC", SPOT, True),
        ("XBTUSDTM", BUY, True),
        ("XBTUSDTM", SPOT, False),
        ("XBTUSDTM", LOAN, False),
        ("ETH", BUY, False),
        ("BTC", CASH, False),
        ("BTC", OUT, False),
    ],
)
def test_no_new_risk_on_what_leaves(
    name: str,
    intent: Intent,
    is_refused: bool,
) -> None:
    """From the notice on, a month ahead; a contract's coin may still be traded."""
    told = GuardLimits(delistings=(Delisting(START + 720 * HOUR, name),))
    found = delisting_objection(shadow_of(SHORT), told, intent)

    assert (found is not None) is is_refused
    if found is not None:
        assert found == f"{name} is delisted at 2025-01-31T12:00:00+00:00"


def test_a_look_is_due_before_an_announcement_comes_into_the_horizon() -> None:
    """Of something held; what nobody holds does not matter."""
    told = GuardLimits(delistings=(Delisting(START + 40 * HOUR, "BTC"),))
    shadow, day = shadow_of(SHORT), timedelta(hours=24)

    assert is_announced_soon(shadow, told, day)
    assert not is_announced_soon(shadow, told, HOUR)
    other = GuardLimits(delistings=(Delisting(START + HOUR, "ETH"),))
    assert not is_announced_soon(shadow, other, day)
    assert is_announced_soon(changing(shadow, 40), GuardLimits(), day)


def test_repaying_is_never_refused() -> None:
    """Reductions do not come to this gate; it names the coin all the same."""
    told = GuardLimits(delistings=(Delisting(START + HOUR, "ETH"),))
    repay = Repay(account=MARGIN_CROSS, coin="USDT", amount=D(1))

    assert delisting_objection(shadow_of(SHORT), told, repay) is None


def test_new_risk_must_stand_what_is_announced() -> None:
    """USDT leaves an account that is far by the rules of now and by those to come."""
    account = opening(
        {"margin_cross": {"BTC": "1", "ETH": "10", "USDT": "10000"}},
        debts={"margin_cross": {"USDT": "42000"}},
    )
    shadow = shadow_of(account)
    leaves = Transfer(source=MARGIN_CROSS, target=MAIN, coin="USDT", amount=D(10000))
    by_now = asked(held_to(shadow), leaves)
    told = GuardLimits(delistings=(Delisting(START + HOUR, "ETH"),))
    then = replace(held_to(shadow), guard_limits=told)
    found = asked(then, leaves)
    a_little = asked(then, replace(leaves, amount=D(100)))

    assert isinstance(by_now, Approved)
    assert isinstance(found, Refused)
    assert found.reason.startswith(
        "by the rules that are announced margin_cross would be 0.13"
    )
    assert isinstance(a_little, Approved)
