"""A clock that the exchange refuses is measured at once."""

from bot.domain.events import FeedChanged
from connectors.kucoin.answers import ExchangeRefusedError
from tests.unit.kucoin.live_bench import Bench, running


async def test_refused_stamps_have_the_clock_measured_at_once() -> None:
    """400002 on any poll measures the clock within a second or two, not in a minute.

    Until a minute is over every signed request would be refused, the guard's too.
    """
    async with running(Bench()) as bench:
        await bench.time.advance(20)
        assert bench.time.measured == 0
        off = ExchangeRefusedError("400002", "KC-API-TIMESTAMP Invalid")
        bench.rest.reads |= dict.fromkeys(("margin_accounts", "futures_account"), off)
        await bench.time.advance(16)
        assert bench.time.measured > 0
        told = [(e.feed, e.is_live) for e in bench.of(FeedChanged)]
        assert ("clock", False) in told


async def test_another_refusal_does_not_measure_the_clock() -> None:
    """What the exchange refuses for another reason has nothing to do with the time."""
    async with running(Bench()) as bench:
        off = ExchangeRefusedError("400007", "Access denied")
        bench.rest.reads |= dict.fromkeys(("margin_accounts", "futures_account"), off)
        await bench.time.advance(40)
        assert bench.time.measured == 0
