"""Laws of the codec: what goes in comes out, and equal things are equal text."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.entries import Entry, Sampled
from storage.codec import KINDS, decode, encode, read_time, write_time
from tests.property.storage.drawn import amounts, bodies, entries, times


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_every_kind_round_trips(kind: str, data: st.DataObject) -> None:
    """Whatever the body of an entry, reading its row gives an equal entry."""
    entry = Entry(at=data.draw(times), body=data.draw(bodies[kind]))
    row = encode(entry)

    assert row.kind == kind
    assert decode(row) == entry


@given(entry=entries)
def test_rows_are_canonical(entry: Entry) -> None:
    """Writing what was read gives the same text, so resumed runs meet equal rows."""
    row = encode(entry)

    assert encode(decode(row)) == row


@given(entry=entries)
def test_no_number_is_stored_as_a_float(entry: Entry) -> None:
    """The JSON of a body holds whole numbers and text, never a fraction."""

    def refuse(text: str) -> Any:
        raise AssertionError(text)

    json.loads(encode(entry).body, parse_float=refuse)


@given(first=times, second=times)
def test_text_sorts_as_time_does(first: datetime, second: datetime) -> None:
    """Times can be compared as text, and none loses a microsecond."""
    assert (first < second) == (write_time(first) < write_time(second))
    assert read_time(write_time(first)) == first


@given(amount=amounts, at=times)
def test_decimals_are_plain(amount: Decimal, at: datetime) -> None:
    """A stored number has no exponent and is exactly the number."""
    row = encode(Entry(at=at, body=Sampled(equity_usdt=amount)))
    text = json.loads(row.body)["equity_usdt"]

    assert "E" not in text
    assert Decimal(text) == amount
