"""The looker against the served venue, over the real client: equal to a digit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

from bot.domain.accounts import AccountSnapshot
from bot.domain.events import Bucket, Cause
from bot.domain.orders import Outcome
from connectors.kucoin.books import Names
from connectors.kucoin.client import KucoinClient, open_client
from connectors.kucoin.exchange_clock import ExchangeClock
from connectors.kucoin.interests import interests_of
from connectors.kucoin.looks import Look, Looker
from connectors.kucoin.rules_reader import RulesReader
from connectors.kucoin.snapshots import SnapshotReader
from tests.contract.served import Served, serve

Numbers = dict[tuple[str, str, str], Decimal]
STEPS: tuple[tuple[str, dict[str, object]], ...] = (
    ("borrow", {"currency": "USDT", "size": "1000", "timeInForce": "FOK"}),
    ("place_margin_order", {"symbol": "BTC-USDT", "side": "buy", "funds": "500"}),
    (
        "place_margin_order",
        {"symbol": "BTC-USDT", "side": "buy", "funds": "300", "isIsolated": True},
    ),
    ("place_spot_order", {"symbol": "BTC-USDT", "side": "sell", "size": "0.01"}),
    (
        "place_futures_order",
        {"symbol": "XBTUSDTM", "side": "buy", "size": 20, "marginMode": "CROSS"},
    ),
    (
        "place_futures_order",
        {"symbol": "XBTUSDTM", "side": "sell", "size": 7, "marginMode": "CROSS"},
    ),
    (
        "place_futures_order",
        {"symbol": "ETHUSDTM", "side": "buy", "size": 7, "marginMode": "ISOLATED"},
    ),
    (
        "transfer",
        {"amount": "50", "fromAccountType": "MAIN", "toAccountType": "MARGIN"},
    ),
    (
        "transfer",
        {"amount": "20", "fromAccountType": "CONTRACT", "toAccountType": "TRADE"},
    ),
    ("repay", {"currency": "USDT", "size": "400"}),
    (
        "borrow",
        {
            "currency": "USDT",
            "size": "100",
            "timeInForce": "FOK",
            "isIsolated": True,
            "symbol": "BTC-USDT",
        },
    ),
)


@asynccontextmanager
async def looking(served: Served) -> AsyncIterator[tuple[KucoinClient, Looker]]:
    clock = ExchangeClock()
    client = open_client(
        key=served.full.key,
        secret=served.full.secret,
        passphrase=served.full.passphrase,
        spot_url=served.spot,
        futures_url=served.futures,
        clock=clock,
    )
    try:
        await clock.measure(client)
        reader = SnapshotReader(client, dict)
        names = Names(intent_of=lambda number: number, mark_of=dict[str, Decimal]().get)
        yield client, Looker(rest=client, clock=clock, reader=reader, names=names)
    finally:
        await client.close()


async def send(client: KucoinClient, number: int, step: str, **body: object) -> None:
    body |= {"clientOid": f"step-{number}"}
    if step.startswith("place"):
        body |= {"type": "market"}
    if step == "place_futures_order":
        body |= {"leverage": "5"}
    if step == "transfer":
        body |= {"type": "INTERNAL", "currency": "USDT"}
    answer = await client.write(step, body)
    assert answer.outcome is Outcome.DONE, answer


def stated(served: Served) -> Numbers:
    """The venue's true books."""
    fields = {"total": "balance", "principal": "principal", "interest": "interest"}
    return {
        (account, coin, bucket): amount
        for account, coins in served.books()["balances"].items()
        for coin, line in coins.items()
        for field, bucket in fields.items()
        if (amount := Decimal(line.get(field, "0")))
    }


def opened(snapshot: AccountSnapshot | None) -> Numbers:
    assert snapshot is not None
    return {
        (account, coin, bucket): amount
        for account, held in snapshot.balances.items()
        for coin, line in held.items()
        for bucket, amount in (
            ("balance", line.total),
            ("principal", line.principal),
            ("interest", line.interest),
        )
        if amount
    }


def post(numbers: Numbers, look: Look) -> None:
    for booked in look.bookings:
        for posting in booked.postings:
            if posting.bucket is not Bucket.MARGIN:
                key = (posting.account, posting.coin, posting.bucket.value)
                numbers[key] = numbers.get(key, Decimal(0)) + posting.amount
                if not numbers[key]:
                    del numbers[key]


async def test_books_equal_the_served_venue_after_every_step(tmp_path: Path) -> None:
    """Loans, trades, transfers and futures: each look explains all of it by rows."""
    with serve(tmp_path) as served:
        async with looking(served) as (client, looker):
            numbers = opened((await looker.opening()).snapshot)
            assert numbers == stated(served)
            causes: set[Cause] = set()
            for number, (step, body) in enumerate(STEPS):
                await send(client, number, step, **body)
                look = await looker.look(looker.families)
                post(numbers, look)
                assert numbers == stated(served), step
                assert look.unexplained == ()
                assert look.snapshot is not None
                causes |= {booked.cause for booked in look.bookings}

    assert causes == {
        *(Cause.BORROW, Cause.REPAY, Cause.INTEREST, Cause.TRADE, Cause.FEE),
        *(Cause.REALISED_PNL, Cause.MARGIN_MOVE, Cause.TRANSFER),
    }


async def test_rules_are_read_from_the_served_venue(tmp_path: Path) -> None:
    """Every document that rules come from is there, through the real client."""
    with serve(tmp_path) as served:
        async with looking(served) as (client, looker):
            opening = await looker.opening()
            assert opening.snapshot is not None
            interests = interests_of(opening.snapshot, ["XBTUSDTM"], {})
            rules = await RulesReader(client).read(interests)

    assert set(rules.contracts) == {"XBTUSDTM"}
    assert "BTC-USDT" in rules.spot_fee_rates
    assert {"BTC", "USDT"} <= set(rules.margin_coins)
    assert set(rules.isolated_pairs) == {"BTC-USDT"}
