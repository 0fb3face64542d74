"""Long lists, times away and restarts: what was booked is not booked again."""

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
)
from bot.domain.errors import UnreachableError
from bot.domain.events import Cause
from connectors.kucoin.cursors import Cursors
from tests.unit.kucoin.listed_account import D, Lag
from tests.unit.kucoin.looks_bench import PAIR, looker_of, opened


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


async def test_an_account_that_never_holds_still_cannot_be_opened() -> None:
    """Books that start from a moving account would be wrong from the first line."""
    exchange, _, _ = await opened()

    def again() -> None:
        exchange.deposit(MAIN, "USDT", "5")
        exchange.before["accounts"] = again

    exchange.before["accounts"] = again
    with pytest.raises(UnreachableError, match="held still"):
        await looker_of(exchange).opening()


async def test_a_looker_without_books_says_so() -> None:
    """Nobody looks before the books are open."""
    exchange, _, _ = await opened()

    with pytest.raises(ValueError, match="open the books"):
        await looker_of(exchange).look([MAIN])


async def test_fills_listed_out_of_order_make_the_same_profit() -> None:
    """A close that is listed before an earlier buy moves profit, and it is mended."""
    exchange, looker, journal = await opened()
    exchange.futures_trade(4, "60000")
    journal.take(await looker.look([FUTURES]))
    exchange.futures_trade(4, "66000", Lag(rows=30))
    exchange.clock.pass_(1)
    exchange.futures_trade(-4, "66000")

    for _ in range(5):
        exchange.clock.pass_(11)
        journal.take(await looker.look([FUTURES]))

    assert journal.numbers == exchange.truth()
    assert journal.adjusted() == {}
    profits = [
        booked.postings[0].amount
        for booked in journal.bookings
        if booked.cause is Cause.REALISED_PNL
    ]
    assert sum(profits) == D(12)


async def test_a_contract_opened_and_closed_between_looks_has_its_funding() -> None:
    """Nothing is held before or after; the funding in between is asked for."""
    exchange, looker, journal = await opened()
    exchange.futures_trade(4, "60000")
    exchange.fund("-0.5")
    exchange.futures_trade(-4, "60000")

    look = await looker.look([FUTURES])

    journal.take(look)
    assert Cause.FUNDING in journal.causes()
    assert look.positions == ()
    assert journal.numbers == exchange.truth()


async def test_a_position_that_no_fill_explains_is_taken_as_stated() -> None:
    """After five minutes the exchange's figure is what profits follow from."""
    exchange, looker, journal = await opened()
    exchange.futures_trade(5, "60000", Lag(rows=10**6))

    first = await looker.look([FUTURES])
    exchange.clock.pass_(301)
    second = await looker.look([FUTURES])

    journal.take(first)
    journal.take(second)
    assert first.positions[0].reason == "foreign"
    assert any("not what its fills make it" in note for note in second.notes)
    exchange.futures_trade(-5, "61000")
    third = await looker.look([FUTURES])
    journal.take(third)
    assert [booked.postings[0].amount for booked in third.bookings] == [
        D(5),
        D("-0.183"),
    ]
    assert third.positions[0].position.lots == 0
    assert journal.numbers == exchange.truth()
