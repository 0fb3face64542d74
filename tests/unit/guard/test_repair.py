"""Worked examples of repairs: a pair that a cut left uneven is made even again."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import FUTURES, SPOT, Position
from bot.domain.events import OrderChanged
from bot.domain.intents import PlaceOrder
from bot.domain.orders import IntentState, OrderState, Side
from bot.guard.repair import PairWatch, Repaired, is_trading, repair, tried, watch_pair
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    LIMITS,
    START,
    depth,
    later,
    marked,
    position,
    requested,
    shadow_of,
)
from tests.unit.venue.builders import opening


def pair(btc: str, short: Position | None) -> Shadow:
    """Coins on spot against a short."""
    held = [] if short is None else [short]
    return shadow_of(
        opening({"spot": {"BTC": btc}, "futures": {"USDT": "90000"}}, positions=held)
    )


def linear(lots: int) -> Position:
    """A short of XBTUSDTM."""
    return position(lots)


WATCH = watch_pair(pair("1", linear(-1000)), "BTC")


def order(found: Repaired) -> PlaceOrder:
    """The one order of a repair."""
    assert found.proposal is not None
    assert isinstance(found.proposal.intent, PlaceOrder)
    return found.proposal.intent


def test_the_legs_are_remembered_in_coins() -> None:
    """One coin long, one short."""
    assert WATCH.longs == WATCH.shorts == 1


def test_legs_that_left_by_the_same_share_are_even() -> None:
    """A third of both is gone: nothing more to do."""
    found = repair(pair("0.7", linear(-700)), "BTC", WATCH, LIMITS)
    assert found == Repaired(is_even=True)


def test_the_leg_that_lags_behind_is_reduced() -> None:
    """The short fell to 0.6, the coins only to 0.9: 0.3 are sold, or the reverse."""
    sold = order(repair(pair("0.9", linear(-600)), "BTC", WATCH, LIMITS))
    assert (sold.account, sold.side, sold.qty) == (SPOT, Side.SELL, Decimal("0.3"))
    bought = order(repair(pair("0.6", linear(-900)), "BTC", WATCH, LIMITS))
    assert (bought.account, bought.side) == (FUTURES, Side.BUY)
    assert bought.qty == 300
    assert bought.reduce_only


def test_a_leg_that_is_gone_takes_the_other_with_it() -> None:
    """Nothing of the short is left, so all of the coins go."""
    assert order(repair(pair("0.9", None), "BTC", WATCH, LIMITS)).qty == Decimal("0.9")


def test_a_pair_that_somebody_enlarges_is_no_longer_ours() -> None:
    """A strategy opened it again: the old shares say nothing."""
    found = repair(pair("1.2", linear(-600)), "BTC", WATCH, LIMITS)
    assert found == Repaired(is_even=True)


def test_what_is_under_a_lot_is_even() -> None:
    """Less than the smallest order cannot be made even."""
    found = repair(pair("0.7", linear(-701)), "BTC", WATCH, LIMITS)
    assert order(found).qty == 1
    found = repair(pair("0.7003", linear(-701)), "BTC", WATCH, LIMITS)
    assert found == Repaired(is_even=True)


def test_an_inverse_short_does_not_grow_by_a_fall() -> None:
    """50000 dollars are more coins at 40000, but nobody has added to the short."""
    short = position(-50_000, symbol="XBTUSDM")
    watch = watch_pair(pair("1", short), "BTC")
    cut = position(-30_000, symbol="XBTUSDM")
    fallen = marked(pair("0.9", cut), {"BTC": "40000"}, seconds=5)
    found = order(repair(fallen, "BTC", watch, LIMITS))
    assert (found.symbol, found.qty) == ("BTC-USDT", Decimal("0.3"))
    lagging = marked(
        pair("0.6", position(-45_000, symbol="XBTUSDM")), {"BTC": "40000"}, seconds=5
    )
    assert order(repair(lagging, "BTC", watch, LIMITS)).qty == 15_000


def test_depth_is_respected() -> None:
    """A tenth of a minute's volume now, and five seconds between two tries."""
    shadow = depth(pair("0.9", linear(-600)), "BTC-USDT", "1")
    first = repair(shadow, "BTC", WATCH, LIMITS)
    assert order(first).qty == Decimal("0.1")
    assert first.proposal is not None
    again = tried(WATCH, first.proposal, START)
    assert again.attempts == 1
    soon = repair(later(shadow, 4), "BTC", again, LIMITS)
    assert soon == Repaired(is_even=False)
    assert order(repair(later(shadow, 6), "BTC", again, LIMITS)).qty == Decimal("0.01")


def test_a_pair_that_will_not_even_out_is_left_to_a_person() -> None:
    """After two hundred tries."""
    worn = replace(WATCH, attempts=200)
    assert repair(pair("0.9", linear(-600)), "BTC", worn, LIMITS).is_even


def test_a_halted_leg_is_waited_for() -> None:
    """It cannot trade now, and it is not forgotten."""
    shadow = replace(pair("0.9", linear(-600)), halted=frozenset({"BTC-USDT"}))
    assert repair(shadow, "BTC", WATCH, LIMITS) == Repaired(is_even=False)


def test_an_order_on_its_way_is_waited_for_one_that_rests_is_not() -> None:
    """A resting order may rest for days, and the naked leg with it."""
    sale = PlaceOrder(
        account=SPOT, symbol="BTC-USDT", side=Side.SELL, qty=Decimal("0.1")
    )
    shadow = pair("0.9", linear(-600))
    assert not is_trading(shadow, "BTC")
    for state in (IntentState.SENT, IntentState.IN_DOUBT):
        assert is_trading(requested(shadow, [sale], state), "BTC")
    short = replace(sale, account=FUTURES, symbol="XBTUSDTM")
    assert is_trading(requested(shadow, [short], IntentState.SENT), "BTC")
    assert not is_trading(requested(shadow, [short], IntentState.SENT), "ETH")
    resting = requested(shadow, [sale], IntentState.DONE)
    request = replace(resting.requests["r0"], order_id="o1")
    opened = OrderChanged(
        at=START,
        order_id="o1",
        intent_id="r0",
        account=SPOT,
        symbol="BTC-USDT",
        side=Side.SELL,
        state=OrderState.OPEN,
        qty=Decimal("0.1"),
        filled_qty=Decimal(0),
    )
    resting = replace(resting, requests={"r0": request}, orders={"o1": opened})
    assert not is_trading(resting, "BTC")


def test_a_watch_keeps_when_each_market_was_tried() -> None:
    """So that both legs recover for themselves."""
    first = repair(pair("0.9", linear(-600)), "BTC", WATCH, LIMITS).proposal
    assert first is not None
    again: PairWatch = tried(WATCH, first, START + timedelta(seconds=3))
    assert again.cut_at == {"BTC-USDT": START + timedelta(seconds=3)}
