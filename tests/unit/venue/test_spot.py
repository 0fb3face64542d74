"""Spot and margin orders: what is refused, held, traded and booked."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import SPOT, AccountId
from bot.domain.events import (
    Cause,
    Event,
    Filled,
    HoldChanged,
    LedgerBooked,
    OrderChanged,
)
from bot.domain.intents import CancelOrder, PlaceOrder
from bot.domain.orders import OrderState, OrderType, Outcome, Side, TimeInForce
from connectors.venue.venue import Venue
from tests.unit.venue.builders import (
    DEEP,
    RATES,
    THIN,
    approved,
    instant,
    later,
    opening,
    settled,
    venue,
)


def _order(
    side: Side = Side.BUY,
    qty: str = "0.1",
    price: str | None = None,
    account: AccountId = SPOT,
) -> PlaceOrder:
    return PlaceOrder(
        account=account,
        symbol="BTC-USDT",
        side=side,
        qty=Decimal(qty),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(price),
    )


def _spot(usdt: str = "10000", btc: str = "1") -> Venue:
    return venue(opening({"spot": {"USDT": usdt, "BTC": btc}}))


def _fills(events: Sequence[Event]) -> list[Filled]:
    return [e for e in events if isinstance(e, Filled)]


def _last_order(events: Sequence[Event]) -> OrderChanged:
    return [e for e in events if isinstance(e, OrderChanged)][-1]


def _usdt(sim: Venue) -> Decimal:
    return sim.snapshot().balances[SPOT]["USDT"].total


def test_a_market_buy_pays_price_and_fee_in_the_quote_coin() -> None:
    """0.1 BTC at 50000 plus 2 bp and impact; the fee of 0.1 % is apart."""
    sim = _spot()

    events = sim.submit(later(1), approved(_order()))

    assert settled(events).outcome is Outcome.DONE
    (fill,) = _fills(events)
    funds = fill.price * fill.qty
    causes = [e.cause for e in events if isinstance(e, LedgerBooked)]
    assert causes == [Cause.TRADE, Cause.FEE]
    assert Decimal(50010) <= fill.price <= Decimal(50015)
    assert fill.reference_price == 50000
    assert fill.fee == funds * Decimal("0.001")
    assert _usdt(sim) == 10000 - funds - fill.fee
    assert sim.snapshot().balances[SPOT]["BTC"].total == Decimal("1.1")
    assert _last_order(events).state is OrderState.FILLED


def test_a_market_sale_receives_less_than_the_mid() -> None:
    """A sale walks the bids, and pays its fee from what it receives."""
    sim = _spot()

    (fill,) = _fills(sim.submit(later(1), approved(_order(Side.SELL))))

    assert fill.price < 50000
    assert _usdt(sim) == 10000 + fill.price * fill.qty - fill.fee


def test_a_limit_buy_holds_price_and_fee_until_it_is_cancelled() -> None:
    """KuCoin freezes price times size and the fee ahead."""
    sim = _spot()

    events = sim.submit(later(1), approved(_order(price="49000")))

    hold = next(e for e in events if isinstance(e, HoldChanged))
    assert hold.hold == Decimal("4904.9")
    assert _last_order(events).state is OrderState.OPEN
    order_id = settled(events).order_id
    assert order_id is not None
    cancel = CancelOrder(account=SPOT, symbol="BTC-USDT", order_id=order_id)
    done = sim.submit(later(2), approved(cancel, "c-1"))
    assert settled(done).outcome is Outcome.DONE
    assert sim.snapshot().balances[SPOT]["USDT"].hold == 0
    again = settled(sim.submit(later(3), approved(cancel, "c-2")))
    assert (again.outcome, again.code) == (Outcome.REFUSED, "400100")
    assert sim.find(later(4), approved(cancel, "c-1")).outcome is Outcome.DONE


def test_a_sale_holds_the_base_coin() -> None:
    """A resting sale freezes the coins it offers."""
    sim = _spot()

    sim.submit(later(1), approved(_order(Side.SELL, price="51000")))

    assert sim.snapshot().balances[SPOT]["BTC"].hold == Decimal("0.1")


@pytest.mark.parametrize(
    ("last", "fills"),
    [("49000.1", 0), ("49000", 0), ("48999.9", 1)],
    ids=["above", "touched", "through"],
)
def test_a_resting_order_fills_only_when_traded_through(last: str, fills: int) -> None:
    """The last price must be strictly beyond it; it then trades at its own price."""
    sim = _spot()
    sim.submit(later(1), approved(_order(price="49000")))

    found = _fills(sim.tick(instant(later(60), btc=last, liquidity=DEEP)))

    assert len(found) == fills
    for fill in found:
        assert fill.price == 49000
        assert fill.is_maker
        assert fill.reference_price == Decimal(last)
        assert sim.snapshot().balances[SPOT]["USDT"].hold == 0


def test_the_depth_caps_a_market_order_and_the_rest_is_cancelled() -> None:
    """A tenth of a minute's volume of 10 is there: 1 BTC; the rest is cancelled."""
    sim = venue(
        opening({"spot": {"USDT": "200000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )

    events = sim.submit(later(1), approved(_order(qty="2.5")))

    last = _last_order(events)
    assert (last.state, last.filled_qty) == (OrderState.CANCELLED, Decimal(1))
    assert last.reason is not None
    assert len(_fills(events)) > 1


def test_what_was_taken_flows_back_within_a_minute() -> None:
    """Half a minute later half of the depth is back, after a minute all of it."""
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )

    got = [
        _last_order(sim.submit(later(s), approved(_order(qty="2"), f"i-{n}")))
        for n, s in enumerate((0, 0, 30, 120))
    ]

    assert [g.filled_qty for g in got] == [
        Decimal(1),
        Decimal(0),
        Decimal("0.5"),
        Decimal(1),
    ]


def test_a_resting_order_gets_no_more_than_the_depth() -> None:
    """Makers trade out of the same volume: 1 BTC a minute of the 3 that rest."""
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )
    sim.submit(later(1), approved(_order(qty="3", price="49000")))

    events = sim.tick(instant(later(60), btc="48000", liquidity=THIN))

    last = _last_order(events)
    assert (last.state, last.filled_qty) == (OrderState.OPEN, Decimal(1))
    hold = sim.snapshot().balances[SPOT]["USDT"].hold
    assert hold == 2 * 49000 * Decimal("1.001")


@pytest.mark.parametrize(
    ("tif", "state", "filled"),
    [
        (TimeInForce.GTC, OrderState.OPEN, "1"),
        (TimeInForce.IOC, OrderState.CANCELLED, "1"),
        (TimeInForce.FOK, OrderState.CANCELLED, "0"),
    ],
)
def test_time_in_force_says_what_happens_to_the_rest(
    tif: TimeInForce, state: OrderState, filled: str
) -> None:
    """GTC rests, IOC cancels the rest, FOK takes all or nothing."""
    sim = venue(
        opening({"spot": {"USDT": "200000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )
    order = replace(_order(qty="2", price="54000"), time_in_force=tif)

    last = _last_order(sim.submit(later(1), approved(order)))

    assert (last.state, last.filled_qty) == (state, Decimal(filled))


@pytest.mark.parametrize(
    ("price", "state"),
    [("50015", OrderState.CANCELLED), ("50000", OrderState.OPEN)],
)
def test_post_only_is_accepted_and_cancelled_when_it_would_take(
    price: str, state: OrderState
) -> None:
    """It never trades as taker, and it is not refused either."""
    sim = _spot()
    order = replace(_order(price=price), post_only=True)

    events = sim.submit(later(1), approved(order))

    assert settled(events).outcome is Outcome.DONE
    assert _fills(events) == []
    assert _last_order(events).state is state
    held = sim.snapshot().balances[SPOT]["USDT"].hold
    assert (held == 0) == (state is OrderState.CANCELLED)


def test_price_protection_cancels_what_reaches_too_far() -> None:
    """A limit 20 % above the last price takes what is near, the rest is cancelled."""
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )

    last = _last_order(sim.submit(later(1), approved(_order(qty="3", price="60000"))))

    assert (last.state, last.filled_qty) == (OrderState.CANCELLED, Decimal(1))
    assert last.reason is not None
    assert "protection" in last.reason


def test_a_wild_book_fills_a_market_order_only_up_to_the_protection() -> None:
    """Beyond 10 % from the last price nothing trades."""
    wild = replace(THIN, sigma_1m=Decimal(1))
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=wild, rates=RATES),
    )

    events = sim.submit(later(1), approved(_order(qty="1")))

    assert max(f.price for f in _fills(events)) <= 55000
    assert _last_order(events).state is OrderState.CANCELLED


def test_the_best_price_trades_first_and_takes_the_depth() -> None:
    """1 BTC of depth goes to the higher bid, the lower one gets nothing."""
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )
    sim.submit(later(1), approved(_order(qty="1", price="48900"), "low"))
    sim.submit(later(2), approved(_order(qty="1", price="49000"), "high"))

    fills = _fills(sim.tick(instant(later(60), btc="48000", liquidity=THIN)))

    assert [f.intent_id for f in fills] == ["high"]


def test_a_book_without_volume_sells_nothing() -> None:
    """No volume, no depth: a market order ends empty, a post-only order rests."""
    dead = replace(THIN, volume_1m=Decimal(0))
    sim = venue(
        opening({"spot": {"USDT": "500000"}}),
        first=instant(liquidity=dead, rates=RATES),
    )

    last = _last_order(sim.submit(later(1), approved(_order(), "a")))
    rests = replace(_order(price="54000"), post_only=True)
    other = _last_order(sim.submit(later(2), approved(rests, "b")))

    assert (last.state, last.filled_qty) == (OrderState.CANCELLED, Decimal(0))
    assert other.state is OrderState.OPEN


def test_dust_fills_never_reach_for_coins_that_were_not_held() -> None:
    """Many tiny fills cost at most what one large fill was asked for."""
    tiny = replace(THIN, volume_1m=Decimal("0.0001"))
    sim = venue(
        opening({"spot": {"USDT": "4.9049"}}),
        first=instant(liquidity=tiny, rates=RATES),
    )
    sim.submit(later(1), approved(_order(qty="0.0001", price="49000")))

    for minute in range(1, 12):
        sim.tick(instant(later(60 * minute), btc="48000.1", liquidity=tiny))
        line = sim.snapshot().balances[SPOT].get("USDT")
        assert line is None or line.available >= 0

    assert sim.snapshot().balances[SPOT]["BTC"].total == Decimal("0.0001")
    assert "USDT" not in sim.snapshot().balances[SPOT]
