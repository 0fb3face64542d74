"""The whole account at one look, for people: balances, loans, positions, orders.

One read of each part, without proof that nothing moved meanwhile; the books of a
session are kept elsewhere.
"""

from dataclasses import dataclass

from bot.domain.accounts import MAIN, AccountSnapshot
from connectors.kucoin.answers import Rest
from connectors.kucoin.interests import interests_of
from connectors.kucoin.order_reads import open_orders
from connectors.kucoin.registry import OrderFact
from connectors.kucoin.snapshots import SnapshotReader, read_snapshot

__all__ = ["Overview", "read_overview"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The account and its open orders, none where they were not asked for."""

    snapshot: AccountSnapshot
    orders: tuple[OrderFact, ...]


async def read_overview(rest: Rest, *, lists_orders: bool) -> Overview:
    """Read everything once.

    Args:
        rest: The exchange.
        lists_orders: Whether open orders are asked for; listing the pairs in which
            they rest needs a key that may trade.

    Raises:
        ExchangeRefusedError: The exchange refuses a question.
        UnreachableError: No sound answer.
        UsageError: A field of an answer is missing or broken.
    """
    reader = SnapshotReader(rest, dict)
    snapshot = await read_snapshot(reader)
    if not lists_orders:
        return Overview(snapshot=snapshot, orders=())
    interests = interests_of(snapshot, (), reader.contract_coins())
    orders = await open_orders(
        rest, interests.accounts - {MAIN}, interests.spot_symbols
    )
    return Overview(snapshot=snapshot, orders=orders)
