"""Parsing is total: any JSON gives a value or one sentence, never a crash."""

import inspect
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import UsageError
from connectors.kucoin.parse import (
    contracts,
    decode,
    funding,
    futures_orders,
    ledgers,
    loans,
    margin_accounts,
    margin_pushes,
    margin_rules,
    marks,
    positions,
    service,
    spot_orders,
    spot_rules,
    wallets,
)
from connectors.kucoin.parse.node import Node

_FAMILIES: Final = (
    contracts,
    funding,
    futures_orders,
    ledgers,
    loans,
    margin_accounts,
    margin_pushes,
    margin_rules,
    marks,
    positions,
    service,
    spot_orders,
    spot_rules,
    wallets,
)


def _takes_a_document(item: object) -> bool:
    if not inspect.isfunction(item):
        return False
    first, *rest = inspect.signature(item).parameters.values()
    required = [each for each in rest if each.default is inspect.Parameter.empty]
    return first.annotation is Node and not required


READERS: Final[list[Callable[[Node], object]]] = [
    reader
    for family in _FAMILIES
    for name in family.__all__
    if _takes_a_document(reader := getattr(family, name))
]

_FILE: Final = (
    Path(__file__).resolve().parents[2] / "golden/kucoin/official-examples.json"
)
_LOADED: Final = decode.decode(_FILE.read_bytes())
assert isinstance(_LOADED, dict)
EXAMPLES: Final[dict[str, Any]] = _LOADED

leaves = (
    st.none()
    | st.booleans()
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.integers(-(10**30), 10**30).map(Decimal)
    | st.text(max_size=8)
    | st.sampled_from(["", " ", "-1", "0", "1e400", "NaN", "200000", "BTC-USDT", "XBT"])
)
_INNER_FIELDS: Final = (
    "accounts",
    "assets",
    "currency",
    "currentQty",
    "items",
    "symbol",
    "value",
)
fields = st.sampled_from(
    [*sorted({key for example in EXAMPLES.values() for key in example}), *_INNER_FIELDS]
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(fields, inner, max_size=6)
    ),
    max_leaves=20,
)


def _read(reader: Callable[[Node], object], value: object) -> None:
    """Read and accept either outcome; anything else fails the test."""
    try:
        reader(Node(value, "document"))
    except UsageError as error:
        assert "document" in str(error)  # noqa: PT017 - the law is about the message


def test_all_families_are_exercised() -> None:
    """Each module of the package has readers here."""
    assert len(READERS) > 40


@given(reader=st.sampled_from(READERS), value=anything)
def test_any_json_is_a_value_or_a_sentence(
    reader: Callable[[Node], object], value: object
) -> None:
    """No document, however strange, raises anything but a named refusal."""
    _read(reader, value)


def _places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found += _places(inner, (*path, index))
    return found


def _replaced(value: Any, path: tuple[Any, ...], new: object) -> object:
    if not path:
        return new
    head, *rest = path
    copy = value.copy()
    copy[head] = _replaced(value[head], tuple(rest), new)
    return copy


@given(data=st.data(), new=anything)
def test_one_broken_field_of_a_real_document_is_refused_or_read(
    data: st.DataObject, new: object
) -> None:
    """Any one field of the exchange's own examples may hold anything at all."""
    name = data.draw(st.sampled_from(sorted(EXAMPLES)))
    path = data.draw(st.sampled_from(_places(EXAMPLES[name])))
    broken = _replaced(EXAMPLES[name], path, new)
    for reader in READERS:
        _read(reader, broken)


amounts = st.decimals(
    min_value=0, max_value=10**9, places=8, allow_nan=False, allow_infinity=False
)


@given(
    rows=st.dictionaries(
        st.sampled_from(["BTC", "ETH", "USDT", "DOGE"]), st.tuples(amounts, amounts)
    ),
    is_text=st.booleans(),
    is_wrapped=st.booleans(),
)
def test_a_cross_account_comes_back_as_it_was_written(
    rows: dict[str, tuple[Decimal, Decimal]], *, is_text: bool, is_wrapped: bool
) -> None:
    """Numbers or texts, envelope or data: every digit survives."""

    def write(number: Decimal) -> object:
        return format(number, "f") if is_text else number

    data = {
        "accounts": [
            {"currency": coin, "total": write(total), "liability": write(owed)}
            for coin, (total, owed) in rows.items()
        ]
    }
    wrapped = {"code": "200000", "data": data} if is_wrapped else data
    read = margin_accounts.cross_account(Node(wrapped, "margin_cross"))
    assert {
        coin: (line.total, line.balance().liability)
        for coin, line in read.lines.items()
    } == rows
