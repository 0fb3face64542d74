"""What time does to an account at the served venue, as the official client reads it.

Two market hours pass in a second, so that interest and funding fall due.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.contract.official_sdk import (
    ITS_WARNINGS,
    debit,
    exact,
    funding,
    futures_orders,
    positions,
    typed,
)
from tests.contract.sdk_desk import CONTRACT, Desk, cross, desk_at, futures_wallet
from tests.contract.served import CROSS, agree, serve, until

pytestmark = pytest.mark.filterwarnings(ITS_WARNINGS)

LOAN = Decimal(10_000)
HOURS = 3


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serve(tmp_path_factory.mktemp("sdk"), "--clock", "x7200") as served:
        yield desk_at(served)


def _charges(desk: Desk) -> list[Any]:
    asked = debit.GetInterestHistoryReq(currency="USDT")
    rows: list[Any] = typed(desk.loans.get_interest_history(asked)).items
    return rows


def _charged(desk: Desk) -> Decimal:
    return sum((Decimal(row.interest_amount) for row in _charges(desk)), Decimal(0))


def test_interest_falls_due_by_the_hour_and_is_repaid(desk: Desk) -> None:
    """The debt is the loan and every hour's interest, exactly; then it is gone."""
    loan = debit.BorrowReq(currency="USDT", size=float(LOAN), time_in_force="FOK")
    typed(desk.loans.borrow(loan))
    rows = until(
        lambda: _charges(desk), lambda told: len(told) > HOURS, "no interest fell due"
    )
    times = sorted(row.created_time for row in rows)
    hours = {later - earlier for earlier, later in pairwise(times[1:])}
    assert hours == {3_600_000}
    owed = agree(
        client=lambda: LOAN + _charged(desk),
        books=lambda: desk.served.line(CROSS, "USDT").liability,
    )
    told = agree(
        client=lambda: cross(desk)["USDT"][2],
        books=lambda: desk.served.line(CROSS, "USDT").liability,
    )
    assert told >= owed > LOAN
    typed(desk.loans.repay(debit.RepayReq(currency="USDT", size=20_000.0)))
    assert desk.served.line(CROSS, "USDT").liability == 0


def _funding(desk: Desk) -> list[Any]:
    asked = funding.GetPrivateFundingHistoryReq(symbol=CONTRACT)
    rows: list[Any] = typed(desk.funding.get_private_funding_history(asked)).data_list
    return rows


def test_funding_is_settled_and_listed(desk: Desk) -> None:
    """The wallet moves by the fee and by what each settlement says, exactly."""
    switch = positions.SwitchMarginModeReq(symbol=CONTRACT, margin_mode="CROSS")
    typed(desk.positions.switch_margin_mode(switch))
    before = desk.served.line("futures", "USDT").total
    order = futures_orders.AddOrderReq(
        client_oid="t-1",
        side="buy",
        symbol=CONTRACT,
        leverage=5,
        type="market",
        size=50,
        margin_mode="CROSS",
    )
    placed = typed(desk.futures.add_order(order))
    asked = futures_orders.GetTradeHistoryReq(order_id=placed.order_id)
    fills = typed(desk.futures.get_trade_history(asked)).items
    fees = sum((Decimal(row.fee) for row in fills), Decimal(0))
    rows = until(lambda: _funding(desk), bool, "no funding was settled")
    assert {row.symbol for row in rows} == {CONTRACT}
    wallet = agree(
        client=lambda: before - fees + _paid(desk),
        books=lambda: desk.served.line("futures", "USDT").total,
    )
    assert wallet == agree(
        client=lambda: futures_wallet(desk),
        books=lambda: desk.served.line("futures", "USDT").total,
    )


def _paid(desk: Desk) -> Decimal:
    return sum((exact(row.funding) for row in _funding(desk)), Decimal(0))
