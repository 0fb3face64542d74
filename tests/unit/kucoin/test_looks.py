"""A look books what rows explain, once, and what they do not, after a while."""

from collections.abc import Callable
from decimal import Decimal
from random import Random

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    AccountSnapshot,
    Balance,
    isolated_account,
)
from bot.domain.events import Bucket, Cause, LedgerBooked, PositionChanged
from connectors.kucoin.books import Names
from connectors.kucoin.cursors import Cursors
from connectors.kucoin.looks import Look, Looker
from connectors.kucoin.snapshots import SnapshotReader
from tests.unit.kucoin.small_exchange import (
    CONTRACT,
    Lag,
    ManualClock,
    Numbered,
    SmallExchange,
)

D = Decimal
PAIR = isolated_account("ETH-USDT")
BUCKETS = (Bucket.BALANCE, Bucket.PRINCIPAL, Bucket.INTEREST)


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


async def test_an_opening_books_nothing_and_states_all() -> None:
    """What was there before is the snapshot's, and is not booked again."""
    exchange, looker, journal = await opened()

    look = await looker.look(looker.families)

    assert journal.numbers == exchange.truth()
    assert look.events() == ()
    assert look.snapshot is not None
    assert numbers_of(look.snapshot) == exchange.truth()
    assert look.snapshot.margin_leverage == {MARGIN_CROSS: D(5)}


async def test_a_trade_is_booked_with_its_fee_and_its_fill() -> None:
    """A ledger row of a trade is the trade and its fee; the fill is told beside it."""
    exchange, looker, journal = await opened()
    exchange.trade(SPOT, "BTC-USDT", "0.1", "6000")

    look = await looker.look([SPOT])

    journal.take(look)
    amounts = {
        (booked.cause, booked.postings[0].coin): booked.postings[0].amount
        for booked in look.bookings
    }
    assert amounts == {
        (Cause.TRADE, "BTC"): D("0.1"),
        (Cause.TRADE, "USDT"): D(-6000),
        (Cause.FEE, "USDT"): D(-6),
    }
    (fill,) = look.fills
    assert (fill.account, fill.symbol, fill.qty) == (SPOT, "BTC-USDT", D("0.1"))
    assert fill.reference_price == fill.price == D(60000)
    assert journal.numbers == exchange.truth()
    assert look.unexplained == ()
    assert look.snapshot is None


async def test_only_touched_families_are_read() -> None:
    """A look at spot asks for the spot ledger and the balances, and nothing else."""
    exchange, looker, _ = await opened()
    exchange.asked.clear()

    await looker.look([SPOT])

    assert [name for name, _ in exchange.asked] == [
        "spot_ledger",
        "accounts",
        "spot_ledger",
    ]


@pytest.mark.parametrize("account", [MARGIN_CROSS, PAIR])
async def test_a_loan_and_its_repayment_come_from_the_histories(
    account: AccountId,
) -> None:
    """Ledger rows about loans are skipped: the histories book the money, once."""
    exchange, looker, journal = await opened()
    loan = exchange.borrow(account, "USDT", "1000")
    exchange.word_row(account, "USDT", "1000", "MARGIN_BORROW")

    journal.take(await looker.look([account]))
    exchange.clock.pass_(30)
    paid = exchange.repay(account, "USDT", "400")
    journal.take(await looker.look([account]))

    assert journal.numbers == exchange.truth()
    assert journal.causes() == [Cause.INTEREST, Cause.BORROW, Cause.REPAY] or (
        journal.causes() == [Cause.BORROW, Cause.INTEREST, Cause.REPAY]
    )
    ids = {booked.entry_id for booked in journal.bookings}
    assert {f"borrow:{loan}", f"repay:{paid}"} <= ids
    repaid = journal.bookings[-1].postings
    assert [(each.bucket, each.amount) for each in repaid] == [
        (Bucket.BALANCE, D(-400)),
        (Bucket.INTEREST, D("-0.01")),
        (Bucket.PRINCIPAL, D("-399.99")),
    ]


async def test_the_charge_of_a_new_loan_that_no_list_shows_is_interest() -> None:
    """KuCoin charges an hour at once and lists it nowhere."""
    exchange, looker, journal = await opened()
    exchange.borrow(MARGIN_CROSS, "USDT", "1000", is_charge_listed=False)

    look = await looker.look([MARGIN_CROSS])

    journal.take(look)
    assert set(journal.causes()) == {Cause.BORROW, Cause.INTEREST}
    assert journal.numbers == exchange.truth()
    assert look.unexplained == ()


async def test_interest_that_became_principal_is_a_move_within_the_debt() -> None:
    """The hour's charge is interest; what rolled sums to zero."""
    exchange, looker, journal = await opened()
    exchange.clock.pass_(3600)
    exchange.charge(MARGIN_CROSS, "BTC")

    journal.take(await looker.look([MARGIN_CROSS]))

    assert journal.numbers == exchange.truth()
    assert journal.causes() == [Cause.INTEREST, Cause.INTEREST]
    rolled = [each for each in journal.bookings if "rolled" in each.entry_id]
    assert sum(posting.amount for posting in rolled[0].postings) == 0


async def test_a_futures_round_trip_books_fee_profit_funding_and_transfer() -> None:
    """Fees from fills, profits from the entry value, funding from its history."""
    exchange, looker, journal = await opened()
    exchange.futures_trade(10, "60000")
    first = await looker.look([FUTURES])
    journal.take(first)
    exchange.clock.pass_(5)
    exchange.fund("-0.06")
    exchange.clock.pass_(5)
    exchange.futures_trade(-4, "61000")
    exchange.deposit(FUTURES, "USDT", "-50")
    second = await looker.look([FUTURES])
    journal.take(second)

    amounts = [(each.cause, each.postings[0].amount) for each in journal.bookings]
    assert sorted(amounts) == sorted(
        [
            (Cause.FEE, D("-0.36")),
            (Cause.FUNDING, D("-0.06")),
            (Cause.REALISED_PNL, D(4)),
            (Cause.FEE, D("-0.1464")),
            (Cause.TRANSFER, D(-50)),
        ]
    )
    assert journal.numbers == exchange.truth()
    (changed,) = [e for e in second.events() if isinstance(e, PositionChanged)]
    assert (changed.position.lots, changed.position.entry_value) == (6, D(360))
    assert changed.reason == "trade"
    assert second.fills[0].reference_price == D(60000)


async def test_rounding_of_the_wallet_belongs_to_the_profit() -> None:
    """Up to a millionth of the traded value, the wallet is right and we are not."""
    exchange, looker, journal = await opened()
    exchange.futures_trade(10, "60000")
    exchange.futures_trade(-10, "60100", extra="0.0000003")

    look = await looker.look([FUTURES])

    journal.take(look)
    assert journal.numbers == exchange.truth()
    assert Cause.ADJUSTMENT not in journal.causes()
    assert look.unexplained == ()


async def test_more_than_rounding_is_an_adjustment_once_it_stays() -> None:
    """A profit that does not follow from the entry value is not called one."""
    exchange, looker, journal = await opened()
    exchange.futures_trade(10, "60000")
    exchange.futures_trade(-10, "60100", extra="0.5")

    first = await looker.look([FUTURES])
    journal.take(first)
    exchange.clock.pass_(11)
    second = await looker.look([FUTURES])
    journal.take(second)

    assert first.unexplained == ("futures owns 0.5 USDT more than its rows explain",)
    assert [each.cause for each in second.bookings] == [Cause.ADJUSTMENT]
    assert second.unexplained == ()
    assert journal.numbers == exchange.truth()


async def test_a_late_row_takes_its_adjustment_back() -> None:
    """First the money without a row is booked; then the row is, and the opposite."""
    exchange, looker, journal = await opened()
    row = exchange.deposit(MAIN, "USDT", "75", Lag(rows=30))

    journal.take(await looker.look([MAIN]))
    assert journal.bookings == []
    exchange.clock.pass_(12)
    journal.take(await looker.look([MAIN]))
    assert journal.numbers == exchange.truth()
    exchange.clock.pass_(20)
    journal.take(await looker.look([MAIN]))

    assert journal.numbers == exchange.truth()
    assert journal.adjusted() == {}
    assert journal.causes() == [Cause.ADJUSTMENT, Cause.TRANSFER, Cause.ADJUSTMENT]
    assert journal.bookings[1].entry_id == f"main:{row}"


async def test_nothing_is_adjusted_before_it_is_confirmed() -> None:
    """Two looks in one second confirm nothing: the row may come."""
    exchange, looker, journal = await opened()
    exchange.deposit(MAIN, "USDT", "75", Lag(rows=2))

    for _ in range(4):
        journal.take(await looker.look([MAIN]))
        exchange.clock.pass_(1)

    assert journal.causes() == [Cause.TRANSFER]
    assert journal.numbers == exchange.truth()


async def test_what_happens_during_a_look_makes_it_read_again() -> None:
    """Rows that appear between the two reads mean that the statement proves nothing."""
    exchange, looker, journal = await opened()
    exchange.before["accounts"] = lambda: exchange.deposit(MAIN, "USDT", "5")
    exchange.asked.clear()

    look = await looker.look([MAIN])

    journal.take(look)
    assert look.is_coherent
    assert [name for name, _ in exchange.asked].count("accounts") == 2
    assert journal.numbers == exchange.truth()


async def test_an_account_that_never_holds_still_is_not_coherent() -> None:
    """After some tries a look books its rows and proves nothing."""
    exchange, looker, journal = await opened()

    def again() -> None:
        exchange.deposit(MAIN, "USDT", "5")
        exchange.before["accounts"] = again

    exchange.before["accounts"] = again
    look = await looker.look([MAIN])
    journal.take(look)
    del exchange.before["accounts"]

    assert not look.is_coherent
    assert look.snapshot is None
    assert set(journal.causes()) == {Cause.TRANSFER}
    journal.take(await looker.look([MAIN]))
    assert journal.numbers == exchange.truth()


async def test_an_unknown_kind_of_row_is_an_adjustment_with_a_note() -> None:
    """A new word of the exchange stops nothing and hides nothing."""
    exchange, looker, journal = await opened()
    row = exchange.odd_row(SPOT, "USDT", "3", "KUCOIN_BONUS")

    look = await looker.look([SPOT])

    journal.take(look)
    assert [(each.cause, each.entry_id) for each in look.bookings] == [
        (Cause.ADJUSTMENT, f"spot:{row}")
    ]
    assert "KUCOIN_BONUS" in look.notes[0]
    assert journal.numbers == exchange.truth()


async def test_a_fill_that_is_late_is_told_when_it_comes() -> None:
    """The ledger names the trade; its fill is looked for until it is listed."""
    exchange, looker, journal = await opened()
    exchange.trade(SPOT, "BTC-USDT", "0.1", "6000")
    fill = exchange._rows[-1]
    fill.visible_at = exchange.clock.at.replace(minute=50)

    journal.take(await looker.look([SPOT]))
    assert journal.fills == []
    fill.visible_at = exchange.clock.at
    journal.take(await looker.look([SPOT]))

    assert len(journal.fills) == 1
    exchange.asked.clear()
    await looker.look([SPOT])
    assert "spot_fills" not in {name for name, _ in exchange.asked}


async def test_a_hold_is_told_where_it_changed() -> None:
    """Holds are absolute statements."""
    exchange, looker, _ = await opened()
    exchange.holds[SPOT, "USDT"] = D(25)

    (hold,) = (await looker.look([SPOT, MAIN])).holds

    assert (hold.account, hold.coin, hold.hold) == (SPOT, "USDT", D(25))
    assert (await looker.look([SPOT])).holds == ()


async def test_a_failed_look_changes_nothing() -> None:
    """What was read before an error is read again, and booked once."""
    exchange, looker, journal = await opened()
    exchange.deposit(MAIN, "USDT", "5")

    def fail() -> None:
        raise ConnectionError("cut")

    exchange.before["accounts"] = fail
    with pytest.raises(ConnectionError, match="cut"):
        await looker.look([MAIN])

    journal.take(await looker.look([MAIN]))
    assert journal.causes() == [Cause.TRANSFER]
    assert journal.numbers == exchange.truth()


@pytest.mark.parametrize("hours", [0.05, 30, 200])
async def test_books_are_caught_up_after_a_time_away(hours: float) -> None:
    """Windows of a day, three days and a week are walked; nothing is booked twice."""
    exchange, looker, journal = await opened()
    exchange.deposit(MAIN, "USDT", "1")
    journal.take(await looker.look(looker.families))
    texts = looker.cursors.as_texts()
    held = (await looker.look(looker.families)).snapshot
    assert held is not None
    for _ in range(10):
        exchange.clock.pass_(hours * 360)
        exchange.deposit(MAIN, "USDT", "2")
        exchange.trade(MARGIN_CROSS, "BTC-USDT", "0.01", "600")
        exchange.trade(PAIR, "ETH-USDT", "0.1", "300")
        exchange.charge(MARGIN_CROSS, "BTC")
        exchange.futures_trade(1, "60000")

    away = looker_of(exchange)
    away.open(held, Cursors.from_texts(texts))
    look = await away.look(away.families)
    journal.take(look)

    assert journal.numbers == exchange.truth()
    assert journal.adjusted() == {}
    assert len(journal.fills) == 30
    assert look.snapshot is not None


async def test_long_lists_are_read_to_their_end() -> None:
    """Five hundred rows come in pages; every one is booked once."""
    exchange, looker, journal = await opened()
    for count in range(500):
        exchange.deposit(MARGIN_CROSS, "USDT", str(count + 1))
        exchange.deposit(MAIN, "USDT", str(count + 1))
    for _ in range(120):
        exchange.deposit(FUTURES, "USDT", "3")

    look = await looker.look(looker.families)

    journal.take(look)
    assert journal.numbers == exchange.truth()
    assert len(look.bookings) == 1120


async def test_cursors_are_rebuilt_from_the_journal() -> None:
    """A journal that was told everything is enough to go on without repeating."""
    exchange, looker, journal = await opened()
    exchange.trade(SPOT, "BTC-USDT", "0.1", "6000")
    exchange.borrow(MARGIN_CROSS, "USDT", "100")
    exchange.futures_trade(3, "60000")
    look = await looker.look(looker.families)
    journal.take(look)
    assert look.snapshot is not None
    booked = [(each.at, each.entry_id) for each in look.bookings]
    booked += [(each.at, f"fill:{each.trade_id}") for each in look.fills]
    cursors = Cursors.rebuilt(looker.cursors.floor, look.at, looker.families, booked)

    again = looker_of(exchange)
    again.open(look.snapshot, cursors)
    second = await again.look(again.families)

    assert second.events() == ()
    assert second.unexplained == ()


OPERATIONS: tuple[Callable[[SmallExchange, Random, Lag], object], ...] = (
    lambda x, r, lag: x.deposit(MAIN, "USDT", str(r.randint(1, 500)), lag),
    lambda x, r, lag: x.deposit(SPOT, "USDT", str(-r.randint(1, 20)), lag),
    lambda x, r, lag: x.deposit(MARGIN_CROSS, "USDT", str(r.randint(1, 20)), lag),
    lambda x, r, lag: x.deposit(FUTURES, "USDT", str(r.randint(1, 50)), lag),
    lambda x, r, lag: x.deposit(FUTURES, "USDT", str(-r.randint(1, 50)), lag),
    lambda x, r, lag: x.trade(SPOT, "BTC-USDT", "0.001", str(r.randint(50, 70)), lag),
    lambda x, r, lag: x.trade(
        MARGIN_CROSS, "BTC-USDT", "-0.001", str(-r.randint(50, 70)), lag
    ),
    lambda x, r, lag: x.trade(PAIR, "ETH-USDT", "0.01", str(r.randint(20, 40)), lag),
    lambda x, r, lag: x.borrow(MARGIN_CROSS, "USDT", str(r.randint(10, 90)), lag),
    lambda x, r, lag: x.borrow(PAIR, "USDT", str(r.randint(10, 90)), lag),
    lambda x, r, lag: x.repay(MARGIN_CROSS, "USDT", str(r.randint(5, 60)), lag),
    lambda x, r, lag: x.repay(PAIR, "USDT", str(r.randint(5, 60)), lag),
    lambda x, r, lag: x.charge(MARGIN_CROSS, "USDT", lag),
    lambda x, r, lag: x.charge(MARGIN_CROSS, "BTC", lag),
    lambda x, r, lag: x.charge(PAIR, "USDT", lag),
    lambda x, r, lag: x.futures_trade(
        r.randint(1, 9), str(r.randint(59, 61) * 1000), lag
    ),
    lambda x, r, lag: x.futures_trade(
        -r.randint(1, 9), str(r.randint(59, 61) * 1000), lag
    ),
    lambda x, r, lag: x.fund(str(D(r.randint(-90, 90)) / 7).join(("", ""))[:9], lag),
)


@pytest.mark.parametrize("seed", range(120))
async def test_books_equal_the_exchange_whatever_the_order_and_the_lag(
    seed: int,
) -> None:
    """Once all is visible: sums are exact, rows booked once, adjustments cancel."""
    chance = Random(seed)
    exchange, looker, journal = await opened(Random(seed + 1))
    for _ in range(chance.randint(3, 25)):
        lag = Lag(
            rows=chance.choice([0, 0, 1, 7, 25]),
            statement=chance.choice([0, 0, 1, 7, 25]),
        )
        chance.choice(OPERATIONS)(exchange, chance, lag)
        exchange.clock.pass_(chance.choice([0.01, 0.3, 2, 6, 13]))
        if chance.random() < 0.6:
            count = chance.randint(1, len(looker.families))
            journal.take(await looker.look(chance.sample(looker.families, count)))
    exchange.clock.pass_(40)
    look = await looker.look(looker.families)
    journal.take(look)
    for _ in range(3):
        exchange.clock.pass_(11)
        look = await looker.look(looker.families)
        journal.take(look)

    assert journal.numbers == exchange.truth()
    assert look.snapshot is not None
    assert numbers_of(look.snapshot) == exchange.truth()
    assert look.unexplained == ()
    for (account, _, _), amount in journal.adjusted().items():
        assert account == FUTURES
        assert abs(amount) < D("0.000001")
    ids = {booked.entry_id for booked in journal.bookings}
    for list_name, family in (
        ("main_ledger", "main"),
        ("spot_ledger", "spot"),
        ("margin_ledger", "margin"),
        ("funding_history", "funding"),
        ("futures_ledger", "futures"),
    ):
        opening = {"main": 1, "spot": 1, "margin": 2, "futures": 1}.get(family, 0)
        for row in exchange.row_ids(list_name)[opening:]:
            assert f"{family}:{row}" in ids
    assert len(journal.fills) == sum(
        row.list_name.endswith("fills") for row in exchange._rows
    )


async def test_a_gift_without_a_row_is_taken_in_and_stays_an_adjustment() -> None:
    """Money that no list ever explains is booked once, and named."""
    exchange, looker, journal = await opened()
    exchange.gift(SPOT, "KCS", "1.5")
    journal.take(await looker.look([SPOT]))
    exchange.clock.pass_(11)
    look = await looker.look([SPOT])
    journal.take(look)
    exchange.clock.pass_(11)
    journal.take(await looker.look([SPOT]))

    assert journal.causes() == [Cause.ADJUSTMENT]
    assert journal.adjusted() == {(SPOT, "KCS", False): D("1.5")}
    assert "spot KCS: 1.5 were booked as adjustment" in look.notes[0]
    assert journal.numbers == exchange.truth()


async def test_a_residue_that_went_away_is_forgotten() -> None:
    """A statement that was wrong for a second leaves nothing behind."""
    exchange, looker, journal = await opened()
    exchange.gift(SPOT, "KCS", "1.5")
    first = await looker.look([SPOT])
    exchange.gift(SPOT, "KCS", "-1.5")
    second = await looker.look([SPOT])

    assert first.unexplained != ()
    assert second.unexplained == ()
    assert journal.numbers == exchange.truth()
    assert first.snapshot is second.snapshot is None
    assert Balance() not in journal.numbers.values()
