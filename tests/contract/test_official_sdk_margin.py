"""KuCoin's official client borrows, trades, repays and transfers at the served venue.

What it reads after each step is, to the last digit, what the venue's books say.
"""

from collections.abc import Iterator
from decimal import Decimal
from threading import Event
from typing import Any

import pytest

from tests.contract.official_sdk import (
    ITS_WARNINGS,
    accounts,
    debit,
    margin_orders,
    spot_market,
    spot_orders,
    transfers,
    typed,
)
from tests.contract.sdk_desk import (
    PAIR,
    Desk,
    books_row,
    cross,
    desk_at,
    isolated,
)
from tests.contract.served import CROSS, ISOLATED, agree, paid, serve, until

LOAN = Decimal(1000)

pytestmark = pytest.mark.filterwarnings(ITS_WARNINGS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serve(tmp_path_factory.mktemp("sdk"), "--clock", "x60") as served:
        yield desk_at(served)


# -- loans -------------------------------------------------------------------


@pytest.mark.parametrize(("account", "symbol"), [(CROSS, None), (ISOLATED, PAIR)])
def test_a_loan_is_taken_shown_and_repaid(
    desk: Desk, account: str, symbol: str | None
) -> None:
    """What is borrowed is owed, exactly; what is repaid is gone from debt and purse."""
    who = {"symbol": symbol, "is_isolated": symbol is not None}
    before = desk.served.line(account, "USDT")
    borrowed = typed(
        desk.loans.borrow(
            debit.BorrowReq(currency="USDT", size=1000.0, time_in_force="FOK", **who)
        )
    )
    assert Decimal(borrowed.actual_size) == LOAN
    after = desk.served.line(account, "USDT")
    assert (after.total, after.principal) == (before.total + LOAN, LOAN)
    read = cross if symbol is None else isolated
    agree(
        client=lambda: read(desk)["USDT"],
        books=lambda: books_row(desk, account, "USDT"),
    )
    repaid = typed(
        desk.loans.repay(debit.RepayReq(currency="USDT", size=5000.0, **who))
    )
    end = desk.served.line(account, "USDT")
    given = Decimal(repaid.actual_size)
    assert end.liability == 0
    assert given > LOAN
    assert end.total == after.total - given
    _check_loan_histories(desk, who, borrowed.order_no, repaid.order_no)
    assert ("MARGIN" if symbol is None else "ISOLATED") in _told_accounts(desk)


def _check_loan_histories(
    desk: Desk, who: dict[str, Any], borrow_no: str, repay_no: str
) -> None:
    """Both requests are found by their numbers, done, with what they moved."""
    asked = debit.GetBorrowHistoryReq(currency="USDT", **who)
    (taken,) = [
        row
        for row in typed(desk.loans.get_borrow_history(asked)).items
        if row.order_no == borrow_no
    ]
    assert (taken.status.value, Decimal(taken.actual_size)) == ("SUCCESS", LOAN)
    (given,) = [
        row
        for row in typed(
            desk.loans.get_repay_history(
                debit.GetRepayHistoryReq(currency="USDT", **who)
            )
        ).items
        if row.order_no == repay_no
    ]
    charged = typed(
        desk.loans.get_interest_history(
            debit.GetInterestHistoryReq(currency="USDT", **who)
        )
    ).items
    interest = sum((Decimal(row.interest_amount) for row in charged), Decimal(0))
    assert given.status.value == "SUCCESS"
    assert (Decimal(given.principal), Decimal(given.interest)) == (LOAN, interest)


# -- margin and spot orders -----------------------------------------------------


@pytest.mark.parametrize(("account", "isolated"), [(CROSS, False), (ISOLATED, True)])
def test_a_margin_order_rests_and_is_cancelled(
    desk: Desk, account: str, *, isolated: bool
) -> None:
    """A far limit order holds its funds until it is cancelled by its own id."""
    name = f"rest-{isolated}"
    trade = "MARGIN_ISOLATED_TRADE" if isolated else "MARGIN_TRADE"
    placed = typed(
        desk.margin.add_order(
            margin_orders.AddOrderReq(
                client_oid=name,
                side="buy",
                symbol=PAIR,
                type="limit",
                size="0.01",
                price="50000",
                is_isolated=isolated,
            )
        )
    )
    assert desk.served.line(account, "USDT").hold >= 500
    (active,) = typed(
        desk.margin.get_open_orders(
            margin_orders.GetOpenOrdersReq(symbol=PAIR, trade_type=trade)
        )
    ).data
    assert (active.id, active.client_oid, active.active) == (
        placed.order_id,
        name,
        True,
    )
    asked = margin_orders.CancelOrderByClientOidReq(client_oid=name, symbol=PAIR)
    assert typed(desk.margin.cancel_order_by_client_oid(asked)).client_oid == name
    seen = until(
        lambda: typed(
            desk.margin.get_order_by_client_oid(
                margin_orders.GetOrderByClientOidReq(client_oid=name, symbol=PAIR)
            )
        ),
        lambda order: not order.active,
        "the order never ended",
    )
    assert seen.cancel_exist
    assert Decimal(seen.deal_size) == 0
    assert desk.served.line(account, "USDT").hold == 0


def test_a_margin_fill_moves_exactly_what_the_fills_say(desk: Desk) -> None:
    """Coin and money after a market order are those before, the fills and the fees."""
    coin, money = (desk.served.line(CROSS, name) for name in ("BTC", "USDT"))
    placed = typed(
        desk.margin.add_order(
            margin_orders.AddOrderReq(
                client_oid="fill-1", side="buy", symbol=PAIR, type="market", size="0.02"
            )
        )
    )
    fills = typed(
        desk.margin.get_trade_history(
            margin_orders.GetTradeHistoryReq(
                symbol=PAIR, trade_type="MARGIN_TRADE", order_id=placed.order_id
            )
        )
    ).items
    order = typed(
        desk.margin.get_order_by_order_id(
            margin_orders.GetOrderByOrderIdReq(order_id=placed.order_id, symbol=PAIR)
        )
    )
    _check_fills(fills, order)
    cost = paid(Decimal(order.deal_funds)) + Decimal(order.fee)
    assert cross(desk)["BTC"][0] == coin.total + Decimal("0.02")
    assert cross(desk)["USDT"][0] == money.total - cost
    assert desk.served.line(CROSS, "USDT").total == money.total - cost


def _check_fills(fills: list[Any], order: Any) -> None:
    """The fills of an order add up to what the order says of itself."""
    sums = [
        sum(Decimal(getattr(row, name)) for row in fills)
        for name in ("size", "funds", "fee")
    ]
    assert sums == [
        Decimal(order.deal_size),
        Decimal(order.deal_funds),
        Decimal(order.fee),
    ]
    assert sums[0] > 0


def test_spot_orders_alone_in_batches_and_at_once(desk: Desk) -> None:
    """The spot family places, tells at once, lists, cancels, and the books follow."""
    before = desk.served.line("spot", "BTC")
    sold = typed(
        desk.spot.add_order_sync(
            spot_orders.AddOrderSyncReq(
                client_oid="s-1", side="sell", symbol=PAIR, type="market", size="0.01"
            )
        )
    )
    assert (sold.status.value, Decimal(sold.deal_size)) == ("done", Decimal("0.01"))
    assert desk.served.line("spot", "BTC").total == before.total - Decimal("0.01")
    many = [
        spot_orders.BatchAddOrdersOrderList(
            client_oid=f"s-{number}",
            side="sell",
            symbol=PAIR,
            type="limit",
            size="0.01",
            price="90000",
        )
        for number in (2, 3)
    ]
    placed = typed(
        desk.spot.batch_add_orders(spot_orders.BatchAddOrdersReq(order_list=many))
    )
    assert [row.success for row in placed.data] == [True, True]
    assert desk.served.line("spot", "BTC").hold == Decimal("0.02")
    one = spot_orders.CancelOrderByClientOidSyncReq(client_oid="s-2", symbol=PAIR)
    gone = typed(desk.spot.cancel_order_by_client_oid_sync(one))
    assert Decimal(gone.canceled_size) == Decimal("0.01")
    rest = spot_orders.CancelAllOrdersBySymbolReq(symbol=PAIR)
    assert typed(desk.spot.cancel_all_orders_by_symbol(rest)).data == "success"
    until(
        lambda: desk.served.line("spot", "BTC").hold,
        lambda hold: hold == 0,
        "the hold of cancelled orders never ended",
    )
    closed = typed(
        desk.spot.get_closed_orders(spot_orders.GetClosedOrdersReq(symbol=PAIR))
    )
    assert {row.client_oid for row in closed.items} >= {"s-1", "s-2", "s-3"}


def test_one_of_two_stops_around_the_price_sells(desk: Desk) -> None:
    """The stop that the market passes becomes an order; the other can be cancelled."""
    tries = (_straddled(desk, attempt) for attempt in range(8))
    left, size = next(found for found in tries if found)
    by_id = spot_orders.CancelStopOrderByOrderIdReq(order_id=left.id)
    gone = typed(desk.spot.cancel_stop_order_by_order_id(by_id))
    assert gone.cancelled_order_ids == [left.id]
    closed = spot_orders.GetClosedOrdersReq(symbol=PAIR)
    rows = typed(desk.spot.get_closed_orders(closed)).items
    (sold,) = [row for row in rows if Decimal(row.deal_size) == size]
    assert sold.side.value == "sell"


def _straddled(desk: Desk, attempt: int) -> tuple[Any, Decimal] | None:
    """Two stops around the price: the one that is left when the other went off.

    None when the market moved past both while they were placed; all are cancelled.
    """
    size = Decimal("0.00321") + attempt * Decimal("0.00001")
    asked = spot_market.GetTickerReq(symbol=PAIR)
    last = Decimal(typed(desk.spot_market.get_ticker(asked)).price)
    for name, price in (("above", last + 1), ("below", last - 1)):
        stop = spot_orders.AddStopOrderReq(
            client_oid=f"{name}-{attempt}",
            side="sell",
            symbol=PAIR,
            type="market",
            size=str(size),
            stop_price=str(price),
        )
        typed(desk.spot.add_stop_order(stop))
    listed = spot_orders.GetStopOrdersListReq(symbol=PAIR)
    left = typed(desk.spot.get_stop_orders_list(listed)).items
    for _ in range(20):
        if len(left) < 2:
            break
        Event().wait(0.25)
        left = typed(desk.spot.get_stop_orders_list(listed)).items
    if len(left) == 1:
        return left[0], size
    for row in left:
        by_id = spot_orders.CancelStopOrderByOrderIdReq(order_id=row.id)
        desk.spot.cancel_stop_order_by_order_id(by_id)
    return None


# -- transfers ----------------------------------------------------------------

RING = (
    ("MAIN", None, "main"),
    ("TRADE", None, "spot"),
    ("MARGIN", None, CROSS),
    ("ISOLATED", PAIR, ISOLATED),
    ("CONTRACT", None, "futures"),
    ("MAIN", None, "main"),
)
"""Every account as a transfer calls it, with its tag, and as the books call it."""


def test_money_goes_round_through_every_account(desk: Desk) -> None:
    """Each transfer takes and gives exactly its amount, and is told under its name."""
    for place in range(len(RING) - 1):
        (source, source_tag, a), (target, target_tag, b) = RING[place : place + 2]
        gave, got = (desk.served.line(name, "USDT").total for name in (a, b))
        told = typed(
            desk.transfers.flex_transfer(
                transfers.FlexTransferReq(
                    client_oid=f"ring-{place}",
                    currency="USDT",
                    amount="12.5",
                    type="INTERNAL",
                    from_account_type=source,
                    from_account_tag=source_tag,
                    to_account_type=target,
                    to_account_tag=target_tag,
                )
            )
        )
        assert told.order_id
        assert desk.served.line(a, "USDT").total == gave - Decimal("12.5")
        assert desk.served.line(b, "USDT").total == got + Decimal("12.5")
    assert "MAIN" in _told_accounts(desk)


def _told_accounts(desk: Desk) -> set[str]:
    """The accounts that the classic ledger has lines of."""
    lines = typed(desk.accounts.get_spot_ledger(accounts.GetSpotLedgerReq())).items
    return {row.account_type for row in lines}
