"""What the archive remembers: fills, ledgers, loans, interest and funding."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    AccountSnapshot,
    Position,
    PositionSide,
)
from bot.domain.events import Cause
from bot.domain.instruments import Lots
from bot.domain.intents import (
    Borrow,
    CancelOrder,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.market import (
    BorrowRate,
    FundingQuote,
    FundingSettlement,
    MarketInstant,
)
from bot.domain.orders import OrderState, OrderType, Outcome, Side
from connectors.venue.server.archive import LoanRecord
from connectors.venue.server.backend import Backend
from tests.unit.venue.builders import DEEP, RATES, START, instant, later, opening, venue


def _backend(account: AccountSnapshot) -> Backend:
    return Backend(venue=venue(account), uid="7", now=lambda: START)


def _buy(qty: str, price: str | None = None, account: AccountId = SPOT) -> PlaceOrder:
    return PlaceOrder(
        account=account,
        symbol="BTC-USDT",
        side=Side.BUY,
        qty=Decimal(qty),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=None if price is None else Decimal(price),
    )


def _future(side: Side, lots: int, leverage: str = "5") -> PlaceOrder:
    return PlaceOrder(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=side,
        qty=Decimal(lots),
        leverage=Decimal(leverage),
    )


def _assert_books_agree(backend: Backend) -> None:
    """Lines add up: each balance is the one before and the amount; the last is true."""
    running: dict[tuple[AccountId, str], Decimal] = {}
    for line in backend.archive.ledger:
        key = (line.account, line.coin)
        running[key] = running.get(key, Decimal(0)) + line.amount
        assert line.balance == running[key]
    for (account, coin), balance in backend.archive.balances_after().items():
        held = backend.venue.snapshot().balances[account].get(coin)
        assert balance == (Decimal(0) if held is None else held.total)
    numbers = [line.number for line in backend.archive.ledger]
    assert numbers == sorted(set(numbers))


def test_a_trade_has_a_line_for_each_coin_and_its_fee_in_the_paid_one() -> None:
    """Buying 0.1 BTC at 50010.8 costs 5001.08 and the fee 5.00108: one USDT line."""
    backend = _backend(opening({"spot": {"USDT": "10000"}}))
    settled = backend.submit(later(1), _buy("0.1"), "c-1")

    (fill,) = backend.archive.fills
    assert (fill.number, fill.fill.price, fill.fill.fee) == (
        1,
        Decimal("50010.8"),
        Decimal("5.00108"),
    )
    base, quote = backend.archive.ledger[-2:]
    assert (base.coin, base.amount, base.fee) == ("BTC", Decimal("0.1"), Decimal(0))
    assert (quote.coin, quote.amount, quote.fee) == (
        "USDT",
        Decimal("-5006.08108"),
        Decimal("5.00108"),
    )
    assert quote.trade_id == base.trade_id == fill.fill.trade_id
    assert quote.order_id == settled.order_id
    _assert_books_agree(backend)


def test_an_order_is_remembered_with_its_times_its_fee_and_its_end() -> None:
    """A resting order is active until it is cancelled; then it says who did it."""
    backend = _backend(opening({"spot": {"USDT": "10000"}}))
    settled = backend.submit(later(1), _buy("0.1", "40000"), "c-1")
    assert settled.order_id is not None
    record = backend.archive.orders[settled.order_id]
    assert record.is_active
    assert (record.created_at, record.updated_at) == (later(1), later(1))
    assert backend.archive.order_by_client("c-1") is record
    assert backend.archive.order_by_client("c-2") is None

    cancel = CancelOrder(
        account=SPOT, symbol="BTC-USDT", order_id=record.order.order_id
    )
    backend.submit(later(5), cancel, "c-2")
    ended = backend.archive.orders[settled.order_id]
    assert not ended.is_active
    assert ended.order.state is OrderState.CANCELLED
    assert (ended.created_at, ended.updated_at) == (later(1), later(5))
    assert ended.reason == "cancelled by the user"


def test_an_order_adds_up_the_fees_of_its_fills() -> None:
    """The fee of an order is the sum of its fills', in the fills' coin."""
    backend = _backend(opening({"spot": {"USDT": "1000000"}}))
    settled = backend.submit(later(1), _buy("10"), "c-1")
    record = backend.archive.orders[settled.order_id or ""]
    fills = [record.fill for record in backend.archive.fills]
    assert len(fills) > 1
    assert record.fee == sum(fill.fee for fill in fills)
    assert record.fee_coin == "USDT"
    _assert_books_agree(backend)


def test_a_refused_order_leaves_no_record() -> None:
    """What was never accepted is no order, and no money moved."""
    backend = _backend(opening({"spot": {"USDT": "10"}}))
    lines = len(backend.archive.ledger)
    settled = backend.submit(later(1), _buy("1"), "c-1")
    assert (settled.outcome, settled.code) == (Outcome.REFUSED, "200004")
    assert backend.archive.orders == {}
    assert len(backend.archive.ledger) == lines


def test_closing_a_future_is_one_line_of_profit_less_fee() -> None:
    """Realised profit and fee share a line; opening has a line of the fee alone."""
    backend = _backend(opening({"futures": {"USDT": "10000"}}))
    backend.submit(later(1), _future(Side.BUY, 100), "c-1")
    opened = backend.archive.ledger[-1]
    assert opened.booking.cause is Cause.FEE
    assert opened.amount == -opened.fee < 0

    backend.tick(instant(later(10), btc="51000"))
    before = len(backend.archive.ledger)
    backend.submit(later(11), _future(Side.SELL, 100), "c-2")
    closed = backend.archive.ledger[before:]
    assert len(closed) == len(backend.archive.fills) - 1
    assert {line.booking.cause for line in closed} == {Cause.REALISED_PNL}
    fills = [record.fill for record in backend.archive.fills[1:]]
    assert [line.fee for line in closed] == [fill.fee for fill in fills]
    assert [line.trade_id for line in closed] == [fill.trade_id for fill in fills]
    _assert_books_agree(backend)


def test_a_loan_says_what_was_asked_and_what_was_done() -> None:
    """A partial loan keeps both numbers; a repayment is split, interest first."""
    backend = _backend(opening({"margin_cross": {"USDT": "20000"}}))
    stock = BorrowRate(
        coin="BTC", annual_rate=Decimal("0.04"), available=Decimal("0.5")
    )
    backend.tick(instant(later(1), rates=[stock]))
    ask = Borrow(
        account=MARGIN_CROSS, coin="BTC", amount=Decimal(1), allow_partial=True
    )
    backend.submit(later(2), ask, "borrow-1")
    (loan,) = backend.archive.loans
    assert (loan.order_no, loan.requested, loan.done, loan.principal) == (
        "borrow-1",
        Decimal(1),
        Decimal("0.5"),
        Decimal("0.5"),
    )
    assert not loan.is_repay
    assert loan.is_success

    owed = backend.venue.snapshot().balances[MARGIN_CROSS]["BTC"]
    back = Repay(account=MARGIN_CROSS, coin="BTC", amount=Decimal("0.25"))
    backend.submit(later(3), back, "repay-1")
    repaid = backend.archive.loans[-1]
    assert (repaid.is_repay, repaid.number, repaid.done) == (True, 2, Decimal("0.25"))
    assert repaid.interest == owed.interest > 0
    assert repaid.principal == Decimal("0.25") - owed.interest
    _assert_books_agree(backend)


def test_a_refused_loan_is_remembered_when_the_handler_says_so() -> None:
    """It is numbered after the others, and the next loan after it."""
    backend = _backend(opening({"margin_cross": {"USDT": "100"}}))
    refused = LoanRecord(
        number=0,
        order_no="borrow-1",
        is_repay=False,
        account=MARGIN_CROSS,
        coin="BTC",
        requested=Decimal(9),
        done=Decimal(0),
        principal=Decimal(0),
        interest=Decimal(0),
        is_success=False,
        at=later(1),
    )
    backend.archive.loan_refused(refused)
    assert [loan.number for loan in backend.archive.loans] == [1]
    ask = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(100))
    backend.submit(later(2), ask, "borrow-2")
    assert [loan.number for loan in backend.archive.loans] == [1, 2]


def test_an_hour_of_interest_is_the_charge_and_not_what_rolls() -> None:
    """10 BTC at 4 %: the first hour 0.00004567, the second on principal plus it."""
    account = opening(
        {"margin_cross": {"BTC": "11"}}, debts={"margin_cross": {"BTC": "10"}}
    )
    backend = _backend(account)
    for hour in (1, 2):
        backend.advance(START + timedelta(hours=hour, seconds=20))
    hourly = Decimal("0.04") / 8760
    first, second = backend.archive.interest[-2:]
    assert first.amount == Decimal("0.00004567")
    assert first.hourly_rate == hourly
    assert second.amount == Decimal("0.00004567")
    owed = backend.venue.snapshot().balances[MARGIN_CROSS]["BTC"]
    assert owed.liability - 10 == sum(
        record.amount for record in backend.archive.interest
    )


def _settling(at: datetime, rate: str) -> MarketInstant:
    """The market at a settlement of the BTC contract."""
    settled = FundingSettlement(symbol="XBTUSDTM", funding_rate=Decimal(rate))
    return replace(instant(at), settlements=(settled,))


def test_funding_says_rate_mark_and_lots() -> None:
    """A long of 100 lots of 0.001 BTC at 50000 pays 0.01 % of 5000: 0.5 USDT."""
    long = Position(symbol="XBTUSDTM", lots=Lots(100), entry_value=Decimal(5000))
    backend = _backend(opening({"futures": {"USDT": "1000"}}, positions=[long]))
    at = later(60)
    backend.tick(_settling(at, "0.0001"))
    (funding,) = backend.archive.funding
    assert (funding.lots, funding.amount, funding.mark_price) == (
        100,
        Decimal("-0.5"),
        Decimal(50000),
    )
    assert (funding.at, funding.symbol, funding.settle) == (at, "XBTUSDTM", "USDT")
    (rate,) = backend.archive.settled_rates
    assert (rate.symbol, rate.at, rate.funding_rate) == (
        "XBTUSDTM",
        at,
        Decimal("0.0001"),
    )
    assert backend.archive.ledger[-1].amount == Decimal("-0.5")
    _assert_books_agree(backend)


@pytest.mark.parametrize("rate", ["0.0001", "-0.0001"])
def test_both_sides_of_a_hedge_have_their_own_funding(rate: str) -> None:
    """The side follows from who paid: at a positive rate the long does."""
    sides = [
        Position(
            symbol="XBTUSDTM",
            lots=Lots(lots),
            entry_value=Decimal(lots * 50),
            side=side,
        )
        for lots, side in ((100, PositionSide.LONG), (-60, PositionSide.SHORT))
    ]
    backend = _backend(opening({"futures": {"USDT": "1000"}}, positions=sides))
    backend.tick(_settling(later(60), rate))
    found = {record.lots: record.amount for record in backend.archive.funding}
    sign = 1 if rate.startswith("-") else -1
    assert found == {100: sign * Decimal("0.5"), -60: -sign * Decimal("0.3")}


def test_the_newest_funding_quote_of_a_contract_is_kept() -> None:
    """A later quote takes the place of the earlier one."""
    backend = _backend(opening({"futures": {"USDT": "1000"}}))
    for second, rate in ((1, "0.0001"), (2, "0.0002")):
        quote = FundingQuote(
            symbol="XBTUSDTM",
            funding_rate=Decimal(rate),
            settlement_at=later(3600),
            funding_interval_h=Decimal(8),
        )
        backend.tick(replace(instant(later(second)), funding_quotes=(quote,)))
    assert backend.archive.quotes["XBTUSDTM"].funding_rate == Decimal("0.0002")


def test_a_transfer_has_two_lines_and_a_record() -> None:
    """Coins leave one account and arrive in the other, under the client's id."""
    backend = _backend(opening({"main": {"USDT": "100"}}))
    move = Transfer(source=MAIN, target=SPOT, coin="USDT", amount=Decimal(40))
    backend.submit(later(1), move, "t-1")
    (record,) = backend.archive.transfers
    assert (record.client_id, record.source, record.target, record.amount) == (
        "t-1",
        MAIN,
        SPOT,
        Decimal(40),
    )
    assert [line.amount for line in backend.archive.ledger[-2:]] == [-40, 40]
    _assert_books_agree(backend)


def test_a_takeover_repays_by_force_and_its_trades_are_no_orders() -> None:
    """The debt ends as a forced repayment; fills say liquidation; lines add up."""
    account = opening(
        {"margin_cross": {"BTC": "1"}}, debts={"margin_cross": {"USDT": "45000"}}
    )
    backend = _backend(account)
    backend.tick(instant(later(10), btc="46000", liquidity=DEEP, rates=RATES))
    backend.advance(later(30))
    assert [record.fill.forced for record in backend.archive.fills] == ["liquidation"]
    assert backend.archive.orders == {}
    (loan,) = backend.archive.loans
    assert (loan.is_repay, loan.order_no) == (True, "forced-1")
    assert loan.principal + loan.interest == loan.done == loan.requested
    causes = {line.booking.cause for line in backend.archive.ledger}
    assert {Cause.LIQUIDATION, Cause.REPAY, Cause.LIQUIDATION_FEE} <= causes
    _assert_books_agree(backend)


def test_a_request_is_never_earlier_than_the_market() -> None:
    """A request that carries an older time is taken at the market's time."""
    backend = _backend(opening({"spot": {"USDT": "10000"}}))
    backend.tick(instant(later(10)))
    settled = backend.submit(later(5), _buy("0.1"), "c-1")
    assert (settled.outcome, settled.at) == (Outcome.DONE, later(10))


def test_listeners_hear_everything_after_it_was_archived() -> None:
    """A listener finds the fill it is told of in the archive already."""
    backend = _backend(opening({"spot": {"USDT": "10000"}}))
    seen: list[tuple[int, int]] = []
    backend.listen(
        lambda _, events: seen.append((len(events), len(backend.archive.fills)))
    )
    backend.submit(later(1), _buy("0.1"), "c-1")
    assert seen == [(5, 1)]
