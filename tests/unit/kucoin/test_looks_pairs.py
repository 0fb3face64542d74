"""An isolated pair that somebody else begins to use belongs to the books at once."""

from bot.domain.accounts import MAIN, MARGIN_CROSS
from connectors.kucoin.books import Names
from connectors.kucoin.looks import Looker
from connectors.kucoin.snapshots import SnapshotReader
from tests.unit.kucoin.listed_account import CONTRACT, ManualClock
from tests.unit.kucoin.looks_bench import PAIR, Journal
from tests.unit.kucoin.small_exchange import SmallExchange


async def test_a_transfer_into_a_new_pair_is_booked_from_its_row() -> None:
    """The ledger's row names no pair; the pairs in use do, so nothing is adjusted."""
    exchange = SmallExchange(ManualClock(), None)
    exchange.deposit(MAIN, "USDT", "10000")
    exchange.clock.pass_(60)
    looker = Looker(
        rest=exchange,
        clock=exchange.clock,
        reader=SnapshotReader(exchange, lambda: {"XBTUSDTM": CONTRACT}),
        names=Names(intent_of=lambda _: None, mark_of=lambda _: None),
    )
    journal = Journal(await looker.opening())
    assert PAIR not in looker.families
    exchange.deposit(PAIR, "ETH", "2")

    look = await looker.look([MARGIN_CROSS])
    journal.take(look)

    assert journal.numbers == exchange.truth()
    assert journal.adjusted() == {}
    assert PAIR in looker.families
    assert look.notes == ()
