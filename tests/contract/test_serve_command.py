"""``gnomon venue serve`` as a process: ready, signals, exit codes, books."""

import asyncio
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from connectors.venue.account_file import load_account
from connectors.venue.server.app import BOOKS_PATH
from tests.contract.core_client import FULL

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
        process.send_signal(signal.SIGUSR1)
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out, err) == (code, b"", b"")
    assert books.read_text(encoding="utf-8") == account
    assert load_account(books) == replace(
        load_account(start), path=books, digest=load_account(books).digest
    )
