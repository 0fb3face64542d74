"""The codec: worked examples of rows as they lie in the file."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.accounts import FUTURES, AccountSnapshot, Position, PositionKey
from bot.domain.entries import Entry, EntryBody, Noted, Sampled
from bot.domain.errors import JournalError
from bot.domain.events import SnapshotTaken
from bot.domain.instruments import Lots
from bot.domain.intents import AdjustMargin, Refused
from storage.codec import StoredRow, decode, encode, read_time
from tests.unit.storage.told import START, at

_ROW = StoredRow(
    "2025-10-10T21:00:00.000000Z", "Noted", '{"topic":"t","text":"x","inputs":{}}'
)


_NO_TEXT: Any = {1: Decimal(1)}
_UNKNOWN_EQUITY = (
    '{"equity_usdt":null,"debt_ratios":{},"risk_rates":{},"distances":{},'
    '"marks":{"BTC":"150000"}}'
)
_REFUSAL = (
    '{"owner":"guard","intent":{"what":"AdjustMargin","symbol":"XBTUSDTM",'
    '"amount":"0.00000001","position_side":"both"},"reason":"no","pair":null,'
    '"measured":{}}'
)
_ADJUST = AdjustMargin(symbol="XBTUSDTM", amount=Decimal("1E-8"))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (Sampled(equity_usdt=None, marks={"BTC": Decimal("1.50E+5")}), _UNKNOWN_EQUITY),
        (Refused(owner="guard", intent=_ADJUST, reason="no"), _REFUSAL),
    ],
    ids=["unknown equity is null, numbers are plain", "an intent says what it is"],
)
def test_bodies_as_text(body: EntryBody, text: str) -> None:
    """Field order is that of the dataclass, numbers are text without exponent."""
    assert encode(Entry(at=START, body=body)).body == text


def test_a_snapshot_keeps_its_positions() -> None:
    """A mapping whose keys are not text comes back with the same keys."""
    key = PositionKey("XBTUSDTM")
    short = Position(symbol="XBTUSDTM", lots=Lots(-3), entry_value=Decimal("-1.5"))
    snapshot = AccountSnapshot(balances={FUTURES: {}}, positions={key: short})
    entry = Entry(at=START, body=SnapshotTaken(at=START, snapshot=snapshot))

    assert decode(encode(entry)) == entry


@pytest.mark.parametrize(
    "when",
    [
        START.replace(tzinfo=None),
        START.astimezone(timezone(timedelta(hours=2))),
    ],
    ids=["naive", "another zone"],
)
def test_a_time_that_is_not_utc_is_refused(when: datetime) -> None:
    """A journaled time carries tzinfo UTC, or nothing is written."""
    with pytest.raises(ValueError, match="UTC"):
        encode(Entry(at=when, body=Sampled(equity_usdt=None)))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (Sampled(equity_usdt=Decimal("NaN")), ValueError),
        (Sampled(equity_usdt=None, marks=_NO_TEXT), TypeError),
    ],
    ids=["not a number", "a key that is no text"],
)
def test_what_could_not_be_read_back_is_not_written(
    body: Any, error: type[Exception]
) -> None:
    """A value of another type than its field declares is a bug and raises."""
    with pytest.raises(error):
        encode(Entry(at=START, body=body))


@pytest.mark.parametrize(
    "row",
    [
        replace(_ROW, kind="Unheard"),
        replace(_ROW, at="yesterday"),
        replace(_ROW, body="{"),
        replace(_ROW, body='{"topic":"t"}'),
        replace(_ROW, body='{"topic":"t","text":1,"inputs":{}}'),
        replace(_ROW, body='{"topic":"t","text":"x","inputs":[]}'),
        replace(_ROW, body='{"topic":"t","text":"x","inputs":{},"more":1}'),
        StoredRow(_ROW.at, "Refused", '{"owner":"o","intent":{},"reason":"r"}'),
        StoredRow(_ROW.at, "Sampled", '{"equity_usdt":1.5}'),
    ],
    ids=[
        "unknown kind",
        "bad time",
        "no JSON",
        "missing field",
        "number for text",
        "list for mapping",
        "unknown field",
        "untagged intent",
        "float for money",
    ],
)
def test_a_row_that_is_not_ours_is_refused(row: StoredRow) -> None:
    """What cannot be read is a damaged journal, never a guess."""
    assert decode(_ROW).at == START
    with pytest.raises(JournalError, match="cannot be read"):
        decode(row)


def test_a_field_with_a_default_may_be_absent() -> None:
    """Rows of an older version lack newer fields; those take their defaults."""
    row = StoredRow(_ROW.at, "Noted", '{"topic":"t","text":"x"}')

    assert decode(row) == decode(_ROW)


def test_a_time_has_six_digits() -> None:
    """Only the one form of a time is read, so that text sorts as time does."""
    assert read_time("2025-10-10T21:00:01.000000Z") == at(1)
    assert read_time("2025-10-10T21:00:01.000000Z").tzinfo is UTC
    with pytest.raises(ValueError, match="six digits"):
        read_time("2025-10-10T21:00:01Z")


def test_a_nul_in_a_text_is_written_as_a_replacement_character() -> None:
    """SQLite ends a text at NUL, so two names that differ after it must not merge."""
    body = Noted(topic="a\0b", text="")
    row = encode(Entry(at=datetime(2025, 1, 1, tzinfo=UTC), body=body))
    assert "\0" not in row.body
    assert "\\u0000" not in row.body
