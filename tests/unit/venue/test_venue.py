"""The venue as a whole: time, routing, futures orders, and the truth it tells."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    SPOT,
    MarginMode,
    Position,
    PositionKey,
    isolated_account,
)
from bot.domain.errors import UsageError
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    BorrowRateQuoted,
    Cause,
    Event,
    Filled,
    FundingQuoted,
    LedgerBooked,
    LiquidityQuoted,
    MarksTicked,
    OrderChanged,
    PositionChanged,
    TradingHalted,
)
from bot.domain.instruments import Lots
from bot.domain.intents import AdjustMargin, CancelOrder, PlaceOrder, Transfer
from bot.domain.market import FundingQuote, FundingSettlement
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


def test_the_opening_is_booked_and_told_apart() -> None:
    """The snapshot is the opening account; its bookings are not told again."""
    account = opening(
        {"margin_cross": {"BTC": "1"}, "futures": {"USDT": "5000"}},
        debts={"margin_cross": {"USDT": "20000"}},
        positions=[
            Position(symbol="XBTUSDTM", lots=Lots(-150), entry_value=Decimal(-7500))
        ],
        leverage={"margin_cross": "3"},
    )
    sim = venue(account)

    assert sim.snapshot() == replace(
        account, balances=dict(account.balances), positions=dict(account.positions)
    )
    booked = [e for e in sim.opening_events if isinstance(e, LedgerBooked)]
    assert {e.cause for e in booked} == {Cause.OPENING}
    assert not [e for e in sim.tick(instant(later(1))) if isinstance(e, LedgerBooked)]


def test_an_isolated_account_without_rules_is_refused() -> None:
    """An account that the market cannot carry is a wrong input, said at once."""
    with pytest.raises(UsageError, match="ETH-USDT"):
        venue(opening({isolated_account("ETH-USDT"): {"ETH": "1"}}))


def test_a_tick_tells_the_market_before_the_account() -> None:
    """Halts, depth, funding and borrow quotes, marks: in this order."""
    moved = replace(
        instant(later(1), liquidity=DEEP, rates=RATES[:1], halted={"ETH-USDT": True}),
        funding_quotes=(
            FundingQuote(
                symbol="XBTUSDTM",
                funding_rate=Decimal("0.0001"),
                settlement_at=later(3600),
                funding_interval_h=Decimal(8),
            ),
        ),
    )

    kinds = [type(e) for e in _futures().tick(moved)]

    assert kinds == [
        TradingHalted,
        *[LiquidityQuoted] * 4,
        FundingQuoted,
        BorrowRateQuoted,
        MarksTicked,
    ]


def test_a_halt_is_told_once_and_at_the_start_too() -> None:
    """A symbol that is halted from the first instant on is told at the first tick."""
    still = instant(halted={"BTC-USDT": True})
    sim = venue(opening({"spot": {"USDT": "1"}}), first=still)

    first = [e for e in sim.tick(still) if isinstance(e, TradingHalted)]
    again = [
        e
        for e in sim.tick(instant(later(1), halted={"BTC-USDT": True}))
        if isinstance(e, TradingHalted)
    ]

    assert len(first) == 1
    assert again == []


def test_time_never_goes_back() -> None:
    """A caller that mixes up its timeline is told so."""
    sim = _futures()
    sim.tick(instant(later(60)))

    with pytest.raises(ValueError, match="go back"):
        sim.tick(instant(later(59)))
    with pytest.raises(ValueError, match="go back"):
        sim.submit(later(1), approved(_order()))


def test_timers_run_before_the_tick_that_passes_them() -> None:
    """Interest that was due is booked before the new marks are told."""
    sim = venue(
        opening({"margin_cross": {"BTC": "1"}}, debts={"margin_cross": {"USDT": "10"}})
    )
    assert sim.next_timer() == later(20)

    events = sim.tick(instant(later(60)))

    assert isinstance(events[0], LedgerBooked)
    assert events[0].at == later(20)
    assert sim.next_timer() == later(3620)


def test_equity_counts_everything_net_of_debt_at_mark() -> None:
    """Coins less debts over all accounts, and the unrealised futures profit."""
    sim = venue(
        opening(
            {
                "main": {"USDT": "100"},
                "spot": {"ETH": "2"},
                "margin_cross": {"BTC": "1"},
                "futures": {"USDT": "1000"},
            },
            debts={"margin_cross": {"USDT": "20000"}},
            positions=[
                Position(symbol="XBTUSDTM", lots=Lots(-100), entry_value=Decimal(-5000))
            ],
        )
    )
    assert sim.equity_usdt() == 100 + 5000 + 50000 - 20000 + 1000

    sim.tick(instant(later(1), btc="51000"))

    assert sim.equity_usdt() == 100 + 5000 + 51000 - 20000 + 1000 - 100


def test_a_coin_without_a_mark_has_no_worth_to_state() -> None:
    """Equity with an unknown mark is an error, never a zero."""
    sim = venue(opening({"main": {"DOGE": "5"}}))

    with pytest.raises(ValueError, match="DOGE"):
        sim.equity_usdt()


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


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (replace(_order(), symbol="XRPUSDTM"), "100003"),
        (replace(_order(), time_in_force=TimeInForce.FOK), "300000"),
        (replace(_order(), post_only=True), "300000"),
        (replace(_order(), type=OrderType.LIMIT), "300000"),
        (_order(lots="1.5"), "300000"),
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
    sim.submit(later(2), approved(_order(lots="1", price="48000"), "rest"))
    said: list[AccountStatus] = []
    cancelled: list[OrderChanged] = []
    for number, price in enumerate(range(49900, 38000, -100)):
        events = sim.tick(instant(later(60 + number), btc=str(price), liquidity=DEEP))
        said += [e.status for e in events if isinstance(e, AccountStatusChanged)]
        cancelled += [o for o in _orders(events) if o.state is OrderState.CANCELLED]

    assert AccountStatus.LIQUIDATING in said
    assert _lots(sim) == 0
    assert sim.equity_usdt() >= 0


def test_isolated_margin_is_moved_once_for_its_client_id() -> None:
    """Adding margin is an earmark in the wallet; a repeat is refused."""
    sim = _futures()
    order = replace(_order(), margin_mode=MarginMode.ISOLATED)
    sim.submit(later(1), approved(order, "open"))
    before = sim.snapshot().positions[PositionKey("XBTUSDTM")].margin
    add = approved(AdjustMargin(symbol="XBTUSDTM", amount=Decimal(50)), "add")

    done = settled(sim.submit(later(2), add))
    again = settled(sim.submit(later(3), add))

    assert done.done_amount == 50
    assert again.outcome is Outcome.REFUSED
    after = sim.snapshot().positions[PositionKey("XBTUSDTM")].margin
    assert after - before == 50
    assert sim.find(later(4), add).outcome is Outcome.DONE


def test_a_cancel_of_a_foreign_or_unknown_order_is_refused() -> None:
    """An order belongs to its account; an unknown one cannot be cancelled."""
    sim = _futures()
    order_id = settled(sim.submit(later(1), approved(_order(price="49000")))).order_id
    assert order_id is not None
    foreign = CancelOrder(account=SPOT, symbol="XBTUSDTM", order_id=order_id)
    unknown = CancelOrder(account=FUTURES, symbol="XBTUSDTM", order_id="order-99")

    assert settled(sim.submit(later(2), approved(foreign, "a"))).code == "400100"
    assert settled(sim.submit(later(3), approved(unknown, "b"))).code == "100004"
    looked = sim.find(later(4), approved(unknown, "b"))
    assert looked.outcome is Outcome.REFUSED


def test_a_request_that_never_arrived_is_found_refused() -> None:
    """The look-up of an unknown client id proves that nothing was done."""
    sim = _futures()
    intent = Transfer(
        source=FUTURES, target=MARGIN_CROSS, coin="USDT", amount=Decimal(1)
    )

    for lost in (approved(intent, "t"), approved(_order(), "o")):
        answer = sim.find(later(1), lost)
        assert (answer.outcome, answer.code) == (Outcome.REFUSED, "404000")


def test_the_debt_ratios_of_owing_accounts_are_known() -> None:
    """Accounts without debt are not listed."""
    sim = venue(
        opening(
            {"margin_cross": {"BTC": "1"}, isolated_account("BTC-USDT"): {"BTC": "1"}},
            debts={"margin_cross": {"USDT": "25000"}},
        )
    )

    assert sim.debt_ratios() == {MARGIN_CROSS: Decimal("0.5")}
