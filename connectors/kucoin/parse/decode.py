"""JSON text into plain data, every number exact.

Numbers become ``Decimal``. What a careful reader would stumble over is refused:
NaN, infinities, a key given twice, too much text, too deep a nesting. This module
knows no field of any document.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn

from bot.domain.errors import UsageError

__all__ = ["MAX_BYTES", "decode"]

MAX_BYTES: Final = 64 * 1024 * 1024
"""The longest document that is read; the exchange's largest is about 2 MB."""


def decode(text: bytes | str, source: str = "The document") -> object:
    """Read one JSON document.

    Args:
        text: The document; bytes must be UTF-8, a byte-order mark is allowed.
        source: What to call it in an error, such as a file's name.

    Returns:
        Dicts, lists, str, bool, None, and ``Decimal`` for every number.

    Raises:
        UsageError: It is not JSON, or not acceptable JSON, with the place.

    Example:
        >>> decode('{"value": 1.504E-5, "n": 3}')
        {'value': Decimal('0.00001504'), 'n': Decimal('3')}
    """
    if len(text) > MAX_BYTES:
        raise UsageError(
            f"{source} is larger than {MAX_BYTES // 1024 // 1024} MiB; "
            "give the exchange's documents only."
        )
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return _DECODER.decode(plain.removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{source} is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from None
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{source} is not valid JSON at line {error.lineno}, column "
            f"{error.colno}: {error.msg}."
        ) from None
    except RecursionError:
        raise UsageError(
            f"{source} is nested too deeply to be a document of the exchange."
        ) from None
    except _BadJsonError as error:
        raise UsageError(f"{source} {error}") from None


class _BadJsonError(Exception):
    """Valid JSON syntax that is still not acceptable."""


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _BadJsonError(
            f"holds the number {text[:40]}, whose exponent is out of all range."
        ) from None


def _refuse_constant(name: str) -> NoReturn:
    raise _BadJsonError(f"holds {name}, which is not a number; send null or leave out.")


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _BadJsonError(f"gives the key {key!r} twice in one object.")
        seen.add(key)
    return found


_DECODER: Final = json.JSONDecoder(
    parse_float=_number,
    parse_int=_number,
    parse_constant=_refuse_constant,
    object_pairs_hook=_unique_keys,
)
"""Made once: a burst of marks is 150 documents."""
