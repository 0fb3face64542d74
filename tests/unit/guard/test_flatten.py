"""The operator's way out: rounds that end with nothing left to liquidate."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import MARGIN_CROSS, SPOT, PositionKey
from bot.domain.events import OrderChanged
from bot.domain.intents import CancelOrder, CancelStop, PlaceOrder, Repay
from bot.domain.market import MarketInstant
from bot.domain.orders import OrderState, Outcome, Side
from bot.guard.flatten import (
    cancel_all,
    cancel_everything,
    flatten_round,
    is_flat,
    is_quiet,
)
from bot.shadow.apply import apply
from tests.unit.guard.bench import START, cross_long, position, requested, shadow_of
from tests.unit.guard.test_resting import PAIR, PERP, keeping
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    approved,
    instant,
    opening,
    settled,
)
from tests.unit.venue.builders import venue as venue_with

RESTING = OrderChanged(
    at=START,
    order_id="o1",
    intent_id=None,
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.BUY,
    state=OrderState.OPEN,
    qty=Decimal("0.1"),
    filled_qty=Decimal(0),
    price=Decimal(45000),
)


def test_what_rests_is_cancelled_before_anything_is_closed() -> None:
    """While an order rests, a round holds cancels and nothing else."""
    shadow = apply(cross_long(), RESTING)
    assert [p.intent for p in flatten_round(shadow, sells_spot=False)] == [
        CancelOrder(account=MARGIN_CROSS, symbol="BTC-USDT", order_id="o1")
    ]


def test_an_order_is_cancelled_once() -> None:
    """An order whose cancel is under way is not cancelled again."""
    shadow = apply(cross_long(), RESTING)
    asked = requested(shadow, [p.intent for p in cancel_all(shadow)])
    assert cancel_all(asked) == []


def test_idle_coins_repay_before_anything_is_sold() -> None:
    """A coin that is owned and owed is repaid first."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"USDT": "100", "BTC": "1"}},
            debts={"margin_cross": {"USDT": "40000"}},
        )
    )
    assert [p.intent for p in flatten_round(shadow, sells_spot=False)] == [
        Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(100))
    ]


def test_a_position_is_closed_reduce_only() -> None:
    """A short is bought back whole, and can never become a long."""
    shadow = shadow_of(opening({"futures": {"USDT": "5000"}}))
    short = position(-150)
    shadow = replace(shadow, positions={PositionKey("XBTUSDTM"): short})
    (intent,) = [p.intent for p in flatten_round(shadow, sells_spot=False)]
    assert isinstance(intent, PlaceOrder)
    assert (intent.side, intent.qty, intent.reduce_only) == (
        Side.BUY,
        Decimal(150),
        True,
    )


def test_spot_coins_are_sold_only_when_asked_for() -> None:
    """A holding on spot stays unless the operator names it."""
    shadow = shadow_of(opening({"spot": {"BTC": "1"}}))
    assert flatten_round(shadow, sells_spot=False) == []
    (intent,) = [p.intent for p in flatten_round(shadow, sells_spot=True)]
    assert isinstance(intent, PlaceOrder)
    assert (intent.account, intent.side) == (SPOT, Side.SELL)


def test_a_coin_with_a_request_under_way_waits() -> None:
    """Nothing is sent twice on one coin or symbol."""
    shadow = cross_long()
    first = [p.intent for p in flatten_round(shadow, sells_spot=False)]
    assert flatten_round(requested(shadow, first), sells_spot=False) == []


@given(
    btc=st.integers(-60, 200),
    usdt=st.integers(0, 60_000),
    owed=st.integers(0, 40_000),
    lots=st.integers(-300, 300),
)
def test_rounds_on_the_venue_end_flat(
    btc: int, usdt: int, owed: int, lots: int
) -> None:
    """Whatever is held and owed, a few rounds on the venue leave nothing to liquidate.

    Coins are in hundredths; the account is solvent, so what is owed can be repaid.
    """
    held = {"BTC": Decimal(max(btc, 0)) / 100, "USDT": Decimal(usdt + 80_000)}
    debts = {"BTC": Decimal(max(-btc, 0)) / 100, "USDT": Decimal(owed)}
    account = opening(
        {
            "margin_cross": {c: str(n) for c, n in held.items()},
            "futures": {"USDT": "50000"},
        },
        debts={"margin_cross": {c: str(n) for c, n in debts.items() if n}},
        positions=[position(lots)] if lots else [],
    )
    venue = venue_with(account, first=_deep())
    asked = 0
    for number in range(8):
        shadow = shadow_of(venue.snapshot())
        for proposal in flatten_round(shadow, sells_spot=False):
            asked += 1
            at = START + timedelta(seconds=number + 1)
            done = venue.submit(at, approved(proposal.intent, f"i-{asked}"))
            assert settled(done).outcome is Outcome.DONE, done
    assert is_flat(shadow_of(venue.snapshot()))


def _deep() -> MarketInstant:
    """So deep that one order takes everything."""
    return instant(liquidity=replace(DEEP, volume_1m=Decimal(10_000_000)), rates=RATES)


def test_who_cancels_everything_cancels_stops_too() -> None:
    """Ours and foreign ones, each once; a cancel under way is not repeated."""
    shadow, _ = keeping(PAIR)
    first = next(iter(shadow.stops.values()))
    foreign = replace(first, stop_id="x", intent_id=None)
    shadow = apply(apply(shadow, foreign), RESTING)
    found = [p.intent for p in cancel_everything(shadow)]
    stops = {i.stop_id for i in found if isinstance(i, CancelStop)}
    assert stops == {*keeping(PAIR)[0].stops, "x"}
    assert any(isinstance(i, CancelOrder) for i in found)
    assert cancel_everything(requested(shadow, found)) == []


def test_flatten_withdraws_what_could_sell_twice_before_it_sells() -> None:
    """Margin stops leave first; futures stops reduce only and guard until the end."""
    shadow, _ = keeping(PAIR)
    intents = [p.intent for p in flatten_round(shadow, sells_spot=False)]
    assert intents
    assert all(isinstance(i, CancelStop) for i in intents)
    gone = {i.stop_id for i in intents if isinstance(i, CancelStop)}
    assert {shadow.stops[name].account for name in gone} == {MARGIN_CROSS}
    left = {n: s for n, s in shadow.stops.items() if n not in gone}
    second = flatten_round(replace(shadow, stops=left), sells_spot=False)
    assert not any(isinstance(p.intent, CancelStop) for p in second)


def test_an_account_with_a_stop_of_ours_is_not_flat() -> None:
    """Nothing to liquidate, but something that waits: the last round withdraws it."""
    stop = next(iter(keeping(PERP)[0].stops.values()))
    empty = shadow_of(opening({"futures": {"USDT": "50"}}))
    assert is_flat(empty)
    assert not is_flat(apply(empty, stop))
    assert is_flat(apply(empty, replace(stop, intent_id=None)))


def test_an_account_is_quiet_when_nothing_is_left_that_can_trade() -> None:
    """An order, a stop of anybody, and an order that is on its way all can."""
    stop = next(iter(keeping(PERP)[0].stops.values()))
    owing = cross_long()
    assert is_quiet(owing)
    assert not is_quiet(apply(owing, RESTING))
    assert not is_quiet(apply(owing, replace(stop, intent_id=None)))
    order = PlaceOrder(
        account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.1")
    )
    assert not is_quiet(requested(owing, [order]))
