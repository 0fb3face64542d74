"""Messages recorded from the exchange by others are read too."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Final

from connectors.kucoin.parse import (
    contracts,
    decode,
    funding,
    futures_orders,
    marks,
    positions,
    wallets,
)
from connectors.kucoin.parse.node import Node

READERS: Final[dict[str, Callable[[Node], object]]] = {
    "account_ack": wallets.account_overview,
    "available_balance_change": wallets.wallet,
    "contracts_ack": contracts.contracts,
    "fills_ack": futures_orders.futures_fills,
    "funding_rate": funding.funding_push,
    "mark_index_price": marks.contract_mark_push,
    "order_change": futures_orders.futures_order_push,
    "orders_ack": futures_orders.futures_orders,
    "position_change": positions.position_change_push,
    "position_settlement": positions.settlement_push,
    "positions_ack": positions.positions,
    "wallet_balance_change": wallets.wallet,
}


def test_recorded_messages_are_read(shared_data: Path) -> None:
    """Each recorded message of a family that we read gives a value."""
    seen: set[str] = set()
    path = shared_data / "data/ref/kucoin_message_samples.jsonl.gz"
    with gzip.open(path) as lines:
        for line in lines:
            record = Node(decode.decode(line), "sample")
            name = record["name"].text()
            if name in READERS:
                assert READERS[name](record["msg"]) is not None
                seen.add(name)
    assert seen == set(READERS)
