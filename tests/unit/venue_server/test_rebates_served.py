"""A maker who is paid reads a negative fee in the ledgers of spot and margin."""

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.kucoin.parse import ledgers
from connectors.kucoin.parse.node import Node
from tests.unit.venue.builders import rules
from tests.unit.venue_server.spot_bench import Bench


@pytest.mark.parametrize(
    ("path", "orders"),
    [
        ("/api/v1/hf/accounts/ledgers", "/api/v1/hf/orders"),
        ("/api/v3/hf/margin/account/ledgers", "/api/v3/hf/margin/order"),
    ],
)
@pytest.mark.parametrize(("side", "price"), [("buy", "49000"), ("sell", "51000")])
def test_a_maker_who_is_paid_reads_a_negative_fee(
    path: str, orders: str, side: str, price: str
) -> None:
    """At -0.005 % of 490 or 510 the row's fee is the fill's, and adds up with it."""
    rates = {"BTC-USDT": (Decimal("-0.00005"), Decimal("0.001"))}
    bench = Bench(rules=replace(rules(), spot_fee_rates=rates))
    bench.post(
        orders,
        clientOid="paid",
        side=side,
        symbol="BTC-USDT",
        type="limit",
        price=price,
        size="0.01",
    )
    bench.tick(60, btc="48000" if side == "buy" else "52000")
    bench.tick(60, btc="48000" if side == "buy" else "52000")
    bookings = {"TRADE_EXCHANGE", "MARGIN_EXCHANGE"}
    answer = bench.get(path, currency="USDT")
    (row,) = [r for r in ledgers.ledger(Node(answer, "")) if r.kind in bookings]
    funds = Decimal(price) * Decimal("0.01")
    assert row.fee == funds * Decimal("-0.00005") < 0
    assert row.amount + row.fee == (funds if side == "sell" else -funds)
