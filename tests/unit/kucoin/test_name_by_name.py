"""One name that is refused costs no other its answer."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.errors import UnreachableError, UsageError
from bot.domain.events import Event, FeedChanged
from connectors.kucoin.answers import ExchangeRefusedError
from connectors.kucoin.name_by_name import NameByName

START = datetime(2026, 1, 1, tzinfo=UTC)
UNKNOWN = ExchangeRefusedError("900001", "symbol FOO-USDT does not exist.")


@dataclass
class Bench:
    """A clock, an exchange that refuses some names, and what was said and asked."""

    refused: Mapping[str, Exception]
    at: datetime = START
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """Names that are never answered."""
    quiet: set[str] = field(default_factory=set)
    """Names whose answer is no event."""

    def __post_init__(self) -> None:
        self.each = NameByName(self, self.said.append)

    def now(self) -> datetime:
        """The time of the bench."""
        return self.at

    async def round(self, *names: str) -> list[str]:
        """Ask for these names; the names that were answered."""
        self.asked.clear()
        events = await self.each.ask("the depth", names, self.answer)
        return [event.feed for event in events if isinstance(event, FeedChanged)]

    async def answer(self, name: str) -> Sequence[Event]:
        """One answer, as the exchange is now."""
        self.asked.append(name)
        if name in self.silent:
            await asyncio.Event().wait()
        if name in self.quiet:
            return ()
        if name in self.refused:
            raise self.refused[name]
        return (FeedChanged(at=self.at, feed=name, is_live=True, reason=""),)


@pytest.mark.parametrize("error", [UNKNOWN, UsageError("book.bids[0] must be a price")])
async def test_one_that_is_refused_leaves_the_others(error: Exception) -> None:
    """A coin without a market took the depth of every market with it."""
    bench = Bench({"FOO-USDT": error})
    assert await bench.round("BTC-USDT", "FOO-USDT", "SOL-USDT") == [
        "BTC-USDT",
        "SOL-USDT",
    ]


async def test_one_that_is_refused_again_and_again_is_left_alone_and_said_once() -> (
    None
):
    """After three refusals it is asked once a minute again, with KuCoin's words."""
    bench = Bench({"FOO-USDT": UNKNOWN})
    for _ in range(5):
        assert await bench.round("BTC-USDT", "FOO-USDT") == ["BTC-USDT"]
    assert bench.asked == ["BTC-USDT"]
    bench.at += timedelta(minutes=1)
    for _ in range(3):
        await bench.round("BTC-USDT", "FOO-USDT")
    assert bench.asked == ["BTC-USDT", "FOO-USDT"]
    words = "KuCoin says: 900001 symbol FOO-USDT does not exist."
    assert bench.said == [
        f"the depth of FOO-USDT cannot be read and is left out: {words}"
    ]


async def test_a_name_that_is_answered_again_is_no_trouble_any_more() -> None:
    """Two refusals and an answer begin the count anew."""
    bench = Bench({"A": UNKNOWN})
    for _ in range(2):
        await bench.round("A")
    bench.refused = {}
    assert await bench.round("A") == ["A"]
    bench.refused = {"A": UNKNOWN}
    for _ in range(2):
        await bench.round("A")
    assert bench.said == []


@pytest.mark.parametrize(
    "error",
    [
        UnreachableError("no answer"),
        ExchangeRefusedError("400003", "KC-API-KEY not exists"),
        ExchangeRefusedError("429000", "too many requests"),
    ],
)
async def test_what_is_refused_of_everything_ends_the_round(error: Exception) -> None:
    """What was read before is kept; where nothing was, the poll has failed."""
    bench = Bench({"B": error})
    assert await bench.round("A", "B", "C") == ["A"]
    assert bench.asked == ["A", "B"]
    with pytest.raises(type(error)):
        await bench.round("B")


async def test_one_that_cannot_be_reached_keeps_none_waiting_for_ever() -> None:
    """The next round begins behind the name at which the last one ended."""
    bench = Bench({"B": UnreachableError("no answer")})
    assert await bench.round("A", "B", "C") == ["A"]
    assert await bench.round("A", "B", "C") == ["C", "A"]
    assert await bench.round("A", "B", "C") == ["C", "A"]
    bench.refused = {}
    assert await bench.round("A", "B", "C") == ["C", "A", "B"]
    assert await bench.round("A", "B", "C") == ["A", "B", "C"]


async def test_a_round_that_takes_too_long_keeps_what_was_read() -> None:
    """A name that never answers costs the rest of its round, not what was before."""
    bench = Bench({}, silent={"B"})
    bench.each.round_s = 0.01
    assert await bench.round("A", "B", "C") == ["A"]
    assert await bench.round("A", "B", "C") == ["C", "A"]
    with pytest.raises(UnreachableError, match="the depth of nothing was answered"):
        await bench.round("B")


async def test_what_tells_no_event_was_read_as_well() -> None:
    """A mark is put into its slot: what cannot be reached after it fails no poll."""
    bench = Bench({"B": UnreachableError("no answer")}, quiet={"A"})
    assert await bench.round("A", "B") == []


async def test_the_same_reason_is_said_once_of_a_name() -> None:
    """Depth, price and status of a coin without a market are one piece of news."""
    bench = Bench({"FOO-USDT": UNKNOWN})
    for what in ("the depth", "the price", "the status"):
        for _ in range(3):
            await bench.each.ask(what, ["FOO-USDT"], bench.answer)
    [said] = bench.said
    assert said.startswith("the depth of FOO-USDT cannot be read")
