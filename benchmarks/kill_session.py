"""A live session that does a short script, and kills itself where it is told to.

Usage: python -m benchmarks.kill_session --kill commit:7:before --mark FILE (in a
folder with a .env and a gnomon.toml, as ``gnomon live`` is started)

``commit:N:before|after`` is the N-th time that rows are made durable, rows that only
repeat the exchange's numbers left out and a run of rows about feeds counted once.
``write:N:before|during|after`` is the N-th
request: before it leaves, while its answer is awaited, when it is answered and not
yet told. The session is the real one; only the point of death is added. FILE learns
what was being written. Exit code 0 means that the script ended alive.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, Final

from bot.cli.live_runner import journal_of, served
from bot.cli.logs import open_log
from bot.compose_live import LiveOptions, connected, open_session
from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    MarginMode,
    PositionSide,
)
from bot.domain.entries import Entry, Noted, ParityChecked, Sampled
from bot.domain.events import (
    AdlRankReported,
    BorrowRateQuoted,
    Event,
    FundingQuoted,
    IntentSettled,
    OperatorAsked,
    SnapshotTaken,
)
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    CancelOrder,
    Intent,
    PlaceOrder,
    Proposal,
    Refused,
    Repay,
    Transfer,
)
from bot.domain.orders import OrderType, Outcome, Side
from bot.engine.core import Step
from bot.live_start import LiveSession
from bot.settings import read_settings
from bot.shadow.state import Shadow
from connectors.kucoin.client import KucoinClient
from storage.journal import SqliteJournal

REPEATS: Final = (ParityChecked, Sampled, AdlRankReported, BorrowRateQuoted)
QUOTES: Final = (FundingQuoted, SnapshotTaken)
STEP_S: Final = 30.0
READY_S: Final = 30.0
ANSWER_S: Final = 0.3
FEED: Final = "FeedChanged"
PAIR: Final = "BTC-USDT"
CONTRACT: Final = "XBTUSDTM"


@dataclass(slots=True, kw_only=True)
class Point:
    """Where this process dies, and who is told."""

    what: str
    number: int
    when: str
    mark: Path
    seen: int = 0
    rows: list[str] = field(default_factory=list)
    last: set[str] = field(default_factory=set)

    def die(self, doing: Sequence[str]) -> None:
        """Say what was being done, and die as by ``kill -9``."""
        words = {"at": f"{self.what}:{self.number}:{self.when}", "doing": list(doing)}
        self.mark.write_text(json.dumps(words), encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)


def named(entry: Entry) -> str:
    """One row in a word or two."""
    body: Any = entry.body
    if isinstance(body, Approved):
        return f"approved {type(body.intent).__name__}"
    if isinstance(body, IntentSettled):
        return f"settled {body.outcome}"
    if isinstance(body, Noted):
        return f"noted {body.topic}"
    return type(body).__name__


def watch_commits(point: Point) -> None:
    """Count the commits that matter, and die at the chosen one."""
    append, commit = SqliteJournal.append, SqliteJournal.commit

    def counted_append(journal: SqliteJournal, entries: Sequence[Entry]) -> None:
        append(journal, entries)
        kept = (e for e in entries if not isinstance(e.body, (*REPEATS, *QUOTES)))
        point.rows += [named(entry) for entry in kept]

    def counted_commit(journal: SqliteJournal) -> None:
        rows, point.rows = point.rows, []
        is_same = bool(rows) and point.last == {FEED} == set(rows)
        is_counted = bool(rows) and not is_same
        point.seen += is_counted
        point.last = set(rows) or point.last
        is_here = is_counted and point.seen == point.number
        if is_here and point.when == "before":
            point.die(rows)
        commit(journal)
        if is_here:
            point.die(rows)

    SqliteJournal.append = counted_append  # type: ignore[method-assign,assignment] - counted for the sweep
    SqliteJournal.commit = counted_commit  # type: ignore[method-assign,assignment] - counted for the sweep


def watch_writes(point: Point) -> None:
    """Count the requests that change something, and die at the chosen one."""
    write: Callable[..., Awaitable[Any]] = KucoinClient.write

    async def counted(
        client: KucoinClient, endpoint: str, params: Mapping[str, object], **rest: Any
    ) -> Any:
        point.seen += 1
        is_here = point.seen == point.number
        if is_here and point.when == "before":
            point.die([endpoint])
        if is_here and point.when == "during":
            asyncio.get_running_loop().call_later(ANSWER_S, point.die, [endpoint])
        answer = await write(client, endpoint, params, **rest)
        if is_here:
            point.die([endpoint])
        return answer

    KucoinClient.write = counted  # type: ignore[method-assign,assignment] - counted for the sweep


# -- the script ---------------------------------------------------------------


def odd(run: int, whole: int) -> Decimal:
    """An amount that no other request of the campaign has."""
    return Decimal(whole) + Decimal(run) / 10_000


def buy(shadow: Shadow, run: int) -> Intent:
    """A spot order that fills."""
    return PlaceOrder(account=SPOT, symbol=PAIR, side=Side.BUY, qty=Decimal("0.001"))


def rest(shadow: Shadow, run: int) -> Intent:
    """A margin order that rests far below the market."""
    price = (shadow.margin_marks["BTC"] * Decimal("0.9")).quantize(
        Decimal("0.1"), ROUND_DOWN
    )
    return PlaceOrder(
        account=MARGIN_CROSS,
        symbol=PAIR,
        side=Side.BUY,
        qty=Decimal("0.002"),
        type=OrderType.LIMIT,
        price=price,
    )


def cancel(shadow: Shadow, run: int) -> Intent | None:
    """Take the newest resting order away."""
    if not shadow.orders:
        return None
    order = max(shadow.orders.values(), key=lambda o: o.at)
    return CancelOrder(
        account=order.account, symbol=order.symbol, order_id=order.order_id
    )


def sell_margin(shadow: Shadow, run: int) -> Intent:
    """A margin order that fills."""
    return PlaceOrder(
        account=MARGIN_CROSS, symbol=PAIR, side=Side.SELL, qty=Decimal("0.001")
    )


def add_lots(shadow: Shadow, run: int) -> Intent:
    """More of the isolated futures position."""
    side = Side.BUY if run % 2 else Side.SELL
    return PlaceOrder(
        account=FUTURES,
        symbol=CONTRACT,
        side=side,
        qty=Decimal(1),
        margin_mode=MarginMode.ISOLATED,
        leverage=Decimal(3),
        reduce_only=side is Side.SELL,
        is_reduction=side is Side.SELL,
    )


def add_margin(shadow: Shadow, run: int) -> Intent:
    """More margin behind it."""
    return AdjustMargin(
        symbol=CONTRACT, amount=odd(run, 2), position_side=PositionSide.BOTH
    )


def borrow(shadow: Shadow, run: int) -> Intent:
    """A loan."""
    return Borrow(account=MARGIN_CROSS, coin="USDT", amount=odd(run, 20))


def repay(shadow: Shadow, run: int) -> Intent:
    """Most of it back."""
    return Repay(account=MARGIN_CROSS, coin="USDT", amount=odd(run, 19))


def bring(shadow: Shadow, run: int) -> Intent:
    """Money from one account to another on the spot host."""
    return Transfer(source=MAIN, target=SPOT, coin="USDT", amount=odd(run, 3))


def give(shadow: Shadow, run: int) -> Intent:
    """Money to the other host."""
    return Transfer(source=SPOT, target=FUTURES, coin="USDT", amount=odd(run, 5))


SCRIPT: Final = (
    *(buy, rest, sell_margin, add_lots, add_margin),
    *(borrow, cancel, repay, bring, give),
)


@dataclass(slots=True)
class Desk:
    """Puts one request at a time and waits until its fate is proven."""

    session: LiveSession
    open: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    has_said: bool = False

    def observe(self, moment: Sequence[Event], step: Step) -> None:
        """Watch one moment of the engine."""
        for entry in step.entries:
            body = entry.body
            if isinstance(body, Approved) and body.owner == "operator":
                self.open.add(body.intent_id)
                self.has_said = True
            if isinstance(body, Refused) and body.owner == "operator":
                self.refused.append(f"{type(body.intent).__name__}: {body.reason}")
                self.has_said = True
        for event in moment:
            if isinstance(event, IntentSettled) and event.outcome != Outcome.IN_DOUBT:
                self.open.discard(event.intent_id)
        self.changed.set()

    @property
    def shadow(self) -> Shadow:
        """The account as the engine knows it."""
        return self.session.engine.state.shadow

    def is_ready(self) -> bool:
        """Whether marks are known, every private feed heard and nothing is open."""
        shadow = self.shadow
        is_marked = "BTC" in shadow.margin_marks and CONTRACT in shadow.futures_marks
        return is_marked and not shadow.silent_feeds and not shadow.requests

    async def until(self, is_so: Callable[[], bool], limit_s: float) -> None:
        """Wait for the engine.

        Raises:
            TimeoutError: It never came so far.
        """
        async with asyncio.timeout(limit_s):
            while not is_so():
                self.changed.clear()
                await self.changed.wait()

    async def ask(self, intent: Intent) -> None:
        """One request to its proven end."""
        self.has_said = False
        proposal = Proposal(owner="operator", intent=intent, reason="the kill sweep")
        at = self.session.world.now()
        self.session.put(OperatorAsked(at=at, proposals=(proposal,)))
        await self.until(lambda: self.has_said and not self.open, STEP_S)


async def play(run: int, journal: Path) -> Iterator[str]:
    """The whole session; what was refused at the end."""
    settings = read_settings(None)
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(connected(settings))
        options = LiveOptions(journal=journal, has_strategies=False)
        session = await stack.enter_async_context(open_session(connection, options))
        desk = Desk(session)
        observers = await served(session, journal, stack, settings)
        session.engine.watch([*observers, desk.observe])
        running = asyncio.create_task(session.run())
        scripted = asyncio.create_task(script(desk, run))
        done, _ = await asyncio.wait(
            {running, scripted}, return_when=asyncio.FIRST_COMPLETED
        )
        if running in done:
            await running
        session.stop()
        await running
        await scripted
        return iter(desk.refused)


async def script(desk: Desk, run: int) -> None:
    """Each kind of request once."""
    await desk.until(desk.is_ready, READY_S)
    for make in SCRIPT:
        intent = make(desk.shadow, run)
        if intent is not None:
            await desk.ask(intent)


def main() -> int:
    """Play the script; dies on the way, or says what was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kill", default="", help="commit:N:when or write:N:when")
    parser.add_argument("--mark", type=Path, default=Path("kill.json"))
    parser.add_argument("--run", type=int, default=1, help="makes amounts unique")
    asked = parser.parse_args()
    if asked.kill:
        what, number, when = asked.kill.split(":")
        point = Point(what=what, number=int(number), when=when, mark=asked.mark)
        (watch_commits if what == "commit" else watch_writes)(point)
    journal = journal_of(read_settings(None), None)
    open_log(journal.parent, is_quiet=True)
    refused = list(asyncio.run(play(asked.run, journal)))
    print(json.dumps({"refused": refused}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
