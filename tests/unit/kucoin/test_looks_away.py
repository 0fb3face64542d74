"""Long lists, times away and restarts: what was booked is not booked again."""

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
)
from connectors.kucoin.cursors import Cursors
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
