"""The tables and views of the journal, one SQLModel class each.

There is one table, ``entry``; it is STRICT, append-only and hash-chained. Every
other class here is a *view* of it: its columns are read out of the entry's JSON
by SQLite itself, so a view cannot disagree with the journal and nothing is
written twice. Numbers stay text from end to end. The classes are the single
source of the schema: ``storage/schema.py`` writes the DDL from them.
"""

from typing import Any, ClassVar, Final

from sqlalchemy import Integer, Text
from sqlmodel import Field, SQLModel

__all__ = [
    "DETAILS",
    "DecisionRow",
    "EntryDetail",
    "EntryRow",
    "FillRow",
    "FundingQuoteRow",
    "IntentRow",
    "NoteRow",
    "OrderRow",
    "OutcomeRow",
    "PositionRow",
    "PostingRow",
    "RatioRow",
    "RefusalRow",
    "RunEndRow",
    "RunRow",
    "SampleRow",
    "StatusRow",
]


class EntryRow(SQLModel, table=True):
    """The journal itself. ``hash`` covers the row and the hash before it."""

    __tablename__ = "entry"
    __table_args__ = {"sqlite_strict": True}

    seq: int = Field(sa_type=Integer, primary_key=True)
    at: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    hash: str = Field(sa_type=Text)


def _text(path: str | None = None) -> Any:
    """A text column, read from ``path`` in the body (default: its own name)."""
    return Field(sa_type=Text, sa_column_kwargs={"info": {"path": path}})


def _whole(path: str | None = None) -> Any:
    """An integer column; a truth value is 1 or 0."""
    return Field(sa_type=Integer, sa_column_kwargs={"info": {"path": path}})


class EntryDetail(SQLModel):
    """What every view has: the entry's number, and its time as text."""

    kind: ClassVar[str]
    items: ClassVar[str | None] = None
    """The JSON path of a list of which every item is one row of the view."""

    seq: int = Field(sa_type=Integer, primary_key=True)
    at: str = Field(sa_type=Text)


class RunRow(EntryDetail, table=True):
    """The start of a run; ``identity`` and ``facts`` are JSON objects."""

    __tablename__ = "runs"
    kind = "RunStarted"

    name: str = _text()
    world: str = _text()
    epoch: int = _whole()
    identity: str = _text()
    facts: str = _text()


class RunEndRow(EntryDetail, table=True):
    """The end of a run; ``summary`` is JSON."""

    __tablename__ = "run_ends"
    kind = "RunEnded"

    reason: str = _text()
    summary: str = _text()


class IntentRow(EntryDetail, table=True):
    """A request of ours, written before it was sent; ``intent`` is the whole of it."""

    __tablename__ = "intents"
    kind = "Approved"

    intent_id: str = _text()
    owner: str = _text()
    what: str = _text("intent.what")
    account: str | None = _text("intent.account|intent.source")
    target: str | None = _text("intent.target")
    symbol: str | None = _text("intent.symbol")
    coin: str | None = _text("intent.coin")
    side: str | None = _text("intent.side")
    amount: str | None = _text("intent.qty|intent.amount")
    price: str | None = _text("intent.price")
    reason: str = _text()
    pair: str | None = _text()
    measured: str = _text()
    intent: str = _text()


class RefusalRow(EntryDetail, table=True):
    """A proposal that admission did not let pass."""

    __tablename__ = "refusals"
    kind = "Refused"

    owner: str = _text()
    what: str = _text("intent.what")
    account: str | None = _text("intent.account|intent.source")
    symbol: str | None = _text("intent.symbol")
    coin: str | None = _text("intent.coin")
    amount: str | None = _text("intent.qty|intent.amount")
    reason: str = _text()
    pair: str | None = _text()
    measured: str = _text()
    intent: str = _text()


class OutcomeRow(EntryDetail, table=True):
    """What became of a request: done, refused or in doubt."""

    __tablename__ = "outcomes"
    kind = "IntentSettled"

    intent_id: str = _text()
    outcome: str = _text()
    order_id: str | None = _text()
    done_amount: str = _text()
    code: str | None = _text()
    reason: str | None = _text()


class OrderRow(EntryDetail, table=True):
    """One statement of the exchange about an order; the furthest state counts."""

    __tablename__ = "orders"
    kind = "OrderChanged"

    order_id: str = _text()
    intent_id: str | None = _text()
    account: str = _text()
    symbol: str = _text()
    side: str = _text()
    state: str = _text()
    qty: str = _text()
    filled_qty: str = _text()
    price: str | None = _text()
    reduce_only: int = _whole()
    reason: str | None = _text()


class FillRow(EntryDetail, table=True):
    """A trade of ours; ``qty`` is base coins, on futures lots."""

    __tablename__ = "fills"
    kind = "Filled"

    trade_id: str = _text()
    order_id: str = _text()
    intent_id: str | None = _text()
    account: str = _text()
    symbol: str = _text()
    side: str = _text()
    qty: str = _text()
    price: str = _text()
    reference_price: str = _text()
    fee: str = _text()
    fee_coin: str = _text()
    is_maker: int = _whole()
    forced: str | None = _text()


class PostingRow(EntryDetail, table=True):
    """One signed change of one number; the sum of these is every balance."""

    __tablename__ = "postings"
    kind = "LedgerBooked"
    items = "postings"

    item: int = Field(
        sa_type=Integer,
        primary_key=True,
        sa_column_kwargs={"info": {"path": "#"}},
    )
    entry_id: str = _text()
    cause: str = _text()
    intent_id: str | None = _text()
    rate: str | None = _text()
    symbol: str | None = _text("@symbol|symbol")
    account: str = _text("@account")
    coin: str = _text("@coin")
    bucket: str = _text("@bucket")
    amount: str = _text("@amount")


class PositionRow(EntryDetail, table=True):
    """A futures position as it stood; zero lots is closed."""

    __tablename__ = "positions"
    kind = "PositionChanged"

    symbol: str = _text("position.symbol")
    side: str = _text("position.side")
    lots: int = _whole("position.lots")
    entry_value: str = _text("position.entry_value")
    mode: str = _text("position.mode")
    leverage: str = _text("position.leverage")
    margin: str = _text("position.margin")
    adl_rank: int | None = _whole("position.adl_rank")
    reason: str = _text()


class DecisionRow(EntryDetail, table=True):
    """A decision with its numbers; ``inputs`` and ``alternatives`` are JSON."""

    __tablename__ = "decisions"
    kind = "Decided"

    decision_id: str = _text()
    owner: str = _text()
    subject: str = _text()
    verdict: str = _text()
    reason: str = _text()
    inputs: str = _text()
    alternatives: str = _text()


class SampleRow(EntryDetail, table=True):
    """The account at one time; the mappings are JSON objects of texts."""

    __tablename__ = "samples"
    kind = "Sampled"

    equity_usdt: str | None = _text()
    debt_ratios: str = _text()
    risk_rates: str = _text()
    distances: str = _text()
    marks: str = _text()


class NoteRow(EntryDetail, table=True):
    """A sentence worth keeping."""

    __tablename__ = "notes"
    kind = "Noted"

    topic: str = _text()
    text: str = _text()
    inputs: str = _text()


class RatioRow(EntryDetail, table=True):
    """The exchange's own debt ratio or risk rate."""

    __tablename__ = "ratios"
    kind = "RatioReported"

    account: str = _text()
    coin: str | None = _text()
    value: str = _text()


class StatusRow(EntryDetail, table=True):
    """The exchange warned, cancelled, took over or released an account."""

    __tablename__ = "statuses"
    kind = "AccountStatusChanged"

    account: str = _text()
    status: str = _text()
    coin: str | None = _text()
    ratio: str | None = _text()


class FundingQuoteRow(EntryDetail, table=True):
    """A funding rate that was shown, not yet settled."""

    __tablename__ = "funding_quotes"
    kind = "FundingQuoted"

    symbol: str = _text()
    funding_rate: str = _text()
    settlement_at: str = _text()
    funding_interval_h: str = _text()


DETAILS: Final[tuple[type[EntryDetail], ...]] = (
    RunRow,
    RunEndRow,
    IntentRow,
    RefusalRow,
    OutcomeRow,
    OrderRow,
    FillRow,
    PostingRow,
    PositionRow,
    DecisionRow,
    SampleRow,
    NoteRow,
    RatioRow,
    StatusRow,
    FundingQuoteRow,
)
"""Every view, in the order in which the schema makes them."""
