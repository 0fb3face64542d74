"""What waits for the engine: neither marks nor answers may starve the other."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import Event, FeedChanged, MarksTicked
from connectors.kucoin.inbox import Inbox
from connectors.kucoin.mark_slot import MarkSlot
from connectors.kucoin.parse.marks import ContractMark

START = datetime(2026, 1, 1, tzinfo=UTC)
ROUND = 16


def answer(number: int) -> FeedChanged:
    """Something that is no mark, by its number."""
    return FeedChanged(at=START, feed=str(number), is_live=True, reason="")


class Engine:
    """Takes from an inbox; at every step the market pushes another mark."""

    def __init__(self) -> None:
        self.marks = MarkSlot()
        self.inbox = Inbox(self.marks, lambda: None)
        self.steps: list[str] = []

    def push(self) -> None:
        """One more mark."""
        at = START + timedelta(milliseconds=len(self.steps))
        price = Decimal(60_000)
        self.marks.put_contract(
            ContractMark(symbol="C", mark_price=price, index_price=None, at=at)
        )

    def run(self, steps: int) -> None:
        """Take so many moments, a mark arriving during each."""
        self.push()
        for moment in islice(self.inbox.due(), steps):
            self.steps.append(_name(moment))
            self.push()


def _name(moment: tuple[Event, ...]) -> str:
    (event,) = moment
    return event.feed if isinstance(event, FeedChanged) else "marks"


def test_an_answer_is_handed_out_while_marks_come_faster_than_steps() -> None:
    """Marks go first, then the answer that waits, however fast marks come.

    A live bot on a loaded machine booked its answers minutes late: marks alone were
    handed out while any waited.
    """
    engine = Engine()
    engine.inbox.put([answer(1)])
    engine.run(4)
    assert engine.steps == ["marks", "1", "marks", "marks"]


@given(waiting=st.integers(0, 100))
def test_marks_wait_for_one_round_and_answers_for_their_turn(waiting: int) -> None:
    """Between two marks stand 16 answers at most, and all are told in their order."""
    engine = Engine()
    for number in range(waiting):
        engine.inbox.put([answer(number)])
    engine.run(waiting + waiting // ROUND + 2)
    told = [name for name in engine.steps if name != "marks"]
    assert told == [str(number) for number in range(waiting)]
    marks = [place for place, name in enumerate(engine.steps) if name == "marks"]
    gaps = [after - before for before, after in pairwise(marks)]
    assert max(gaps, default=1) <= ROUND + 1


def test_what_comes_while_marks_are_taken_waits_for_nothing_else() -> None:
    """An answer that comes during the step of a mark is the next moment."""
    engine = Engine()
    engine.push()
    due = engine.inbox.due()
    (ticked,) = next(due)
    assert isinstance(ticked, MarksTicked)
    engine.inbox.put([answer(7)])
    engine.push()
    assert _name(next(due)) == "7"
    assert _name(next(due)) == "marks"
