"""The venue as a whole: time, routing, look-ups, and the truth it tells."""

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
    BorrowRateQuoted,
    Cause,
    FundingQuoted,
    LedgerBooked,
    LiquidityQuoted,
    MarksTicked,
    TradingHalted,
)
from bot.domain.instruments import Lots
from bot.domain.intents import AdjustMargin, CancelOrder, PlaceOrder, Transfer
from bot.domain.market import FundingQuote
from bot.domain.orders import OrderType, Outcome, Side
from connectors.venue.venue import Venue
from tests.unit.venue.builders import (
    DEEP,
    RATES,
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
