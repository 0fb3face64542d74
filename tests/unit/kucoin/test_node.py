"""Every way in which a field can be broken is refused by name."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.domain.errors import UsageError
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.envelope import body, page, rows
from connectors.kucoin.parse.node import Node


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.5E-5", "0.000015"),
        (" 12 ", "12"),
        ("-0.00", "0"),
        (".5", "0.5"),
        (Decimal("1E+3"), "1000"),
        (7, "7"),
    ],
)
def test_numbers_are_read_exactly(value: object, expected: str) -> None:
    """A number may be text, exponent or whole; nothing is lost."""
    assert Node(value, "x").decimal() == Decimal(expected)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "  ",
        "abc",
        "1,000",
        "1 000",
        "1_000",
        "0x10",
        "NaN",
        "Infinity",
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("-Infinity"),
        1.5,
        True,
        [],
        {},
        "1e999999",
        "1e-99",
        "9" * 61,
        "\u0661",
    ],
    ids=repr,
)
def test_what_is_no_number_is_refused_by_name(value: object) -> None:
    """Nothing but a number is ever a number, and the error says where."""
    with pytest.raises(UsageError, match=r"^accounts\[2\]\.liability must be"):
        Node(value, "accounts[2].liability").decimal()


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (Node.amount, "-1", "not negative"),
        (Node.price, "0", "positive"),
        (Node.price, "-1", "positive"),
        (Node.optional_price, "-1", "not negative"),
        (Node.fraction, "1.01", "from 0 to 1"),
        (Node.integer, "1.5", "whole number"),
        (Node.text, "", "a text"),
        (Node.text, Decimal(1), "a text"),
        (Node.flag, "true", "true or false"),
        (Node.flag, Decimal(1), "true or false"),
        (Node.mapping, [], "an object"),
        (Node.time_ms, "-1", "milliseconds"),
        (Node.time_ms, "99999999999999999", "milliseconds"),
        (Node.time_ns, "1e30", "nanoseconds"),
        (Node.identity, True, "an id"),
        (Node.identity, " ", "an id"),
    ],
)
def test_each_reader_refuses_what_it_cannot_mean(
    reader: Callable[[Node], object], value: object, expected: str
) -> None:
    """The sentence names the path, what was expected and what was found."""
    with pytest.raises(UsageError, match=expected) as caught:
        reader(Node(value, "field"))
    assert str(caught.value).startswith("field must be ")


@pytest.mark.parametrize("value", [None, "", " "])
def test_blank_is_unknown_and_never_zero(value: object) -> None:
    """An optional number that is not there is None."""
    node = Node(value, "x")
    assert node.optional_decimal() is None
    assert node.optional_price() is None
    assert node.optional_integer() is None


def test_a_mark_of_zero_is_no_mark() -> None:
    """A price of zero means that there is none."""
    assert Node("0.000", "x").optional_price() is None


def test_words_are_a_closed_set_whatever_their_case() -> None:
    """A known word is translated, an unknown one refused with the list."""
    assert Node("Buy", "x").word({"buy": 1, "sell": -1}) == 1
    with pytest.raises(UsageError, match="one of buy, sell, but it is 'hold'"):
        Node("hold", "x").word({"buy": 1, "sell": -1})


def test_times_are_exact_and_utc() -> None:
    """Milliseconds as text and nanoseconds as number become UTC times."""
    when = datetime(2024, 10, 23, 9, 42, 2, 1000, tzinfo=UTC)
    assert Node("1729676522001", "x").time_ms() == when
    assert Node(Decimal(1729676522001000999), "x").time_ns() == when


def test_paths_lead_to_the_field() -> None:
    """A path names objects with dots and lists with indices."""
    root = Node({"a": [{"b": {}}]}, "doc")
    (item,) = root["a"].each()
    assert item["b"]["c"].path == "doc.a[0].b.c"
    assert item["b"]["c"].is_absent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "a": 1}', "the key 'a' twice"),
        ('{"a": NaN}', "NaN"),
        ("[Infinity]", "Infinity"),
        ('{"a": 1', "line 1, column 8"),
        ("", "line 1, column 1"),
        (b"\xff\xfe", "UTF-8"),
        ("[" * 100_000, "too deeply"),
        ("[1e99999999999999999999]", "out of all range"),
    ],
)
def test_unacceptable_json_is_refused_in_a_sentence(
    text: bytes | str, expected: str
) -> None:
    """The file is named with what is wrong and where."""
    with pytest.raises(UsageError, match=expected) as caught:
        decode(text, "account.json")
    assert str(caught.value).startswith("account.json ")


def test_numbers_survive_decoding_unchanged() -> None:
    """No digit of a number passes through binary."""
    assert decode("[0.1, 1.504E-5, 123456789012345678901234567890]") == [
        Decimal("0.1"),
        Decimal("0.00001504"),
        Decimal(123456789012345678901234567890),
    ]
    assert decode(b"\xef\xbb\xbf{}") == {}


def test_an_error_answer_is_refused_with_its_code() -> None:
    """Only code 200000 carries data."""
    answer = Node({"code": "400001", "msg": "no header"}, "margin_cross")
    with pytest.raises(UsageError, match=r"margin_cross .* 400001 \(no header\)"):
        body(answer)
    with pytest.raises(UsageError, match=r"margin_cross\.data must be the data"):
        body(Node({"code": "200000"}, "margin_cross"))


def test_a_body_is_the_envelope_or_its_data() -> None:
    """Both forms lead to the same rows."""
    inner = [{"x": 1}]
    assert [n.value for n in rows(Node(inner, "d"))] == inner
    assert [
        n.value for n in rows(Node({"code": "200000", "data": inner}, "d"))
    ] == inner
    paged = {"code": Decimal(200000), "data": {"items": inner, "totalPage": Decimal(2)}}
    items, is_complete = page(Node(paged, "d"))
    assert len(items) == 1
    assert not is_complete
