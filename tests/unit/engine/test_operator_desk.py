"""The operator's desk: rounds, pauses, refusals and what it answers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS, AccountSnapshot
from bot.domain.entries import Entry
from bot.domain.errors import UsageError
from bot.domain.events import (
    Event,
    IntentSettled,
    OperatorAsked,
    OrderChanged,
)
from bot.domain.intents import Approved, CancelOrder, PlaceOrder
from bot.domain.orders import OrderState, Outcome, Side
from bot.engine.core import Core
from bot.engine.executor import Executor
from bot.engine.loop import Engine
from bot.engine.operator import OperatorDesk
from bot.engine.operator_requests import account_named, check_words
from tests.unit.engine.steps import LONG, after, opened, ticked
from tests.unit.venue.builders import opening

Answers = Callable[[Approved, int], list[Event]]
OWNER = opening({"margin_cross": {"BTC": "1", "USDT": "1000"}})
"""No debt yet."""


@dataclass
class Room:
    """An engine with a desk; the exchange is a function of what was sent."""

    answers: Answers
    sent: list[Approved] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    account: AccountSnapshot = LONG
    asked_s: float = 1
    """When the desk asks, after the start; the marks are of the start."""
    refreshes: bool = False
    """Whether new marks come with the time of each request, after it."""
    queue: "asyncio.Queue[tuple[Event, ...]]" = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        core = Core(is_guarding=False)
        executor = Executor(orders=self, loans=self, transfers=self)
        self.engine = Engine(
            core=core,
            state=opened(core, self.account),
            journal=self,
            executor=executor,
        )
        self.desk = OperatorDesk(
            self.engine,
            self.put,
            lambda: after(self.asked_s),
            pause=self.pause,
            patience_s=1.0,
            fresh=timedelta(seconds=3),
        )
        self.engine.watch([self.desk])

    def put(self, event: OperatorAsked) -> None:
        """The engine's queue."""
        self.queue.put_nowait((event,))
        if self.refreshes:
            self.queue.put_nowait((ticked(self.asked_s, "50000", USDT="1"),))

    async def pause(self, seconds: float) -> None:
        """No time passes; it is written down."""
        self.pauses.append(seconds)

    def append(self, entries: Sequence[Entry]) -> None:
        """A journal's."""

    def commit(self) -> None:
        """A journal's."""

    def close(self) -> None:
        """A journal's."""

    def _send(self, approved: Approved) -> None:
        self.sent.append(approved)
        for event in self.answers(approved, len(self.sent)):
            self.queue.put_nowait((event,))

    send_order = send_loan = send_transfer = _send

    def _find(self, approved: Approved) -> None:
        """Nobody is looked up here."""

    find_order = find_loan = find_transfer = _find

    async def moments(self) -> AsyncIterator[tuple[Event, ...]]:
        """What is in the queue, for ever."""
        while True:
            yield await self.queue.get()

    async def ask(self, **words: str) -> dict[str, object]:
        """One request, answered while the engine runs."""
        running = asyncio.create_task(self.engine.run(self.moments()))
        try:
            return dict(await self.desk.answer(words))
        finally:
            running.cancel()


def rows(answer: Mapping[str, object]) -> list[dict[str, object]]:
    """The requests of an answer."""
    found = answer["requests"]
    assert isinstance(found, list)
    return found


def settled(approved: Approved, outcome: Outcome, **more: object) -> IntentSettled:
    """An answer of the exchange."""
    amount = getattr(approved.intent, "amount", Decimal(0))
    return IntentSettled(
        at=after(2),
        intent_id=approved.intent_id,
        outcome=outcome,
        done_amount=amount if outcome is Outcome.DONE else Decimal(0),
        **more,  # type: ignore[arg-type]  # its other fields, by name
    )


async def test_a_done_request_says_how_much() -> None:
    """With its id and its exact words."""
    room = Room(lambda approved, _: [settled(approved, Outcome.DONE)])
    answer = await room.ask(do="repay", coin="usdt", amount="5")
    (row,) = rows(answer)
    assert (row["what"], row["state"], row["done"]) == (
        "repay 5 USDT in margin_cross",
        "done",
        "5",
    )
    assert row["id"] == room.sent[0].intent_id
    assert answer["is_done"] is True


async def test_a_refusal_of_the_exchange_is_not_done() -> None:
    """One request is asked once, with the exchange's reason in the answer."""
    room = Room(
        lambda approved, _: [settled(approved, Outcome.REFUSED, reason="Too little.")]
    )
    answer = await room.ask(do="repay", coin="USDT", amount="5")
    (row,) = rows(answer)
    assert (row["state"], row["reason"]) == ("refused", "Too little.")
    assert (answer["is_done"], len(room.sent)) == (False, 1)


async def test_marks_that_aged_before_admission_are_waited_for() -> None:
    """They were fresh when it was asked: nothing was sent, so it is asked again."""
    room = Room(
        lambda approved, _: [settled(approved, Outcome.DONE)],
        account=OWNER,
        asked_s=10,
        refreshes=True,
    )
    answer = await room.ask(do="borrow", coin="USDT", amount="5")
    (row,) = rows(answer)
    assert (row["state"], answer["is_done"], len(room.sent)) == ("done", True, 1)


async def test_marks_that_stay_old_are_a_refusal() -> None:
    """After the wait it is judged as it is, once."""
    room = Room(lambda approved, _: [], account=OWNER, asked_s=10)
    answer = await room.ask(do="borrow", coin="USDT", amount="5")
    (row,) = rows(answer)
    assert (row["state"], room.sent) == ("refused", [])
    assert "old" in str(row["reason"])


async def test_no_answer_is_not_done_and_is_not_sent_again() -> None:
    """In doubt, or silence until the patience is over: never a second request."""
    silence: Answers = lambda approved, _: []  # noqa: E731 - one of two
    doubt: Answers = lambda approved, _: [  # noqa: E731 - the other
        settled(approved, Outcome.IN_DOUBT)
    ]
    for answers in (silence, doubt):
        room = Room(answers)
        answer = await room.ask(do="repay", coin="USDT", amount="5")
        assert (answer["is_done"], len(room.sent)) == (False, 1)


async def test_what_is_refused_three_times_is_left_alone() -> None:
    """A flatten goes on with the rest, does not hammer, and says it is not flat."""
    room = Room(lambda approved, _: [settled(approved, Outcome.REFUSED, reason="No.")])
    answer = await room.ask(do="flatten")
    tried = [a.intent for a in room.sent]
    assert answer["is_done"] is False
    assert len(tried) == 3
    assert len(set(tried)) == 1


def resting(
    number: int, state: OrderState = OrderState.OPEN, symbol: str = "NOPE-USDT"
) -> OrderChanged:
    """A foreign order in a pair of which no rules were read."""
    return OrderChanged(
        at=after(1),
        order_id=f"o{number}",
        intent_id=None,
        account=MARGIN_CROSS,
        symbol=symbol,
        side=Side.BUY,
        price=Decimal(1),
        qty=Decimal(10),
        filled_qty=Decimal(0),
        state=state,
    )


async def test_cancelling_everything_is_judged_by_what_is_left() -> None:
    """The first try of each finds no connection, the second one succeeds: done."""

    def answers(approved: Approved, number: int) -> list[Event]:
        if number <= 2:
            return [settled(approved, Outcome.REFUSED, reason="No connection.")]
        intent = approved.intent
        assert isinstance(intent, CancelOrder)
        gone = resting(int(intent.order_id[1:]), OrderState.CANCELLED)
        return [settled(approved, Outcome.DONE), gone]

    room = Room(answers)
    room.queue.put_nowait((resting(1), resting(2)))
    answer = await room.ask(do="cancel-all")
    states = [row["state"] for row in rows(answer)]
    assert states == ["refused", "refused", "done", "done"]
    assert answer["is_done"] is True


async def test_a_desk_is_idle_when_what_others_asked_is_done_too() -> None:
    """A session that ends for one request must not cut another one short."""
    room = Room(lambda approved, _: [settled(approved, Outcome.DONE)])
    other = asyncio.create_task(room.ask(do="repay", coin="USDT", amount="5"))
    await asyncio.sleep(0)  # noqa: TID251 - its turn, not a wait
    await asyncio.sleep(0)  # noqa: TID251 - it holds the desk now
    await room.desk.idle()
    assert len(room.sent) == 1
    await asyncio.sleep(0)  # noqa: TID251 - it answers
    assert other.done()
    assert (await other)["is_done"] is True


async def test_an_order_that_cannot_be_cancelled_is_not_done() -> None:
    """It is asked three times and rests on."""
    room = Room(lambda approved, _: [settled(approved, Outcome.REFUSED, reason="No.")])
    room.queue.put_nowait((resting(1),))
    answer = await room.ask(do="cancel-all")
    assert (answer["is_done"], len(room.sent)) == (False, 3)


async def test_an_order_that_was_cut_short_waits_for_the_book() -> None:
    """Each further try comes later; the sum of the pauses has a limit."""

    def cut(approved: Approved, number: int) -> list[Event]:
        intent = approved.intent
        assert isinstance(intent, PlaceOrder)
        order = OrderChanged(
            at=after(3),
            order_id=f"o{number}",
            intent_id=approved.intent_id,
            account=intent.account,
            symbol=intent.symbol,
            side=intent.side,
            price=None,
            qty=intent.qty,
            filled_qty=Decimal(0),
            state=OrderState.CANCELLED,
        )
        return [settled(approved, Outcome.DONE, order_id=f"o{number}"), order]

    room = Room(cut)
    answer = await room.ask(do="flatten")
    assert answer["is_done"] is False
    assert room.pauses[:6] == [2, 4, 8, 16, 32, 60]
    assert 600 <= sum(room.pauses) < 660
    assert len(room.sent) == len(room.pauses) + 1


async def test_a_preview_sends_nothing() -> None:
    """It says what admission would say."""
    room = Room(lambda approved, _: [])
    answer = await room.ask(do="flatten", dry_run="yes")
    (row,) = rows(answer)
    assert (row["what"], row["state"]) == (
        "sell 1 BTC-USDT at market in margin_cross",
        "approved",
    )
    assert room.sent == []


@pytest.mark.parametrize(
    "words",
    [
        {"do": "borrow", "coin": "USDT", "amount": "inf"},
        {"do": "borrow", "coin": "USDT", "amount": "1E-9"},
        {"do": "borrow", "coin": "", "amount": "1"},
        {"do": "withdraw", "coin": "USDT", "amount": "1"},
        {"do": "transfer", "coin": "USDT", "amount": "1", "source": "main"},
        {},
    ],
)
async def test_words_that_cannot_be_meant_are_an_error(words: dict[str, str]) -> None:
    """Before anything is asked, and as an answer to whoever asks a running bot."""
    with pytest.raises(UsageError):
        check_words(words)
    room = Room(lambda approved, _: [])
    assert "error" in await room.ask(**words)
    assert room.sent == []


def test_accounts_go_by_their_names() -> None:
    """A pair is its isolated account, in any case of letters."""
    assert account_named("margin") == MARGIN_CROSS
    assert account_named("btc-usdt") == "margin_isolated:BTC-USDT"
    for word in ("", "savings", "-", "BTC-", "../x-y"):
        with pytest.raises(UsageError):
            account_named(word)


async def test_after_a_cancel_all_no_stop_rests_until_the_operator_says_so() -> None:
    """The pause is kept, and ``rest-stops`` ends it; flatten ends only its own."""
    room = Room(lambda approved, _: [settled(approved, Outcome.DONE)])

    def is_paused() -> bool:
        return room.engine.state.guard.resting.is_paused

    await room.ask(do="flatten")
    assert not is_paused()
    await room.ask(do="cancel-all")
    assert is_paused()
    await room.ask(do="flatten")
    assert is_paused()
    await room.ask(do="rest-stops")
    assert not is_paused()
    await room.ask(do="cancel-all", dry_run="yes")
    assert not is_paused()
