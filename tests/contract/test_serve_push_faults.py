"""What a fault script does to pushes: lost, twice, late, silent, cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from connectors.kucoin.parse import marks
from tests.contract.sockets_bench import Client, Place

_MARK = "/contract/instrument:XBTUSDTM"


@asynccontextmanager
async def _spoiled(fault: str) -> AsyncIterator[tuple[Place, Client]]:
    """A client of marks whose pushes a script spoils."""
    script = f'[[websocket]]\ntopic = "/contract/instrument"\ncount = 1\n{fault}'
    async with (
        Place(script=script).open() as place,
        place.client("futures", is_private=False) as client,
    ):
        await client.hear(_MARK)
        yield place, client


async def _marks(place: Place, client: Client, count: int, prices: str) -> list[str]:
    """Move the market through prices; the marks that arrive."""
    for price in prices.split():
        place.served.tick(price)
    return [
        str(marks.contract_mark_push(node).mark_price)
        for node in await client.push("mark.index.price", count)
    ]


async def test_a_gap_loses_a_frame() -> None:
    """The first mark is lost, the others come."""
    async with _spoiled('fault = "gap"') as (place, client):
        assert await _marks(place, client, 2, "50001 50002 50003") == ["50002", "50003"]


async def test_a_duplicate_comes_twice() -> None:
    """The first mark comes twice."""
    async with _spoiled('fault = "duplicate"') as (place, client):
        found = await _marks(place, client, 3, "50001 50002")
        assert found == ["50001", "50001", "50002"]


async def test_a_reordered_frame_comes_late() -> None:
    """The first mark comes after two others."""
    async with _spoiled('fault = "reorder"\nframes = 2') as (place, client):
        found = await _marks(place, client, 3, "50001 50002 50003")
        assert found == ["50002", "50003", "50001"]


async def test_a_stall_is_silence_on_an_open_socket() -> None:
    """For three seconds of the venue's time nothing comes, a ping is answered."""
    async with _spoiled('fault = "stall"\nfor_s = 3') as (place, client):
        place.served.tick("50001")
        assert await client.is_quiet()
        assert (await client.say(type="ping"))["type"] == "pong"
        for price in ("50002", "50003"):
            place.served.tick(price)
            assert await client.is_quiet()
        assert await _marks(place, client, 1, "50004") == ["50004"]


@pytest.mark.parametrize("code", [1006, 1012])
async def test_a_close_ends_the_connection(code: int) -> None:
    """The socket is closed with the code of the script, 1006 without a frame."""
    async with _spoiled(f'fault = "close"\nclose_code = {code}') as (place, client):
        place.served.tick("50001")
        with pytest.raises(ConnectionError):
            await client.next()
        assert client.socket.close_code == code


async def test_a_slow_frame_is_late() -> None:
    """The first mark comes a tenth of a second late, and in order."""
    async with _spoiled('fault = "slow"\ndelay_ms = 100') as (place, client):
        clock = asyncio.get_running_loop().time
        begun = clock()
        found = await _marks(place, client, 2, "50001 50002")
        assert found == ["50001", "50002"]
        assert clock() - begun >= 0.1


async def test_an_error_in_a_beat_is_noted_and_the_beats_go_on() -> None:
    """A bug of the pushes is told to whoever keeps bugs; marks come all the same."""
    async with Place().open() as place, place.client("spot") as client:
        await client.hear("/indicator/markPrice:USDT-BTC")
        good, calls = place.backend.now, [0]

        def now() -> datetime:
            calls[0] += 1
            if calls[0] == 1:
                raise ArithmeticError("a clock that fails once")
            return good()

        place.backend.now = now
        while not place.bugs:
            await asyncio.wait({asyncio.ensure_future(client.is_quiet())})
        place.served.at += timedelta(seconds=1)
        await client.one("tick")
        (bug,) = place.bugs
        assert isinstance(bug[1], ArithmeticError)
        place.bugs.clear()
