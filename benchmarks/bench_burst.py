"""What a burst of mark frames costs the program itself, without network and venue.

Usage: python benchmarks/bench_burst.py [--bursts 300]

Once a second KuCoin marks every coin and contract: 100 coins and 50 contracts are 150
frames on two connections. Here their bytes are handed to the two links at once; what
follows is the program's own: decoding, judging and conflating the frames, and the step
of the engine. The account has 100 coins in cross margin and 50 cross positions. Times
are from the first frame to the verdict on the newest one; ``processor`` is the
thread's own time, which other processes do not lengthen.
"""

import argparse
import asyncio
import gc
import json
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import numpy as np
from bench_kernel import account_of

from bot.domain.accounts import MARGIN_CROSS, MarginMode
from bot.domain.events import Event
from bot.engine.core import Core, State
from bot.engine.executor import Executor
from bot.engine.loop import Engine
from connectors.kucoin.feed import Feed, Interests
from connectors.kucoin.mark_slot import MarkSlot
from connectors.kucoin.registry import OrderRegistry
from connectors.kucoin.socket_buffer import SocketBuffer
from connectors.kucoin.socket_inbox import Inbox
from connectors.kucoin.socket_kit import SocketKit
from connectors.kucoin.socket_link import Link
from connectors.kucoin.standing import Standing
from connectors.kucoin.streams import Frame
from connectors.kucoin.topics import CONTRACT_MARKS, MARGIN_MARKS
from connectors.kucoin.watchdog import Source

AT = datetime(2026, 1, 1, tzinfo=UTC)
COINS, CONTRACTS = 100, 50
WARM_UP = 20
RESULT = Path(__file__).parent / "results" / "burst.txt"


class Now:
    """The exchange's time, set by the benchmark."""

    def __init__(self) -> None:
        self.at = AT

    def now(self) -> datetime:
        """It."""
        return self.at


class Wire:
    """A socket whose messages are there already, or not at all."""

    def __init__(self) -> None:
        self.waiting: deque[str] = deque()
        self.bell = asyncio.Event()

    def arrive(self, messages: Sequence[str]) -> None:
        """Let messages be read."""
        self.waiting.extend(messages)
        self.bell.set()

    async def receive(self) -> aiohttp.WSMessage:
        """The next one; it does not wait where one is there, as in aiohttp."""
        while not self.waiting:
            self.bell.clear()
            await self.bell.wait()
        return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, self.waiting.popleft(), "")


class Nowhere:
    """A journal and gateways that keep nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *given: None


def coin_frame(coin: str, price: Decimal, at: datetime) -> str:
    """A push of a margin coin's mark in BTC."""
    return json.dumps(
        {
            "topic": f"/indicator/markPrice:{coin}-BTC",
            "type": "message",
            "subject": "tick",
            "data": {
                "symbol": f"{coin}-BTC",
                "granularity": 1000,
                "timestamp": int(at.timestamp() * 1000),
                "value": float(price),
            },
        }
    )


def contract_frame(symbol: str, price: Decimal, at: datetime) -> str:
    """A push of a contract's mark and index."""
    return json.dumps(
        {
            "topic": f"/contract/instrument:{symbol}",
            "type": "message",
            "subject": "mark.index.price",
            "data": {
                "markPrice": float(price),
                "indexPrice": float(price),
                "granularity": 1000,
                "timestamp": int(at.timestamp() * 1000),
            },
        }
    )


class Bench:
    """Two links, one feed and one engine, as a live session has them."""

    def __init__(self) -> None:
        full = account_of(COINS)
        crossed = [p for p in full.positions.values() if p.mode is MarginMode.CROSS]
        kept = crossed[:CONTRACTS]
        futures = {k: v for k, v in full.balances.items() if not _is_margin(k)}
        shadow = replace(
            full,
            balances={MARGIN_CROSS: full.balances[MARGIN_CROSS], **futures},
            positions={p.key: p for p in kept},
        )
        self.coins = [f"C{i:03}" for i in range(COINS)]
        self.contracts = [p.symbol for p in kept]
        self.now, self.kit_now = Now(), time.monotonic
        kit = SocketKit(clock=self.now)
        self.buffer = SocketBuffer(10_000)
        self.inbox = Inbox(
            self.buffer, self.now, time.monotonic, calm_s=2.0, ahead_s=300.0
        )
        self.feed = Feed(
            interests=Interests(coins=frozenset(self.coins)),
            registry=OrderRegistry(),
            standing=Standing(warning_debt_ratio=Decimal("0.95")),
        )
        self.wires = {}
        for channel, symbols in (
            (MARGIN_MARKS, [f"{c}-BTC" for c in (*self.coins, "USDT")]),
            (CONTRACT_MARKS, self.contracts),
        ):
            source = Source(channel.host, is_private=False, number=0)
            self.inbox.open_channel(channel, symbols)
            self.inbox.expect(source, [channel.topic])
            wire: Any = Wire()
            server: Any = SimpleNamespace(ping_interval_ms=18000, ping_timeout_ms=10000)
            self.wires[channel] = wire, Link(wire, server, source, self.inbox, kit)
        nowhere: Any = Nowhere()
        self.engine = Engine(
            core=Core(is_parity_kept=True),
            state=State(shadow=shadow),
            journal=nowhere,
            executor=Executor(orders=nowhere, loans=nowhere, transfers=nowhere),
        )
        self.bell = asyncio.Event()
        self.moments = 0
        self.step_s = 0.0

    async def listen(self) -> None:
        """What the live world's listener does with marks."""
        while (item := await self.buffer.next()) is not None:
            if isinstance(item, Frame):
                self.feed.take(item)
                if not self.feed.marks.is_empty:
                    self.bell.set()

    async def trade(self) -> None:
        """What the live world's moments and the engine's loop do."""
        slot: MarkSlot = self.feed.marks
        while True:
            await self.bell.wait()
            self.bell.clear()
            while not slot.is_empty:
                moment: tuple[Event, ...] = slot.take()
                began = time.perf_counter()
                self.engine.handle(moment)
                self.step_s += time.perf_counter() - began
                self.moments += 1
                await asyncio.sleep(0)

    def frames(self, dice: np.random.Generator) -> dict[Any, list[str]]:
        """A second's frames: about 0.1 % up or down each, USDT's mark too."""
        drift = 100 + dice.integers(-100, 100, COINS + CONTRACTS) / 1000
        at = self.now.at
        btc = [Decimal(f"{price:.3f}") / 50_000 for price in drift[:COINS]]
        spot = [coin_frame(c, p, at) for c, p in zip(self.coins, btc, strict=True)]
        spot.insert(0, coin_frame("USDT", Decimal("0.00002"), at))
        perps = [
            contract_frame(symbol, Decimal(f"{price:.3f}"), at)
            for symbol, price in zip(self.contracts, drift[COINS:], strict=True)
        ]
        return {MARGIN_MARKS: spot, CONTRACT_MARKS: perps}

    def is_done(self) -> bool:
        """Whether the step knows every mark of this second."""
        marks = self.engine.state.shadow.mark_times
        names = (*self.coins, *self.contracts)
        return self.feed.marks.is_empty and all(
            marks.get(name) == self.now.at for name in names
        )


def _is_margin(account: str) -> bool:
    return account.startswith(("margin", "isolated"))


async def measured(bursts: int) -> list[str]:
    """The rows of the table."""
    bench, dice = Bench(), np.random.default_rng(3)
    tasks = [asyncio.create_task(bench.listen()), asyncio.create_task(bench.trade())]
    for _, link in bench.wires.values():
        receiving: Any = link._receive()  # noqa: SLF001 - only what arrives is timed
        tasks.append(asyncio.create_task(receiving))
    wall, own, steps, moments = [], [], [], []
    gc.freeze()
    for number in range(bursts + WARM_UP):
        bench.now.at += timedelta(seconds=1)
        frames = bench.frames(dice)
        bench.moments, bench.step_s = 0, 0.0
        begun, start = time.thread_time_ns(), time.perf_counter_ns()
        for channel, (wire, _) in bench.wires.items():
            wire.arrive(frames[channel])
        while not bench.is_done():  # noqa: ASYNC110 - it looks at the engine itself
            await asyncio.sleep(0)
        if number >= WARM_UP:
            wall.append((time.perf_counter_ns() - start) / 1e6)
            own.append((time.thread_time_ns() - begun) / 1e6)
            steps.append(bench.step_s * 1000)
            moments.append(float(bench.moments))
    for task in tasks:
        task.cancel()
    return [
        f"first frame to last verdict, wall       {row(wall)}",
        f"first frame to last verdict, processor  {row(own)}",
        f"of it in the engine's step              {row(steps)}",
        f"moments a burst                         {row(moments)}",
    ]


def row(taken: Sequence[float]) -> str:
    """The median, the slowest hundredth and the slowest."""
    p50, p99 = np.percentile(taken, (50, 99))
    return f"p50 {p50:7.2f}  p99 {p99:7.2f}  max {max(taken):7.2f}"


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bursts", type=int, default=300)
    asked = parser.parse_args()
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    head = f"{asked.bursts} bursts of {COINS + 1 + CONTRACTS} mark frames, ms; {load}"
    rows = [head, *asyncio.run(measured(asked.bursts))]
    print("\n".join(rows))
    RESULT.write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
