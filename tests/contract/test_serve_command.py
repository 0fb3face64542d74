"""``gnomon venue serve`` as a process: ready, signals, exit codes, books."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.domain.market import MarketInstant
from connectors.venue.account_file import load_account
from connectors.venue.server.app import BOOKS_PATH
from connectors.venue.server.auth import KeyRing
from connectors.venue.server.backend import Backend
from connectors.venue.server.fault_script import FaultScript
from connectors.venue.server.faults import Faults
from connectors.venue.server.front import Front
from connectors.venue.server.incidents import Incidents
from connectors.venue.server.pace import MarketClock, Pace, sleep
from connectors.venue.server.process import Process
from connectors.venue.server.quotas import Quotas
from tests.contract.core_client import FULL
from tests.simulation.small import drive
from tests.unit.venue.builders import START, instant, later, opening, venue

ROOT = Path(__file__).parents[2]

_DEBTLESS = """\
vip = 0

[spot]
BTC = "0.5"

[futures]
wallet = {USDT = "6000"}

[[futures.position]]
symbol = "ETHUSDTM"
mode = "cross"
lots = 60
entry = "2500"
leverage = "5"
"""
"""It owes nothing, so that no interest comes between two looks."""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
)
async def test_the_command_serves_and_leaves_its_books(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """One line says where it is; a signal ends it; the account can be loaded again."""
    start, books = tmp_path / "start.toml", tmp_path / "end.toml"
    start.write_text(_DEBTLESS, encoding="utf-8")
    words = ["venue", "serve", "--port", "0", "--clock", "x5"]
    words += ["--account", str(start), "--books", str(books)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    ready = json.loads(line)
    assert [sorted(key["permissions"]) for key in ready["keys"]] == [
        sorted(FULL.permissions),
        ["General"],
    ]
    assert ready["keys"][0]["key"] == FULL.key
    async with aiohttp.ClientSession() as session:
        for host in (ready["spot"], ready["futures"]):
            async with session.get(host + "/api/v1/timestamp") as answer:
                assert (await answer.json())["code"] == "200000"
        async with session.get(ready["spot"] + BOOKS_PATH) as answer:
            account = (await answer.json())["account"]
        async with session.post(ready["spot"] + "/api/v1/bullet-public") as answer:
            ticket = (await answer.json())["data"]
        place = ticket["instanceServers"][0]["endpoint"]
        async with session.ws_connect(f"{place}?token={ticket['token']}") as socket:
            assert (await socket.receive_json())["type"] == "welcome"
        process.send_signal(signal.SIGUSR1)
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out, err) == (code, b"", b"")
    assert books.read_text(encoding="utf-8") == account
    assert load_account(books) == replace(
        load_account(start), path=books, digest=load_account(books).digest
    )


def _process(instants: Iterator[MarketInstant], books: Path | None = None) -> Process:
    """A served venue of the test's own market, in this process."""
    clock = MarketClock(START, 1.0, time.monotonic)
    script = FaultScript()
    faults = Faults(script=script, start=START)
    made = venue(opening({"spot": {"USDT": "100"}}))
    backend = Backend(venue=made, uid="7", now=clock.now)
    front = Front(
        backend=backend,
        keys=KeyRing([FULL]),
        quotas=Quotas(time.monotonic, {"Public": 2000}),
        faults=faults,
        wall=lambda: START,
        wait=sleep,
    )
    pace = Pace(
        instants=instants,
        shift=timedelta(0),
        clock=clock,
        incidents=Incidents(script, START, faults.log),
    )
    return Process(
        front=front, pace=pace, keys=[FULL], routes=(), mount=None, books=books
    )


async def test_a_market_that_fails_ends_the_run_with_a_bug(tmp_path: Path) -> None:
    """The error is remembered, the books are written, and the exit code is 1."""

    def failing() -> Iterator[MarketInstant]:
        yield instant()
        yield instant(later(0.01))
        raise ArithmeticError("the market broke")

    books = tmp_path / "end.toml"
    process = _process(failing(), books)
    lines: list[str] = []
    assert await asyncio.wait_for(process.run(lines.append), 10) == 1
    assert len(lines) == 1
    assert process.front.bugs.count == 1
    assert "the market broke" in process.front.bugs.traces[0]
    assert load_account(books).spot


async def test_a_bug_on_the_way_makes_the_exit_code_1() -> None:
    """A run that is stopped in order still tells that something was wrong."""
    process = _process(iter([instant()]))
    process.front.bugs.note("somewhere", ArithmeticError("a bug"))
    process.stop(0)
    assert await asyncio.wait_for(process.run(lambda _: None), 10) == 1


async def test_the_first_instant_is_known_to_the_first_request() -> None:
    """Before anything listens the market's first instant was applied."""
    process = _process(iter([instant(), instant(later(3600))]))
    process.stop(0)
    assert await asyncio.wait_for(process.run(lambda _: None), 10) == 0
    last = process.front.backend.last_instant
    assert last is not None
    assert last.at == START


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--clock", "fast"), "--clock must be real or xN"),
        (("--clock", "x0"), "--clock must be real or xN"),
        (("--port", "70000"), "--port must be 0 to 65534"),
        (("--start", "2025-01-01T00:00:00Z"), "name one"),
        (("--market", "a.toml", "--scenario", "crash"), "not both"),
        (("--faults", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("--keys", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("--books", "/nowhere/books.toml"), "name a file in a folder"),
    ],
)
def test_a_wrong_option_is_said_in_one_sentence(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    """Nothing is served, standard output stays empty, exit 2."""
    answer = drive(capsys, "venue", "serve", "--port", "0", *words)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert answer.err.count("\n") == 1
