"""Coins pegged to the dollar: no move of the market takes them along."""

from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS
from bot.guard.judge import VerdictKind
from bot.guard.limits import Opening, thresholds_for
from bot.guard.plan import make_plan
from bot.risk.kernel import Kernel
from bot.risk.measure import measure_subject
from bot.risk.reach import reach
from bot.risk.stress_set import stress_set, uniform
from bot.shadow.state import Shadow
from tests.unit.guard.bench import LIMITS, shadow_of, verdict_on
from tests.unit.venue.builders import opening

MARKS = {"BTC": "50000", "ETH": "2500", "USDC": "1"}


def long_btc(debt_coin: str, owed: str = "42000") -> Shadow:
    """1 BTC at 50,000, funded with dollars of one kind."""
    account = opening(
        {MARGIN_CROSS: {"BTC": "1"}}, debts={MARGIN_CROSS: {debt_coin: owed}}
    )
    return shadow_of(account, MARKS)


def short_btc(held_coin: str) -> Shadow:
    """0.84 BTC owed against 50,000 dollars of one kind."""
    account = opening(
        {MARGIN_CROSS: {held_coin: "50000"}}, debts={MARGIN_CROSS: {"BTC": "0.84"}}
    )
    return shadow_of(account, MARKS)


@pytest.mark.parametrize("account", [long_btc, short_btc])
def test_dollars_of_another_kind_are_as_near_to_liquidation(account: object) -> None:
    """Owing or owning USDC is owing or owning USDT: a long dies of a fall.

    Moved along with the market, a USDC-funded long would have had no distance at all,
    and the guard would have waited for the backstop.
    """
    assert callable(account)
    usdt, usdc = account("USDT"), account("USDC")
    one, other = (
        measure_subject(usdt, MARGIN_CROSS),
        measure_subject(usdc, MARGIN_CROSS),
    )
    assert one is not None
    assert other is not None
    assert (other.down, other.up) == (one.down, one.up)
    assert other.distance is not None
    warned = Decimal("0.95")
    assert reach(usdc, other, warned) == reach(usdt, one, warned)
    (numbers,) = Kernel(usdc).numbers()
    nearest = numbers.down if other.up is None else numbers.up
    exact = other.down if other.up is None else other.up
    assert nearest == pytest.approx(float(exact or 0), rel=1e-12)


def test_a_long_on_borrowed_usdc_is_cured_like_any_other() -> None:
    """At 13.4 % it is under its act distance: the plan sells and reaches the target."""
    shadow = long_btc("USDC")
    verdict = verdict_on(shadow, MARGIN_CROSS)
    assert verdict.kind is VerdictKind.CURE
    plan = make_plan(shadow, verdict, LIMITS)
    assert plan is not None
    assert plan.is_reached


def test_the_stress_set_leaves_pegged_coins() -> None:
    """No fall of all coins and no parting of majors and others moves a dollar."""
    coins = frozenset({"BTC", "USDC"})
    assert stress_set(coins, Decimal("0.2")) == ()
    assert [set(each.moves) for each in uniform(coins, Decimal("0.2"))] == [{"BTC"}] * 2


def test_borrowed_dollars_make_no_account_one_of_other_coins() -> None:
    """BTC funded with USDC has the act distance of BTC, not that of small coins."""
    exposures = {"BTC": Decimal(50_000), "USDC": Decimal(-30_000)}
    found = thresholds_for(
        LIMITS,
        Opening(
            exposure_usdt=exposures,
            distance=Decimal("0.38"),
            ratio=Decimal("0.6"),
            liquidation=Decimal("0.97"),
            is_futures=False,
        ),
    )
    assert found.act == LIMITS.act_distance
