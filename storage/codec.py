"""Entries as text and back, exactly.

Theory of operation. Each domain type has one codec, a pair of functions: to the
values that JSON knows, and back. Codecs are built once from the type hints of the
domain dataclasses, so a new field is stored without a line here. Decimals are
plain text (equal numbers give equal text), times are UTC with six digits (so text
sorts as time does), mappings keep their order, and a value that may be one of
several dataclasses says which under ``what``. ``msgspec`` turns the result into
bytes. This module must not open a file or know a table.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from bot.domain.entries import Entry, EntryBody
from bot.domain.errors import JournalError
from bot.domain.money import decimal_from, plain

__all__ = ["KINDS", "StoredRow", "decode", "encode", "read_time", "write_time"]

_TIME_LENGTH: Final = len("2021-05-19T12:00:00.000000Z")
_TAG: Final = "what"


@dataclass(frozen=True, slots=True)
class StoredRow:
    """An entry as the table holds it: three texts."""

    at: str
    kind: str
    body: str


@dataclass(frozen=True, slots=True)
class _Codec:
    """How one type is written to JSON values, and read back."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def write_time(when: datetime) -> str:
    """RFC 3339 in UTC with six digits of a second, so that text sorts as time.

    Raises:
        ValueError: The time does not carry ``tzinfo`` UTC.

    Example:
        >>> write_time(datetime(2021, 5, 19, 12, tzinfo=UTC))
        '2021-05-19T12:00:00.000000Z'
    """
    if when.tzinfo is not UTC:
        raise ValueError(f"a journaled time must carry tzinfo UTC, was {when!r}")
    return when.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def read_time(text: str) -> datetime:
    """The time that ``write_time`` wrote.

    Raises:
        ValueError: The text is not such a time.

    Example:
        >>> read_time("2021-05-19T12:00:00.000000Z").isoformat()
        '2021-05-19T12:00:00+00:00'
    """
    if len(text) != _TIME_LENGTH or not text.endswith("Z"):
        raise ValueError(f"expected a UTC time with six digits, found {text!r}")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)


def _write_decimal(number: Decimal) -> str:
    if number.is_nan():
        raise ValueError("a number to be journaled is NaN; that is a bug")
    return plain(number)


def _read_decimal(text: str) -> Decimal:
    if not isinstance(text, str):
        raise TypeError(f"expected a number as text, found {text!r}")
    if text in {"Infinity", "-Infinity"}:
        return Decimal(text)
    return decimal_from(text, "a number")


def _reader_of(expected: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not expected:
            raise TypeError(f"expected {expected.__name__}, found {value!r}")
        return value

    return read


def _write_text(value: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {value!r}")
    plain_text = value if type(value) is str else str(value)
    return plain_text.replace("\0", "\N{REPLACEMENT CHARACTER}")


_LEAVES: Final[Mapping[Any, _Codec]] = {
    str: _Codec(_write_text, _reader_of(str)),
    int: _Codec(_reader_of(int), _reader_of(int)),
    bool: _Codec(_reader_of(bool), _reader_of(bool)),
    Decimal: _Codec(_write_decimal, _read_decimal),
    datetime: _Codec(write_time, read_time),
}


def _codec_of(hint: Any) -> _Codec:
    """The codec of a type hint; an unknown kind of hint is a bug and raises."""
    hint = getattr(hint, "__supertype__", hint)
    if hint in _LEAVES:
        return _LEAVES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _Codec(lambda member: member.value, hint)
    if is_dataclass(hint):
        return _dataclass_codec(hint)
    return _generic_codec(hint)


def _generic_codec(hint: Any) -> _Codec:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _union_codec(arguments)
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return _tuple_codec(_codec_of(arguments[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_codec(*arguments)
    raise TypeError(f"storage has no codec for {hint!r}")


def _union_codec(members: tuple[Any, ...]) -> _Codec:
    some = tuple(member for member in members if member is not types.NoneType)
    inner = _codec_of(some[0]) if len(some) == 1 else _tagged_codec(some)
    if len(some) == len(members):
        return inner
    return _Codec(
        lambda value: None if value is None else inner.write(value),
        lambda value: None if value is None else inner.read(value),
    )


def _tagged_codec(members: tuple[Any, ...]) -> _Codec:
    codecs = {member.__name__: _dataclass_codec(member) for member in members}

    def write(value: Any) -> dict[str, Any]:
        name = type(value).__name__
        return {_TAG: name, **codecs[name].write(value)}

    def read(value: Any) -> Any:
        rest = dict(_reader_of(dict)(value))
        return codecs[rest.pop(_TAG)].read(rest)

    return _Codec(write, read)


def _tuple_codec(item: _Codec) -> _Codec:
    return _Codec(
        lambda values: [item.write(value) for value in values],
        lambda values: tuple(item.read(value) for value in _reader_of(list)(values)),
    )


def _mapping_codec(key_hint: Any, value_hint: Any) -> _Codec:
    """Text keys make an object; any other key makes a list of pairs."""
    key, value = _codec_of(key_hint), _codec_of(value_hint)
    if key is not _LEAVES[str]:
        return _Codec(
            lambda pairs: [[key.write(k), value.write(v)] for k, v in pairs.items()],
            lambda pairs: {key.read(k): value.read(v) for k, v in pairs},
        )
    return _Codec(
        lambda pairs: {key.write(k): value.write(v) for k, v in pairs.items()},
        lambda pairs: {k: value.read(v) for k, v in _reader_of(dict)(pairs).items()},
    )


def _dataclass_codec(cls: Any) -> _Codec:
    hints = get_type_hints(cls)
    parts = {field.name: _codec_of(hints[field.name]) for field in fields(cls)}
    writers = [(name, part.write) for name, part in parts.items()]
    required = {field.name for field in fields(cls) if _is_required(field)}

    def write(value: Any) -> dict[str, Any]:
        return {name: to_json(getattr(value, name)) for name, to_json in writers}

    def read(value: Any) -> Any:
        found = _reader_of(dict)(value)
        if missing := required - found.keys():
            raise KeyError(f"{cls.__name__} has no {sorted(missing)}")
        return cls(**{name: parts[name].read(part) for name, part in found.items()})

    return _Codec(write, read)


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


_CODECS: Final[Mapping[type, _Codec]] = {
    member: _dataclass_codec(member) for member in get_args(EntryBody)
}
KINDS: Final[Mapping[str, type]] = {member.__name__: member for member in _CODECS}
"""The name under which each type of entry body is stored."""

_TO_JSON: Final = msgspec.json.Encoder().encode
_FROM_JSON: Final = msgspec.json.Decoder().decode


def encode(entry: Entry) -> StoredRow:
    """Write an entry as the three texts of its row.

    Raises:
        TypeError: A field holds another type than it declares.
        ValueError: A time is not UTC or a number is NaN.

    Example:
        >>> from bot.domain.entries import Noted
        >>> at = datetime(2021, 5, 19, tzinfo=UTC)
        >>> encode(Entry(at=at, body=Noted(topic="drift", text="none"))).body
        '{"topic":"drift","text":"none","inputs":{}}'
    """
    body = entry.body
    cls = type(body)
    text = _TO_JSON(_CODECS[cls].write(body)).decode()
    return StoredRow(write_time(entry.at), cls.__name__, text)


def decode(row: StoredRow) -> Entry:
    """Read an entry back from its row.

    Raises:
        JournalError: The row holds nothing that this version wrote.
    """
    try:
        codec = _CODECS[KINDS[row.kind]]
        return Entry(at=read_time(row.at), body=codec.read(_FROM_JSON(row.body)))
    except (KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise JournalError(
            f"A journal row of kind {row.kind!r} at {row.at} cannot be read "
            f"({error}); the file is damaged or was written by another version."
        ) from error
