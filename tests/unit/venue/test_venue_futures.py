"""Futures orders through the whole venue: matched, clipped, refused, liquidated."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    PositionKey,
)
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Cause,
    Event,
    Filled,
    LedgerBooked,
    OrderChanged,
    PositionChanged,
)
from bot.domain.intents import CancelOrder, PlaceOrder
from bot.domain.market import FundingSettlement
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


def _futures(usdt: str = "10000") -> Venue:
    return venue(opening({"futures": {"USDT": usdt}}))


def _order(
    side: Side = Side.BUY, lots: str = "100", price: str | None = None
) -> PlaceOrder:
    return PlaceOrder(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=side,
        qty=Decimal(lots),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(price),
        leverage=Decimal(5),
    )


def _lots(sim: Venue) -> int:
    position = sim.snapshot().positions.get(PositionKey("XBTUSDTM"))
    return 0 if position is None else position.lots


def _orders(events: Sequence[Event]) -> list[OrderChanged]:
    return [e for e in events if isinstance(e, OrderChanged)]


def _fills(events: Sequence[Event]) -> list[Filled]:
    return [e for e in events if isinstance(e, Filled)]


def test_a_futures_order_fills_and_makes_a_position() -> None:
    """100 lots are 0.1 BTC; the mark is the reference, the fee is 0.06 %."""
    sim = _futures()

    events = sim.submit(later(1), approved(_order()))

    assert settled(events).outcome is Outcome.DONE
    (fill,) = _fills(events)
    assert fill.reference_price == 50000
    assert fill.fee == fill.price * Decimal("0.1") * Decimal("0.0006")
    assert [type(e) for e in events if isinstance(e, PositionChanged)]
    assert _lots(sim) == 100


def test_reduce_only_is_cut_to_the_position() -> None:
    """The excess of a reduce-only order is dropped; it never turns the position."""
    sim = _futures()
    sim.submit(later(1), approved(_order(), "open"))

    cut = replace(_order(Side.SELL, "250"), reduce_only=True)
    events = sim.submit(later(2), approved(cut, "cut"))

    assert _orders(events)[-1].state is OrderState.FILLED
    assert _orders(events)[-1].filled_qty == 100
    assert _lots(sim) == 0
    flat = settled(sim.submit(later(3), approved(cut, "again")))
    assert (flat.outcome, flat.code) == (Outcome.REFUSED, "300009")


def test_close_takes_the_whole_position_whatever_its_size_says() -> None:
    """``close`` needs no size and finds its own side."""
    sim = _futures()
    sim.submit(later(1), approved(_order(Side.SELL, "70"), "open"))

    close = replace(_order(Side.SELL, "1"), close=True)
    events = sim.submit(later(2), approved(close, "close"))

    assert _fills(events)[0].side is Side.BUY
    assert _lots(sim) == 0


def test_a_resting_reduce_only_order_ends_when_the_position_is_gone() -> None:
    """It is cancelled instead of opening the other way."""
    sim = _futures()
    sim.submit(later(1), approved(_order(), "open"))
    rest = replace(_order(Side.SELL, "100", "51000"), reduce_only=True)
    sim.submit(later(2), approved(rest, "rest"))
    sim.submit(later(3), approved(_order(Side.SELL, "60"), "most"))

    events = sim.tick(instant(later(60), btc="51100", liquidity=DEEP))

    last = _orders(events)[-1]
    assert (last.state, last.filled_qty) == (OrderState.CANCELLED, Decimal(40))
    assert _lots(sim) == 0


def test_a_reduce_only_order_without_a_position_ends_unfilled() -> None:
    """When the position went another way it has nothing left to do."""
    sim = _futures()
    sim.submit(later(1), approved(_order(), "open"))
    rest = replace(_order(Side.SELL, "100", "51000"), reduce_only=True)
    sim.submit(later(2), approved(rest, "rest"))
    sim.submit(later(3), approved(_order(Side.SELL, "100"), "all"))

    events = sim.tick(instant(later(60), btc="51100", liquidity=DEEP))

    last = _orders(events)[-1]
    assert (last.state, last.filled_qty) == (OrderState.CANCELLED, Decimal(0))
    assert _lots(sim) == 0


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (replace(_order(), symbol="XRPUSDTM"), "100003"),
        (replace(_order(), time_in_force=TimeInForce.FOK), "300000"),
        (replace(_order(), post_only=True), "300000"),
        (replace(_order(), type=OrderType.LIMIT), "300000"),
        (_order(lots="1.5"), "300000"),
        (_order(lots="NaN"), "400100"),
        (replace(_order(), leverage=Decimal("Infinity")), "400100"),
        (_order(price="50000.05"), "300000"),
        (_order(price="60000"), "300011"),
        (_order(lots="2000"), "300003"),
        (replace(_order(), leverage=Decimal(200)), "300016"),
    ],
    ids=[
        "contract",
        "fok",
        "post only market",
        "no price",
        "lots",
        "no number",
        "endless leverage",
        "tick",
        "band",
        "margin",
        "leverage",
    ],
)
def test_refused_futures_orders_carry_kucoins_codes(
    order: PlaceOrder, code: str
) -> None:
    """A refusal changes nothing."""
    sim = _futures()
    before = sim.snapshot()

    answer = settled(sim.submit(later(1), approved(order)))

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert sim.snapshot() == before


def test_a_halted_contract_takes_no_orders_not_even_closing_ones() -> None:
    """A halt stops everything; only a cancel still works."""
    sim = _futures()
    sim.submit(later(1), approved(_order(), "open"))
    resting = settled(sim.submit(later(2), approved(_order(price="49000"), "rest")))
    sim.tick(instant(later(3), halted={"XBTUSDTM": True}))

    close = replace(_order(Side.SELL), close=True)
    assert settled(sim.submit(later(4), approved(close, "c"))).code == "300002"
    assert resting.order_id is not None
    cancel = CancelOrder(account=FUTURES, symbol="XBTUSDTM", order_id=resting.order_id)
    assert settled(sim.submit(later(5), approved(cancel, "x"))).code is None


def test_futures_client_ids_are_unique() -> None:
    """A repeated clientOid is 300018, and the look-up finds the first order."""
    sim = _futures()
    first = settled(sim.submit(later(1), approved(_order())))

    again = settled(sim.submit(later(2), approved(_order())))

    assert again.code == "300018"
    assert sim.find(later(3), approved(_order())).order_id == first.order_id


def test_futures_depth_is_counted_in_lots() -> None:
    """10 BTC a minute leave 1 BTC, which is 1000 lots."""
    sim = venue(
        opening({"futures": {"USDT": "100000"}}),
        first=instant(liquidity=THIN, rates=RATES),
    )

    last = _orders(sim.submit(later(1), approved(_order(lots="1200"))))[-1]

    assert (last.state, last.filled_qty) == (OrderState.CANCELLED, Decimal(1000))


def test_funding_is_settled_at_the_marks_of_its_instant() -> None:
    """A short of 0.1 BTC receives 1 bp of 5100 USDT."""
    sim = _futures()
    sim.submit(later(1), approved(_order(Side.SELL)))
    paid = replace(
        instant(later(60), btc="51000"),
        settlements=(
            FundingSettlement(symbol="XBTUSDTM", funding_rate=Decimal("0.0001")),
        ),
    )

    booked = [e for e in sim.tick(paid) if isinstance(e, LedgerBooked)]

    (entry,) = [e for e in booked if e.cause is Cause.FUNDING]
    assert entry.postings[0].amount == Decimal("0.51")


def test_a_futures_crash_cancels_orders_then_liquidates() -> None:
    """At 95 % the resting order goes, at 100 % the position; nothing stays negative."""
    sim = _futures(usdt="1100")
    order = replace(_order(lots="100"), leverage=Decimal(10))
    sim.submit(later(1), approved(order, "open"))
    sim.submit(later(2), approved(_order(lots="1", price="30000"), "rest"))
    said: list[AccountStatus] = []
    cancelled: list[OrderChanged] = []
    for number, price in enumerate(range(49900, 38000, -100)):
        events = sim.tick(instant(later(60 + number), btc=str(price), liquidity=DEEP))
        said += [e.status for e in events if isinstance(e, AccountStatusChanged)]
        cancelled += [o for o in _orders(events) if o.state is OrderState.CANCELLED]

    assert said[:2] == [AccountStatus.ORDERS_CANCELLED, AccountStatus.LIQUIDATING]
    assert [order.intent_id for order in cancelled] == ["rest"]
    assert _lots(sim) == 0
    assert sim.equity_usdt() >= 0
