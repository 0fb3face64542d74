"""Why something was done: a decision or a request with all that belongs to it.

A story holds the decision, the requests that followed from it (the same owner's,
up to its next decision), what came back for each, and the account's ratios in the
samples just before and just after. This module must not format or print.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.domain.errors import UsageError
from storage.queries import Filters, Record, records
from storage.reader import JournalReader
from storage.rows import (
    DecisionRow,
    EntryDetail,
    FillRow,
    IntentRow,
    NoteRow,
    OrderRow,
    OutcomeRow,
    PostingRow,
    RefusalRow,
    SampleRow,
)
from storage.schema import table_of

__all__ = ["RequestStory", "Story", "tell"]

_SHOWN_IDS: Final = 5
_OUTLOOK: Final = "outlook"
_SIZING: Final = "sizing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStory:
    """One request: what was sent, and everything that came back, in order."""

    request: Record
    outcomes: Sequence[Record]
    orders: Sequence[Record]
    fills: Sequence[Record]
    postings: Sequence[Record]

    @property
    def last_seq(self) -> int:
        """The number of the newest entry that belongs to the request."""
        parts = (self.outcomes, self.orders, self.fills, self.postings)
        numbers = [row["seq"] for part in parts for row in part]
        return int(max([self.request["seq"], *numbers]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A decision (None when the journal has none) and what it led to.

    ``before`` and ``after`` are the samples around it, ``outlook`` what the forecast
    had said last; None when there is none.
    """

    decision: Record | None
    requests: Sequence[RequestStory]
    refusals: Sequence[Record]
    before: Record | None
    after: Record | None
    outlook: Record | None = None
    sizing: Record | None = None
    """What the results had left of new risk, at the last look before it."""


def tell(reader: JournalReader, identifier: str) -> Story:
    """The story of a decision id or of an intent id.

    Raises:
        UsageError: The journal knows no such id.
    """
    chosen = table_of(DecisionRow).c
    decisions = records(
        reader, DecisionRow, Filters(), chosen.decision_id == identifier
    )
    if decisions:
        return _of_decision(reader, decisions[0])
    found = records(
        reader, IntentRow, Filters(), table_of(IntentRow).c.intent_id == identifier
    )
    if not found:
        raise UsageError(_unknown(reader, identifier))
    return _of_request(reader, found[0])


def _unknown(reader: JournalReader, identifier: str) -> str:
    newest = Filters(limit=_SHOWN_IDS)
    known = [row["decision_id"] for row in records(reader, DecisionRow, newest)]
    known += [row["intent_id"] for row in records(reader, IntentRow, newest)]
    hint = f"The newest it knows: {', '.join(known)}." if known else "It has none yet."
    return f"{reader.path} knows no decision or request {identifier!r}. {hint}"


def _of_decision(reader: JournalReader, decision: Record) -> Story:
    chosen = table_of(DecisionRow).c
    following = records(
        reader,
        DecisionRow,
        Filters(),
        chosen.owner == decision["owner"],
        chosen.seq > decision["seq"],
    )
    end = following[0]["seq"] if following else reader.head.seq + 1
    requests = [
        _request_story(reader, row) for row in _owned(reader, IntentRow, decision, end)
    ]
    last = max([decision["seq"], *(each.last_seq for each in requests)])
    return Story(
        decision=decision,
        requests=requests,
        refusals=_owned(reader, RefusalRow, decision, end),
        before=_sample_before(reader, decision["seq"]),
        after=_sample_after(reader, last),
        outlook=_note_before(reader, _OUTLOOK, decision["seq"]),
    )


def _owned(
    reader: JournalReader, model: type[EntryDetail], decision: Record, end: int
) -> list[Record]:
    columns = table_of(model).c
    return records(
        reader,
        model,
        Filters(),
        columns.owner == decision["owner"],
        columns.seq > decision["seq"],
        columns.seq < end,
    )


def _of_request(reader: JournalReader, request: Record) -> Story:
    chosen = table_of(DecisionRow).c
    decisions = records(
        reader,
        DecisionRow,
        Filters(limit=1),
        chosen.owner == request["owner"],
        chosen.seq < request["seq"],
    )
    story = _request_story(reader, request)
    return Story(
        decision=decisions[0] if decisions else None,
        requests=(story,),
        refusals=(),
        before=_sample_before(reader, request["seq"]),
        after=_sample_after(reader, story.last_seq),
        outlook=_note_before(reader, _OUTLOOK, request["seq"]),
        sizing=_note_before(reader, _SIZING, request["seq"]),
    )


def _request_story(reader: JournalReader, request: Record) -> RequestStory:
    identifier = request["intent_id"]

    def of(model: type[EntryDetail]) -> list[Record]:
        column: Any = table_of(model).c.intent_id
        return records(reader, model, Filters(), column == identifier)

    return RequestStory(
        request=request,
        outcomes=of(OutcomeRow),
        orders=of(OrderRow),
        fills=of(FillRow),
        postings=of(PostingRow),
    )


def _sample_before(reader: JournalReader, seq: int) -> Record | None:
    column = table_of(SampleRow).c.seq
    found = records(reader, SampleRow, Filters(limit=1), column < seq)
    return found[0] if found else None


def _note_before(reader: JournalReader, topic: str, seq: int) -> Record | None:
    """The last note on a topic before an entry."""
    columns = table_of(NoteRow).c
    is_topic, is_before = columns.topic == topic, columns.seq < seq
    found = records(reader, NoteRow, Filters(limit=1), is_topic, is_before)
    return found[0] if found else None


def _sample_after(reader: JournalReader, seq: int) -> Record | None:
    """The first sample after an entry."""
    column = table_of(SampleRow).c.seq
    first = reader.first_seq("Sampled", after=seq)
    if first is None:
        return None
    return records(reader, SampleRow, Filters(), column == first)[0]
