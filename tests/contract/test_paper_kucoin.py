"""``gnomon paper --market kucoin`` as a process, on a served market at high speed.

The market is served by ``gnomon venue serve`` on this machine; the bot is not told so.
Each test takes some seconds of real time, because its market passes in real time.
"""

import asyncio
import json
import select
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import Entry, Noted, RunEnded, RunStarted
from bot.domain.errors import JournalError
from bot.domain.events import (
    Cause,
    Filled,
    IntentSettled,
    LedgerBooked,
    OrderChanged,
    SnapshotTaken,
)
from bot.domain.intents import Approved
from bot.domain.orders import OrderState
from bot.engine.memory import recall
from storage.journal import SqliteJournal
from storage.reader import JournalReader
from tests.simulation.small import LEVERED, drive, market, spawn, write

_START_S = 60.0
_WAIT_S = 90.0
_CALM = [50_000.0 + 10 * (n % 3) for n in range(120)]
_FALL = [50_000.0] * 4 + [50_000.0 - 1_500 * n for n in range(9)] + [38_000.0] * 120
_SECRETS = ("planted-key", "planted-secret", "planted-passphrase")


@contextmanager
def served(
    folder: Path, closes: Sequence[float], clock: str
) -> Iterator[tuple[str, str]]:
    """The addresses of a served market of these closes a minute."""
    manifest = market(folder / "market", {"BTC": closes}, volume=6_000.0)
    words = ("venue", "serve", "--port", "0", "--clock", clock)
    account = write(folder / "served.toml", '[spot]\nUSDT = "1"\n')
    process = spawn(folder, *words, "--market", manifest, "--account", account)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], _START_S)[0], "it never served"
        ready = json.loads(process.stdout.readline())
        yield ready["spot"], ready["futures"]
    finally:
        process.kill()
        process.communicate()


def configured(folder: Path, addresses: tuple[str, str], rate: str) -> None:
    """A folder to run in, with a key in ``.env`` that must never be used."""
    key, secret, passphrase = _SECRETS
    write(
        folder / ".env",
        f"KUCOIN_SPOT_URL={addresses[0]}\nKUCOIN_FUTURES_URL={addresses[1]}\n"
        f"GNOMON_CLOCK_RATE={rate}\nKUCOIN_API_KEY={key}\n"
        f"KUCOIN_API_SECRET={secret}\nKUCOIN_API_PASSPHRASE={passphrase}\n",
    )
    write(folder / "a.toml", LEVERED)


def paper(folder: Path, *words: str) -> "subprocess.Popen[str]":
    """A run on the live market with the journal ``j.sqlite``."""
    fixed = ("--market", "kucoin", "--account", "a.toml", "--journal", "j.sqlite")
    return spawn(folder, "paper", *fixed, "--json", *words)


def entries(folder: Path) -> list[Entry]:
    """The journal as far as it is durable."""
    with JournalReader.open(folder / "j.sqlite") as reader:
        return [stored.entry for stored in reader.entries()]


def seen(folder: Path) -> list[Entry]:
    """The same; nothing while there is no journal, or it is being replaced."""
    if not (folder / "j.sqlite").exists():
        return []
    try:
        return entries(folder)
    except JournalError:
        return []


def until(
    process: "subprocess.Popen[str]", folder: Path, good: Callable[[list[Entry]], bool]
) -> list[Entry]:
    """Wait until the journal says something."""
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        assert process.poll() is None, process.communicate()
        if (found := seen(folder)) and good(found):
            return found
        Event().wait(0.2)
    raise AssertionError("the journal never said it")


def ended(process: "subprocess.Popen[str]", number: signal.Signals | None) -> Any:
    """End a run by a signal, or let it end: its code and its summary."""
    if number is not None:
        process.send_signal(number)
    out, err = process.communicate(timeout=_WAIT_S)
    assert err == ""
    return process.returncode, json.loads(out)


def of(found: Sequence[Entry], kind: type) -> list[Any]:
    """The bodies of one kind."""
    return [entry.body for entry in found if isinstance(entry.body, kind)]


def test_a_fall_is_guarded_killed_and_gone_on_with(tmp_path: Path) -> None:
    """The guard acts on live marks; kill -9 loses nothing and books nothing twice."""
    with served(tmp_path, _FALL, "x20") as addresses:
        configured(tmp_path, addresses, "20")
        first = paper(tmp_path)
        until(first, tmp_path, lambda rows: bool(of(rows, Filled)))
        first.send_signal(signal.SIGKILL)
        first.communicate()
        before = entries(tmp_path)
        second = paper(tmp_path)
        until(
            second, tmp_path, lambda rows: bool(of(rows[len(before) :], SnapshotTaken))
        )
        Event().wait(1.0)
        code, summary = ended(second, signal.SIGINT)
    assert code == 130
    SqliteJournal.extend(tmp_path / "j.sqlite").close()
    _is_gone_on_with(before, entries(tmp_path))
    assert set(summary["without_guard"]) >= {"equity_end", "liquidations", "pnl"}
    assert (tmp_path / "j.html").read_text(encoding="utf-8").startswith("<!")


def _is_gone_on_with(before: Sequence[Entry], whole: Sequence[Entry]) -> None:
    """The second start took over the books of the first, and said so."""
    known, later = recall(before).shadow, list(whole[len(before) :])
    assert whole[: len(before)] == before
    assert known is not None
    begun, resumed = later[0].body, later[1].body
    assert isinstance(begun, RunStarted)
    assert (begun.epoch, begun.identity) == (2, of(before, RunStarted)[0].identity)
    assert isinstance(resumed, Noted)
    assert resumed.topic == "resumed"
    [taken] = of(later, SnapshotTaken)
    until_taken = later[: [entry.body for entry in later].index(taken)]
    assert of(until_taken, LedgerBooked) == []
    for account, lines in taken.snapshot.balances.items():
        for coin, line in lines.items():
            ours = known.balance(account, coin)
            assert (line.total, line.liability) == (ours.total, ours.liability)
            assert line.hold == 0
    assert {k: p.lots for k, p in taken.snapshot.positions.items()} == {
        k: p.lots for k, p in known.positions.items()
    }
    assert all(b.cause is not Cause.ADJUSTMENT for b in of(whole, LedgerBooked))
    assert not [n for n in of(whole, Noted) if n.topic == "drift"]
    _never_twice(whole)
    assert isinstance(whole[-1].body, RunEnded)
    assert whole[-1].body.reason == "interrupted"


def _never_twice(whole: Sequence[Entry]) -> None:
    """Ids are unique over both starts, and every request came to an end."""
    for ids in (
        [booked.entry_id for booked in of(whole, LedgerBooked)],
        [fill.trade_id for fill in of(whole, Filled)],
        [asked.intent_id for asked in of(whole, Approved)],
    ):
        assert len(ids) == len(set(ids))
    sums: dict[tuple[str, str, str], Decimal] = {}
    for booked in of(whole, LedgerBooked):
        for post in booked.postings:
            key = (post.account, post.coin, post.bucket)
            sums[key] = sums.get(key, Decimal(0)) + post.amount
    books = recall(whole)
    assert books.shadow is not None
    held = books.shadow.balance(MARGIN_CROSS, "BTC")
    assert sums["margin_cross", "BTC", "balance"] == held.total
    settled = {answer.intent_id for answer in of(whole, IntentSettled)}
    assert {asked.intent_id for asked in of(whole, Approved)} <= settled
    assert books.open_intents == ()
    states: dict[str, OrderState] = {}
    for changed in of(whole, OrderChanged):
        states[changed.order_id] = changed.state
    assert books.shadow.orders.keys() == {
        name for name, state in states.items() if state is OrderState.OPEN
    }


class _Tap:
    """Passes one host's bytes on and keeps what the client sends."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._to = (parts.hostname, parts.port)
        self.sent = bytearray()
        self.url = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator["_Tap"]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            server.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, to = await asyncio.open_connection(*self._to)
        back = asyncio.create_task(_pump(there, writer, bytearray()))
        await _pump(reader, to, self.sent)
        await back


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray
) -> None:
    try:
        while data := await reader.read(65_536):
            seen += data
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def test_a_planted_key_never_leaves(tmp_path: Path) -> None:
    """With a key in .env not one byte of it, and no signature, goes out."""
    with served(tmp_path, _CALM, "x10") as (spot, futures):
        async with _Tap(spot).open() as one, _Tap(futures).open() as two:
            configured(tmp_path, (one.url, two.url), "10")
            process = paper(tmp_path, "--for", "40s", "--no-guard", "--no-strategies")
            out, err = await asyncio.to_thread(process.communicate, None, _WAIT_S)
        assert (process.returncode, err) == (0, "")
        summary = json.loads(out)
        assert summary["ticks"] > 20
        assert summary["without_guard"]["equity_end"] == summary["equity_end"]
        for sent in (bytes(one.sent), bytes(two.sent)):
            assert b"GET /api/v1/" in sent
            lower = sent.lower()
            assert not [word for word in _SECRETS if word.encode() in lower]
            assert b"kc-api" not in lower
            assert b"bullet-private" not in lower
    journal = (tmp_path / "j.sqlite").read_bytes()
    assert not [word for word in _SECRETS if word.encode() in journal]


def test_sigterm_ends_in_order_and_another_account_is_refused(tmp_path: Path) -> None:
    """SIGTERM is exit 0 with the summary; the journal belongs to its account."""
    with served(tmp_path, _CALM, "x10") as addresses:
        configured(tmp_path, addresses, "10")
        first = paper(tmp_path)
        until(first, tmp_path, lambda rows: len(rows) > 12)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        write(tmp_path / "a.toml", LEVERED.replace("2000", "2001"))
        other = paper(tmp_path)
        out, err = other.communicate(timeout=_WAIT_S)
        assert (other.returncode, out) == (2, "")
        assert "the journal of another run (its account is" in err
        known = entries(tmp_path)[0]
        forced = paper(tmp_path, "--force")
        until(forced, tmp_path, lambda rows: len(rows) > 12 and rows[0] != known)
        code, summary = ended(forced, signal.SIGTERM)
    assert code == 0
    assert summary["liquidations"] == 0
    assert (tmp_path / "j.sqlite.old-1").exists()
    [last] = of(entries(tmp_path), RunEnded)
    assert last.reason == "stopped"
    again = paper(tmp_path)
    assert "already ended" in again.communicate(timeout=_WAIT_S)[1]
    assert again.returncode == 2


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
)
def test_a_signal_before_the_run_has_begun_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """While the exchange is still being asked there is nothing to sum up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        configured(tmp_path, (url, url), "1")
        process = paper(tmp_path)
        with silent.accept()[0] as line:
            line.recv(1)
            process.send_signal(number)
            out, err = process.communicate(timeout=_WAIT_S)
    assert (process.returncode, out) == (code, "")
    assert err == "gnomon: Stopped before the run had begun.\n"
    assert not (tmp_path / "j.sqlite").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--start", "2025-10-10T21:00:00Z"), "--start makes no sense"),
        (("--end", "2025-10-10T21:00:00Z"), "use --for"),
        (("--speed", "60"), "--speed makes no sense"),
        (("--seed", "1"), "--seed makes no sense"),
        (("--borrow-x", "3"), "borrow.multiplier"),
        (("--scenario", "crash"), "not both"),
        (("--for", "soon"), "write 90s, 5m or 8h"),
        (("--journal", "."), "is a folder"),
    ],
)
def test_what_makes_no_sense_on_a_live_market_is_refused(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    """One sentence, exit 2, nothing written, nobody asked."""
    monkeypatch.chdir(tmp_path)
    answer = drive(capsys, "paper", "--market", "kucoin", *words)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_market_that_ends_by_itself_takes_no_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """--for belongs to the live market."""
    answer = drive(capsys, "paper", "--scenario", "calm", "--for", "10m")
    assert answer.code == 2
    assert "--for ends a run on the live market" in answer.err


def test_an_exchange_that_is_not_there_is_exit_3(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written before the exchange has answered."""
    monkeypatch.chdir(tmp_path)
    nowhere = ("http://127.0.0.1:9", "http://127.0.0.1:9")
    configured(tmp_path, nowhere, "1")
    answer = drive(capsys, "paper", "--market", "kucoin", "--account", "a.toml")
    assert (answer.code, answer.out) == (3, "")
    assert not (tmp_path / "runs").exists()
