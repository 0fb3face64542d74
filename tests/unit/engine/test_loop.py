"""The shell: remembered first, acted on second, looked up, shown."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from bot.domain.accounts import MAIN, MARGIN_CROSS, SPOT
from bot.domain.entries import Entry
from bot.domain.errors import JournalError
from bot.domain.events import Event, IntentSettled
from bot.domain.intents import Approved, CancelOrder, Repay, Transfer
from bot.domain.orders import Outcome
from bot.engine.core import Core, Step
from bot.engine.executor import Executor
from bot.engine.loop import Engine
from tests.unit.engine.steps import after, opened, ticked


@dataclass
class Tape:
    """A journal, all gateways and an observer that write down what happens."""

    rows: list[str] = field(default_factory=list)
    fails_at: str = ""

    def _say(self, word: str) -> None:
        if word == self.fails_at:
            raise JournalError("the disk is full")
        self.rows.append(word)

    def append(self, entries: Sequence[Entry]) -> None:
        """Entries."""
        self._say("append")

    def commit(self) -> None:
        """Durable."""
        self._say("commit")

    def close(self) -> None:
        """Closed."""

    def send_order(self, approved: Approved) -> None:
        """An order leaves."""
        self._say("order")

    def find_order(self, approved: Approved) -> None:
        """An order is looked up."""
        self._say("find order")

    def send_loan(self, approved: Approved) -> None:
        """A loan leaves."""
        self._say("loan")

    def find_loan(self, approved: Approved) -> None:
        """A loan is looked up."""
        self._say("find loan")

    def send_transfer(self, approved: Approved) -> None:
        """A transfer leaves."""
        self._say("transfer")

    def find_transfer(self, approved: Approved) -> None:
        """A transfer is looked up."""
        self._say("find transfer")

    def see(self, moment: Sequence[Event], step: Step) -> None:
        """A step is shown."""
        self._say("seen")


def engine(tape: Tape) -> Engine:
    """An engine whose every part writes to the tape."""
    core = Core()
    found = Engine(
        core=core,
        state=opened(core),
        journal=tape,
        executor=Executor(orders=tape, loans=tape, transfers=tape),
    )
    found.watch([tape.see])
    return found


def test_an_intent_is_durable_before_it_leaves() -> None:
    """Append, commit, send, show: in this order."""
    tape = Tape()
    engine(tape).handle((ticked(1, "40000"),))
    assert tape.rows == ["append", "commit", "transfer", "seen"]


def test_a_step_without_intents_is_not_committed() -> None:
    """It becomes durable with the next one that acts."""
    tape = Tape()
    engine(tape).handle((ticked(61, "50000"),))
    assert tape.rows == ["append", "seen"]


@pytest.mark.parametrize("word", ["append", "commit"])
def test_what_cannot_be_remembered_is_not_done(word: str) -> None:
    """A journal that fails stops the engine before anything leaves."""
    tape = Tape(fails_at=word)
    with pytest.raises(JournalError):
        engine(tape).handle((ticked(1, "40000"),))
    assert "transfer" not in tape.rows


def test_a_doubt_is_looked_up() -> None:
    """After it was remembered."""
    tape = Tape()
    running = engine(tape)
    running.handle((ticked(1, "40000"),))
    tape.rows.clear()
    (name,) = running.state.shadow.requests
    running.handle(
        (IntentSettled(at=after(2), intent_id=name, outcome=Outcome.IN_DOUBT),)
    )
    assert tape.rows.index("append") < tape.rows.index("find transfer")


@pytest.mark.parametrize(
    ("intent", "sent", "found"),
    [
        (
            CancelOrder(account=SPOT, symbol="BTC-USDT", order_id="o"),
            "order",
            "find order",
        ),
        (
            Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1)),
            "loan",
            "find loan",
        ),
        (
            Transfer(source=MAIN, target=SPOT, coin="USDT", amount=Decimal(1)),
            "transfer",
            "find transfer",
        ),
    ],
)
def test_each_intent_has_its_gateway(
    intent: CancelOrder | Repay | Transfer, sent: str, found: str
) -> None:
    """For sending and for looking up."""
    tape = Tape()
    executor = Executor(orders=tape, loans=tape, transfers=tape)
    approved = Approved(intent_id="i", owner="t", intent=intent, reason="t")
    executor.send(approved)
    executor.find(approved)
    assert tape.rows == [sent, found]


async def test_it_runs_until_there_are_no_more_moments() -> None:
    """An empty moment is none."""
    tape = Tape()

    async def moments() -> AsyncIterator[tuple[Event, ...]]:
        yield ()
        yield (ticked(61, "50000"),)
        yield ()

    await engine(tape).run(moments())
    assert tape.rows == ["append", "seen"]
