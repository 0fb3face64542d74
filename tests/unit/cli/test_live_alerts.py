"""The last words of a session, and requests that left without a row, are told."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace

import pytest

from bot.cli.live_alerts import last_words, unjournaled
from bot.domain.accounts import MARGIN_CROSS
from bot.domain.errors import JournalError
from bot.domain.events import FeedChanged
from bot.domain.intents import Approved, Repay
from bot.engine.unwritten import JOURNAL_FEED
from bot.report.alerts import ALARM, INFO, FeedWatch
from connectors.system.clock import nap
from connectors.system.notify import AddressNotifier
from tests.unit.engine.steps import after


@dataclass
class Person:
    """A notifier whose channel takes a while."""

    waiting: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    def notify(self, level: str, sentence: str) -> None:
        """Into the queue."""
        self.waiting.append((level, sentence))

    async def drain(self) -> None:
        """Through the channel."""
        await nap(0)
        self.told += self.waiting
        self.waiting.clear()


async def test_a_session_that_ends_by_an_error_tells_so_before_it_ends() -> None:
    """The disk is full and the reserve used up: the alarm is out, then exit code 5."""
    person = Person()
    with pytest.raises(JournalError):
        async with last_words(person):
            raise JournalError("The disk is full: make room and start it again.")
    ((level, sentence),) = person.told
    assert level == ALARM
    assert sentence.startswith("The bot has ended and guards nothing: The disk is full")


async def test_a_bug_is_told_by_its_kind_alone() -> None:
    """Nobody guards after a bug either; what its text holds stays on this machine."""
    person = Person()
    with pytest.raises(KeyError):
        async with last_words(person):
            raise KeyError("secret-7f31")
    ((level, sentence),) = person.told
    assert level == ALARM
    assert sentence == (
        "The bot has ended and guards nothing: a bug (KeyError), whose trace is on "
        "standard error; start it again"
    )


async def test_a_person_who_interrupts_is_not_told_of_it() -> None:
    """Ctrl-C and a cancelled task are no errors."""
    person = Person()
    with pytest.raises(asyncio.CancelledError):
        async with last_words(person):
            raise asyncio.CancelledError
    assert (person.waiting, person.told) == ([], [])


async def test_a_session_that_ends_in_order_has_no_last_words() -> None:
    """Nothing is told, nothing is waited for."""
    person = Person()
    async with last_words(person):
        pass
    assert (person.waiting, person.told) == ([], [])


class Channel:
    """What sends to addresses, slowly."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def add(self, address: str) -> bool:
        """Every address is understood."""
        return bool(address)

    async def async_notify(self, *, body: str) -> bool:
        """One sentence, after some turns of the loop."""
        for _ in range(5):
            await nap(0)
        self.sent.append(body)
        return True


def on_channel(patch: pytest.MonkeyPatch, channel: Channel) -> AddressNotifier:
    """A notifier whose package for sending is this channel."""
    package = SimpleNamespace(Apprise=lambda: channel)
    patch.setattr("connectors.system.notify.apprise", package)
    return AddressNotifier(["json://nowhere"])


async def test_draining_waits_until_the_addresses_were_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was told last is sent before ``drain`` returns, in its order."""
    channel = Channel()
    notifier = on_channel(monkeypatch, channel)
    async with AsyncExitStack() as stack:
        stack.callback(asyncio.create_task(notifier.send_all()).cancel)
        notifier.notify("warning", "first")
        notifier.notify("info", "only for the log")
        notifier.notify(ALARM, "last")
        await notifier.drain()
        assert channel.sent == ["first", "last"]


async def test_a_channel_that_hangs_does_not_keep_a_session_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Draining has a limit."""
    monkeypatch.setattr("connectors.system.notify._SEND_S", 0.05)
    notifier = on_channel(monkeypatch, Channel())
    notifier.notify(ALARM, "nobody sends this")
    async with asyncio.timeout(5):
        await notifier.drain()


def test_a_request_without_a_row_is_on_standard_error_and_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With its id and its exact words."""
    person = Person()
    repay = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5))
    approved = Approved(intent_id="g1-i7", owner="guard", intent=repay, reason="r")
    unjournaled(person)(approved)
    expected = "Sent without a journal row: g1-i7: repay 5 USDT in margin_cross."
    assert capsys.readouterr().err == f"gnomon: {expected}\n"
    assert [sentence for _, sentence in person.waiting] == [expected]


def test_a_silent_journal_is_an_alarm_of_its_own() -> None:
    """Told at once, also before the feeds were ever heard, and told when it is back."""
    watch = FeedWatch()
    levels = [
        level
        for is_live in (False, True)
        for level, _ in watch.see(
            FeedChanged(at=after(1), feed=JOURNAL_FEED, is_live=is_live, reason="x")
        )
    ]
    assert levels == [ALARM, INFO]
