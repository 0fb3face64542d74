"""A look books what rows explain, once, and what they do not, after a while."""

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    Balance,
)
from bot.domain.events import Bucket, Cause, PositionChanged
from tests.unit.kucoin.listed_account import D, Lag
from tests.unit.kucoin.looks_bench import PAIR, numbers_of, opened


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


async def test_a_position_costs_what_its_fills_sum_to() -> None:
    """The exchange states an average price, rounded; its fills are exact.

    One lot of 0.001 BTC at 60000 and two at 60000.1 cost 180.0002 together, which no
    rounded average price gives back.
    """
    exchange, looker, _ = await opened()
    exchange.futures_trade(1, "60000")
    exchange.futures_trade(2, "60000.1")

    looks = [await looker.look(looker.families) for _ in range(2)]

    (changed,) = [e for e in looks[0].events() if isinstance(e, PositionChanged)]
    assert changed.position.entry_value == D("180.0002")
    assert looks[1].events() == ()
    assert looks[1].snapshot is not None
    (kept,) = looks[1].snapshot.positions.values()
    assert kept.entry_value == D("180.0002")


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
    exchange.hide_last_row(seconds=5)

    journal.take(await looker.look([SPOT]))
    assert journal.fills == []
    exchange.clock.pass_(6)
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
