"""A maker who is paid: the row's fee is negative, and was taken for a broken one."""

from decimal import Decimal

import pytest

from bot.domain.accounts import SPOT
from bot.domain.events import Bucket, Cause
from connectors.kucoin.books import Names, plain_row
from connectors.kucoin.parse.ledgers import ledger
from connectors.kucoin.parse.node import Node

D = Decimal
NAMES = Names(intent_of=lambda _: None, mark_of=lambda _: None)


@pytest.mark.parametrize(
    ("direction", "amount", "traded"),
    [("in", "1.60079920", "1.5992"), ("out", "1.59760080", "-1.5992")],
)
def test_a_rebate_is_money_that_came_in(
    direction: str, amount: str, traded: str
) -> None:
    """KuCoin's example with a maker who is paid: sold for 1.5992, or bought for it.

    The rebate of 0.0015992 is in the amount: more came in, or less went out.
    """
    document = {
        "id": "254062248624417",
        "currency": "USDT",
        "amount": amount,
        "fee": "-0.00159920",
        "tax": "0",
        "balance": "26.02759864",
        "accountType": "TRADE_HF",
        "bizType": "TRADE_EXCHANGE",
        "direction": direction,
        "createdAt": "1728443957539",
        "context": '{"symbol":"KCS-USDT","orderId":"67","tradeId":"10"}',
    }
    [row] = ledger(Node([document], "rows"))
    found = plain_row("spot", SPOT, row, NAMES)
    assert found is not None
    name = "spot:254062248624417"
    booked = [(b.entry_id, b.cause, b.postings[0]) for b in found.bookings]
    assert [(e, c, p.bucket, p.amount) for e, c, p in booked] == [
        (name, Cause.TRADE, Bucket.BALANCE, D(traded)),
        (f"{name}:fee", Cause.FEE, Bucket.BALANCE, D("0.0015992")),
    ]
