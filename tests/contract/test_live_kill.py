"""SIGKILL while a loan's answer hangs: the next start finds it, and doubles nothing."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bot.domain.entries import Noted, RunStarted
from bot.domain.events import Cause, FeedChanged, IntentSettled, LedgerBooked
from bot.domain.intents import Approved, Borrow
from bot.domain.orders import Outcome
from bot.engine.memory import PRE_IMAGE, recall
from bot.guard.resting import STOPS
from connectors.system.control import ask_running, control_path
from tests.contract.live_books import entries_of
from tests.contract.live_books import settled_books as settled
from tests.contract.live_process import Live, Venue, gnomon, live, venue
from tests.contract.served import CROSS
from tests.contract.venue_records import compare_records

READY_S = 30.0
"""A restart must be ready within this, where a processor is free for it."""
PATIENCE_S = 120.0

HANGING = """
[[rest]]
name = "the answer to a loan"
fault = "hang_after"
family = "loans"
method = "POST"
count = 1
hang_s = 600
"""
BORROW = {"do": "borrow", "coin": "USDT", "amount": "12.345678", "account": "margin"}


def until(is_so: Callable[[], bool], why: str) -> float:
    """Wait for something, and say for how long."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() - began < PATIENCE_S, why
        Event().wait(0.1)
    return time.monotonic() - began


def is_ready(bot: Live, runs: int) -> bool:
    """Whether the start after ``runs`` others hears every private feed."""
    assert bot.is_running, bot.errors
    found, feeds = 0, dict[str, bool]()
    for entry in entries_of(bot.journal) if bot.journal.exists() else ():
        if isinstance(entry.body, RunStarted):
            found, feeds = found + 1, {}
        elif isinstance(entry.body, FeedChanged):
            feeds[entry.body.feed] = entry.body.is_live
    return found > runs and bool(feeds) and all(feeds.values())


def is_crowded() -> bool:
    """Whether so many processes want a processor that a time says nothing."""
    return os.getloadavg()[0] > 2 * (os.cpu_count() or 1)


def killed(bot: Live) -> None:
    """SIGKILL; its control socket stays behind."""
    assert bot.process is not None
    bot.process.kill()
    bot.codes.append(bot.process.wait())
    bot.process = None
    assert control_path(bot.journal).exists()


def asked(bot: Live) -> threading.Thread:
    """An operator's loan, asked of the running bot; nobody waits for the answer."""

    def ask() -> None:
        asyncio.run(ask_running(control_path(bot.journal), BORROW, PATIENCE_S))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


@pytest.fixture(name="stage")
def _stage(tmp_path: Path) -> Iterator[tuple[Venue, Live]]:
    """A venue that swallows the answer to the first loan, and a bot beside it."""
    script = tmp_path / "faults.toml"
    script.write_text(HANGING, encoding="utf-8")
    words = ["--scenario", "calm", "--faults", str(script)]
    with (
        venue(tmp_path / "venue", *words, clock=10) as place,
        live(tmp_path / "bot", place, "--no-strategies") as bot,
    ):
        yield place, bot


def bodies(bot: Live, kind: type) -> list[Any]:
    """The journal's entries of one kind."""
    return [e.body for e in entries_of(bot.journal) if isinstance(e.body, kind)]


def test_a_loan_whose_answer_was_cut_off_by_a_kill_is_found(
    stage: tuple[Venue, Live],
) -> None:
    """Lent, not heard, killed: a start proves it, and the books are equal again.

    Ready within 30 s, by the pre-image that was durable before the request left; the
    loan is booked once, sent once, and a second process is refused meanwhile.
    """
    place, bot = stage
    bot.start(wait=False)
    until(lambda: is_ready(bot, 0), "never ready")
    owed = place.served.line(CROSS, "USDT").principal
    asking = asked(bot)
    until(
        lambda: place.served.line(CROSS, "USDT").principal != owed,
        "the loan never reached the venue",
    )
    killed(bot)
    asking.join(PATIENCE_S)

    (loan,) = recall(entries_of(bot.journal)).open_intents
    assert isinstance(loan.intent, Borrow)
    (before,) = (n for n in bodies(bot, Noted) if n.topic == PRE_IMAGE)
    assert before.inputs["intent_id"] == loan.intent_id

    bot.start(wait=False)
    waited = until(lambda: is_ready(bot, 1), "never ready again")
    assert waited < READY_S or is_crowded()
    until(
        lambda: not recall(entries_of(bot.journal)).open_intents,
        "the loan's fate was never proven",
    )
    fates = [s for s in bodies(bot, IntentSettled) if s.intent_id == loan.intent_id]
    assert fates[-1].outcome is Outcome.DONE
    assert fates[-1].done_amount == loan.intent.amount
    assert settled(bot.journal, place)[0] == []
    assert compare_records(bot.journal, place.served) == []
    lent = [b for b in bodies(bot, LedgerBooked) if b.cause is Cause.BORROW]
    assert len(lent) == 1
    assert len([a for a in bodies(bot, Approved) if a.owner != STOPS]) == 1
    _a_second_one_is_refused(bot)
    assert bot.stop() == 0
    assert not control_path(bot.journal).exists()


def _a_second_one_is_refused(bot: Live) -> None:
    """One process for one account: exit code 4, and who is meant."""
    other = bot.folder / "second"
    second = gnomon(
        bot.folder, "live", "--arm", bot.uid, "--journal", f"{other}.sqlite"
    )
    assert second.wait(PATIENCE_S) == 4
    assert f"trades account {bot.uid}" in bot.errors
    assert bot.is_running
    second.communicate()


def test_a_start_without_the_exchange_leaves_the_journal_alone(
    stage: tuple[Venue, Live],
) -> None:
    """Killed, and nobody answers at the restart: exit code 3, a sentence, no row."""
    place, bot = stage
    bot.start(wait=False)
    until(lambda: is_ready(bot, 0), "never ready")
    killed(bot)
    rows = entries_of(bot.journal)
    place.kill()
    bot.start(wait=False)
    assert bot.wait(PATIENCE_S) == 3
    assert "reaches the exchange" in bot.errors
    assert entries_of(bot.journal) == rows
