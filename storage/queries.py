"""What happened, as rows: the questions that need no arithmetic on money.

Every answer is in the order of the journal. ``Filters`` narrows an answer by time
and by what the rows are about; ``limit`` keeps the newest. Sums and balances are in
``storage/books.py``. This module must not write or print.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, select

from bot.domain.accounts import Position, PositionKey
from bot.domain.entries import RunEnded, RunStarted, Sampled
from bot.domain.errors import UsageError
from bot.domain.events import IntentSettled, PositionChanged
from bot.domain.intents import Approved
from bot.domain.orders import (
    IntentState,
    OrderState,
    Outcome,
    next_intent_state,
)
from storage.codec import KINDS, write_time
from storage.reader import JournalReader
from storage.rows import (
    EntryDetail,
    EntryRow,
    IntentRow,
    OrderRow,
    OutcomeRow,
    PostingRow,
    SampleRow,
)
from storage.schema import table_of

__all__ = [
    "NO_FILTERS",
    "Filters",
    "OpenIntent",
    "Record",
    "intents",
    "last_sample",
    "open_intents",
    "orders",
    "positions",
    "postings_of",
    "raw_entries",
    "records",
    "runs",
    "select_rows",
]

Record = dict[str, Any]
"""One row: column name to text, whole number, None, or a decoded JSON value."""

_JSON_COLUMNS: Final = frozenset(
    {
        "alternatives",
        "debt_ratios",
        "distances",
        "facts",
        "identity",
        "inputs",
        "intent",
        "marks",
        "measured",
        "risk_rates",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which rows are wanted; None leaves a thing open. Both times are included."""

    since: datetime | None = None
    until: datetime | None = None
    account: str | None = None
    coin: str | None = None
    symbol: str | None = None
    limit: int | None = None


NO_FILTERS: Final = Filters()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIntent:
    """A request of ours whose outcome is not proven yet."""

    seq: int
    at: datetime
    approved: Approved
    state: IntentState


def records(
    reader: JournalReader,
    model: type[EntryDetail],
    filters: Filters = NO_FILTERS,
    *conditions: ColumnElement[bool],
) -> list[Record]:
    """The rows of one view, oldest first, with their JSON columns decoded.

    Args:
        reader: The journal.
        model: A class of ``storage/rows.py``.
        filters: Narrow the rows.
        conditions: More of them, on the columns of the view.

    Raises:
        UsageError: A filter names what the view does not have.
    """
    table = table_of(model)
    names = [column.name for column in table.columns]
    chosen = select_rows(model, names, filters).where(*conditions)
    found = [dict(zip(names, row, strict=True)) for row in reader.all(chosen)]
    found.reverse()
    return [_decoded(row) for row in found]


def select_rows(
    model: type[EntryDetail], names: Sequence[str], filters: Filters = NO_FILTERS
) -> Select[Any]:
    """The select of some columns of a view, newest first, narrowed by filters."""
    columns = table_of(model).columns
    conditions = []
    if filters.since is not None:
        conditions.append(columns["at"] >= write_time(filters.since))
    if filters.until is not None:
        conditions.append(columns["at"] <= write_time(filters.until))
    for name in ("account", "coin", "symbol"):
        value = getattr(filters, name)
        if value is not None:
            conditions.append(_column(model, name) == value)
    order = [columns[name].desc() for name in ("seq", "item") if name in columns]
    return (
        select(*(columns[name] for name in names))
        .where(*conditions)
        .order_by(*order)
        .limit(filters.limit)
    )


def _column(model: type[EntryDetail], name: str) -> ColumnElement[Any]:
    table = table_of(model)
    if name not in table.columns:
        raise UsageError(
            f"The {table.name} have no {name} to filter by; leave out --{name}."
        )
    return table.columns[name]


def raw_entries(
    reader: JournalReader, kind: str | None, filters: Filters = NO_FILTERS
) -> list[Record]:
    """Entries as they were written, their bodies decoded from JSON.

    Args:
        reader: The journal.
        kind: One kind of entry, None for all.
        filters: Only times and a limit have a meaning here.

    Raises:
        UsageError: There is no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"There is no kind {kind!r}; there are {', '.join(KINDS)}.")
    table = table_of(EntryRow).c
    chosen = select(table.seq, table.at, table.kind, table.body)
    if kind is not None:
        chosen = chosen.where(table.kind == kind)
    if filters.since is not None:
        chosen = chosen.where(table.at >= write_time(filters.since))
    if filters.until is not None:
        chosen = chosen.where(table.at <= write_time(filters.until))
    found = reader.all(chosen.order_by(table.seq.desc()).limit(filters.limit))
    return [
        {"seq": seq, "at": at, "kind": kind, "body": json.loads(body)}
        for seq, at, kind, body in reversed(found)
    ]


def _decoded(row: Record) -> Record:
    for name in _JSON_COLUMNS & row.keys():
        row[name] = json.loads(row[name])
    return row


def postings_of(
    reader: JournalReader, cause: str, filters: Filters = NO_FILTERS
) -> list[Record]:
    """The postings of one cause, such as ``funding`` or ``interest``."""
    return records(reader, PostingRow, filters, table_of(PostingRow).c.cause == cause)


def runs(reader: JournalReader) -> list[Record]:
    """The runs of a journal: when they began and ended, and what they were."""
    found: list[Record] = []
    for stored in reader.entries("RunStarted", "RunEnded"):
        body, at = stored.entry.body, write_time(stored.entry.at)
        if isinstance(body, RunStarted):
            found.append(
                {
                    "seq": stored.seq,
                    "name": body.name,
                    "world": body.world,
                    "epoch": body.epoch,
                    "start": at,
                    "end": None,
                    "reason": None,
                    "identity": dict(body.identity),
                    "facts": dict(body.facts),
                    "summary": None,
                }
            )
        elif isinstance(body, RunEnded) and found:
            found[-1].update(end=at, reason=body.reason, summary=body.summary)
    return found


def intents(reader: JournalReader, filters: Filters = NO_FILTERS) -> list[Record]:
    """Our requests, each with what became of it."""
    rows = records(reader, IntentRow, filters)
    answers: dict[str, list[Record]] = {}
    for outcome in records(reader, OutcomeRow, _times(filters)):
        answers.setdefault(outcome["intent_id"], []).append(outcome)
    return [_with_outcome(row, answers.get(row["intent_id"], ())) for row in rows]


def _times(filters: Filters) -> Filters:
    """An outcome may come later than the time that its request is looked for."""
    return Filters(since=filters.since)


def _with_outcome(row: Record, outcomes: Sequence[Record]) -> Record:
    state = IntentState.SENT
    for outcome in outcomes:
        state = next_intent_state(state, Outcome(outcome["outcome"]))
    last: Mapping[str, Any] = outcomes[-1] if outcomes else {}
    return {
        **row,
        "state": state.value,
        "settled_at": last.get("at"),
        "order_id": _last_known(outcomes, "order_id"),
        "done_amount": last.get("done_amount"),
        "code": last.get("code"),
        "outcome_reason": last.get("reason"),
    }


def _last_known(rows: Sequence[Record], name: str) -> Any:
    known = [row[name] for row in rows if row[name] is not None]
    return known[-1] if known else None


def orders(reader: JournalReader, filters: Filters = NO_FILTERS) -> list[Record]:
    """Orders as they stand after everything said of them, oldest first.

    A done order stays done: late news of it changes nothing.
    """
    found: dict[str, Record] = {}
    for row in records(reader, OrderRow, replace(filters, limit=None)):
        known = found.get(row["order_id"])
        if known is None:
            found[row["order_id"]] = {**row, "changed_at": row["at"]}
        elif known["state"] == OrderState.OPEN.value:
            first = {"seq": known["seq"], "at": known["at"]}
            found[row["order_id"]] = {**row, **first, "changed_at": row["at"]}
    listed = list(found.values())
    return listed if filters.limit is None else listed[-filters.limit :]


def open_intents(reader: JournalReader) -> tuple[OpenIntent, ...]:
    """Requests that a restart must look up: sent or in doubt, oldest first."""
    waiting: dict[str, OpenIntent] = {}
    for stored in reader.entries("Approved", "IntentSettled"):
        body = stored.entry.body
        if isinstance(body, Approved):
            waiting[body.intent_id] = OpenIntent(
                seq=stored.seq,
                at=stored.entry.at,
                approved=body,
                state=IntentState.SENT,
            )
        elif isinstance(body, IntentSettled) and body.intent_id in waiting:
            known = waiting[body.intent_id]
            state = next_intent_state(known.state, body.outcome)
            waiting[body.intent_id] = replace(known, state=state)
    return tuple(each for each in waiting.values() if not each.state.is_final)


def positions(
    reader: JournalReader, until: datetime | None = None
) -> Mapping[PositionKey, Position]:
    """The futures positions as last stated up to a time; closed ones are gone."""
    found: dict[PositionKey, Position] = {}
    for stored in reader.entries("PositionChanged"):
        body = stored.entry.body
        if isinstance(body, PositionChanged) and _is_by(stored.entry.at, until):
            found[body.position.key] = body.position
    return {key: found[key] for key in sorted(found) if found[key].lots != 0}


def last_sample(
    reader: JournalReader, until: datetime | None = None
) -> tuple[datetime, Sampled] | None:
    """The newest sample up to a time, None when there is none."""
    newest = select_rows(SampleRow, ("seq",), Filters(until=until, limit=1))
    for (seq,) in reader.all(newest):
        entry = reader.entry(seq)
        if isinstance(entry.body, Sampled):
            return entry.at, entry.body
    return None


def _is_by(at: datetime, until: datetime | None) -> bool:
    return until is None or at <= until
