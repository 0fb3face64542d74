"""A looker on the tiny exchange, and a journal that sums what it tells."""

from decimal import Decimal
from random import Random  # noqa: TID251 - seeded, for a law over many orders

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    AccountSnapshot,
    isolated_account,
)
from bot.domain.events import Bucket, Cause, LedgerBooked
from connectors.kucoin.books import Names
from connectors.kucoin.looks import Look, Looker
from connectors.kucoin.snapshots import SnapshotReader
from tests.unit.kucoin.listed_account import CONTRACT, D, ManualClock, Numbered
from tests.unit.kucoin.small_exchange import SmallExchange

__all__ = ["PAIR", "Journal", "chance_of", "looker_of", "numbers_of", "opened"]

PAIR = isolated_account("ETH-USDT")
BUCKETS = (Bucket.BALANCE, Bucket.PRINCIPAL, Bucket.INTEREST)


"""How each number of a coin is booked."""


def chance_of(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a repeatable test, no secret


def looker_of(exchange: SmallExchange) -> Looker:
    names = Names(intent_of={"order-1": "g1-7"}.get, mark_of={"XBTUSDTM": D(60000)}.get)
    reader = SnapshotReader(exchange, lambda: {"XBTUSDTM": CONTRACT})
    return Looker(
        rest=exchange,
        clock=exchange.clock,
        reader=reader,
        names=names,
        pairs=("ETH-USDT",),
    )


def numbers_of(snapshot: AccountSnapshot) -> dict[Numbered, Decimal]:
    found: dict[Numbered, Decimal] = {}
    for account, held in snapshot.balances.items():
        for coin, line in held.items():
            amounts = (line.total, line.principal, line.interest)
            for bucket, amount in zip(BUCKETS, amounts, strict=True):
                if amount:
                    found[account, coin, bucket] = amount
    return found


class Journal:
    """Sums postings as a journal does, and refuses a booking that is told twice."""

    def __init__(self, opening: Look) -> None:
        assert opening.snapshot is not None
        self.numbers = numbers_of(opening.snapshot)
        self.bookings: list[LedgerBooked] = []
        self.fills: list[str] = []

    def take(self, look: Look) -> None:
        """Write down what a look tells."""
        for booked in look.bookings:
            assert booked.entry_id not in {each.entry_id for each in self.bookings}
            self.bookings.append(booked)
            for posting in booked.postings:
                key = (posting.account, posting.coin, posting.bucket)
                self.numbers[key] = self.numbers.get(key, D(0)) + posting.amount
                if not self.numbers[key]:
                    del self.numbers[key]
        for fill in look.fills:
            assert fill.trade_id not in self.fills
            self.fills.append(fill.trade_id)

    def causes(self) -> list[Cause]:
        """The cause of every booking, in order."""
        return [booked.cause for booked in self.bookings]

    def adjusted(self) -> dict[tuple[AccountId, str, bool], Decimal]:
        """The net of all adjustments; a debt is one number."""
        net: dict[tuple[AccountId, str, bool], Decimal] = {}
        for booked in self.bookings:
            if booked.cause is Cause.ADJUSTMENT:
                for posting in booked.postings:
                    is_debt = posting.bucket is not Bucket.BALANCE
                    key = (posting.account, posting.coin, is_debt)
                    net[key] = net.get(key, D(0)) + posting.amount
        return {key: amount for key, amount in net.items() if amount}


async def opened(
    chaos: Random | None = None,
) -> tuple[SmallExchange, Looker, Journal]:
    exchange = SmallExchange(ManualClock(), chaos)
    for account in (MAIN, SPOT, MARGIN_CROSS, PAIR, FUTURES):
        exchange.deposit(account, "USDT", "10000")
    exchange.borrow(MARGIN_CROSS, "BTC", "0.5")
    exchange.clock.pass_(60)
    looker = looker_of(exchange)
    return exchange, looker, Journal(await looker.opening())
