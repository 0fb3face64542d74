"""One policy's run: what ends early, what is the same, and what the rival does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE
from bot.domain.orders import Side
from bot.risk.view import ShadowView
from bot.shadow.state import Shadow, empty_shadow
from bot.study.losers_first import LosersFirst
from bot.study.replay import play, with_losers_first, without_guard
from bot.study.shapes import Shape, Size
from tests.unit.study.small import scenario_plan

_LONG = Shape(name="long", coins=("BTC",))
_MIX = Shape(name="mix", coins=("BTC", "ETH"))


def test_a_crash_liquidates_who_does_nothing() -> None:
    """Five times leverage dies in the synthetic crash; the run then ends early."""
    plan = scenario_plan("crash", 1, _LONG, Size(leverage=5), minutes=60)
    lost = play(without_guard(plan))
    whole = sum(1 for _ in plan.market.instants(plan.path_order))
    assert lost.liquidations == 1
    assert lost.instants < whole
    assert lost.lost_at is not None
    assert lost.act_at is not None
    assert lost.act_at < lost.lost_at
    assert lost.equity_end < lost.equity_start


def test_a_guard_that_never_acts_is_its_own_twin() -> None:
    """Without a request the guarded run and the unguarded one are the same."""
    plan = scenario_plan("calm", 1, _LONG, Size(leverage=2), minutes=30)
    guarded, bare = play(plan), play(without_guard(plan))
    assert guarded.requests == 0
    assert guarded == bare


def test_a_rival_without_a_call_is_the_twin_too() -> None:
    """With enough free margin the rival's run ends where nobody's does."""
    plan = scenario_plan("calm", 1, _LONG, Size(leverage=2), minutes=30)
    bare, rival = play(without_guard(plan)), play(with_losers_first(plan))
    assert not bare.is_called
    assert rival.equity_end == bare.equity_end
    assert rival.parts == bare.parts


def test_the_rival_sells_in_a_crash() -> None:
    """Its margin call is answered with sales, on the same venue at the same costs."""
    size = Size(leverage=5, capital=Decimal(20_000))
    plan = scenario_plan("crash", 1, _LONG, size, minutes=60)
    rival = play(with_losers_first(plan))
    assert rival.requests > 0
    assert rival.parts["fees"] < 0


def _fallen(btc: str, eth: str) -> tuple[Shadow, LosersFirst]:
    """A mix whose coins have fallen to these shares of their opening marks."""
    plan = scenario_plan("crash", 1, _MIX, Size(leverage=5), minutes=20)
    first = plan.market.first_prices().margin_marks
    shares = {"BTC": Decimal(btc), "ETH": Decimal(eth)}
    marks = {coin: mark * shares.get(coin, ONE) for coin, mark in first.items()}
    at = plan.market.description.start
    shadow = replace(
        empty_shadow(plan.rules),
        at=at,
        balances=plan.opening.balances,
        margin_marks=marks,
        mark_times=dict.fromkeys(marks, at),
        is_open=True,
    )
    return shadow, LosersFirst(entries=first)


def _asked(shadow: Shadow, rival: LosersFirst) -> list[PlaceOrder]:
    view = ShadowView(shadow, timedelta(minutes=1), rival.name)
    found = [p.intent for p in rival.decide(view, shadow.at)]
    return [intent for intent in found if isinstance(intent, PlaceOrder)]


@pytest.mark.parametrize(
    ("btc", "eth", "first"),
    [("0.90", "0.80", "ETH-USDT"), ("0.78", "0.92", "BTC-USDT")],
    ids=["ether lost more", "bitcoin lost more"],
)
def test_the_largest_loser_goes_first(btc: str, eth: str, first: str) -> None:
    """Under 5 % of free margin it sells what has lost the most."""
    orders = _asked(*_fallen(btc, eth))
    assert orders[0].symbol == first
    assert {order.side for order in orders} == {Side.SELL}
    assert {order.account for order in orders} == {MARGIN_CROSS}


def test_no_call_is_made_while_margin_is_free() -> None:
    """At 8 % of free margin it waits; it has not been under 5 %."""
    assert _asked(*_fallen("0.90", "0.90")) == []
