"""The parameters of a request, checked and made plain before they are signed.

Texts go out as they are; a ``Decimal`` becomes text in plain notation, so that no
digit is lost; a float is refused. A query is signed as it reads, so it holds only
characters that read the same everywhere. Pure.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bot.domain.errors import UsageError
from connectors.kucoin.endpoints import Endpoint

__all__ = ["plain_params"]

_PLACE: Final = re.compile(r"\{(\w+)\}")
_IN_PATH: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_IN_QUERY: Final = re.compile(r"[A-Za-z0-9_.,:;/@~ -]{1,4000}")
_IN_BODY_MAX: Final = 4000
_TAKEN: Final = "version"
"""A name that ccxt reads as the version of the address."""


def plain_params(endpoint: Endpoint, params: Mapping[str, object]) -> dict[str, object]:
    """What is to be signed: path, query and body parameters in one.

    Raises:
        UsageError: A parameter is missing, or cannot be sent exactly.

    Example:
        >>> from connectors.kucoin.endpoints import ENDPOINTS
        >>> plain_params(ENDPOINTS["borrow"], {"size": Decimal("1E+2")})
        {'size': '100'}
    """
    places = frozenset(_PLACE.findall(endpoint.path))
    found: dict[str, object] = dict(endpoint.fixed)
    for name, value in params.items():
        where = f"{name} of {endpoint.name}"
        if name == _TAKEN:
            raise UsageError(f"{where} cannot be sent: no request has it.")
        if name in places:
            found[name] = _text(value, where, _IN_PATH)
        elif endpoint.method == "POST":
            found[name] = _body_value(value, where)
        else:
            found[name] = _text(value, where, _IN_QUERY)
    missing = sorted(places - found.keys())
    if missing:
        raise UsageError(f"{endpoint.name} needs {', '.join(missing)} in its path.")
    return found


def _text(value: object, where: str, allowed: re.Pattern[str]) -> str:
    text = _exact(value) if isinstance(value, Decimal) else value
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int):
        text = str(value)
    if not isinstance(text, str) or not allowed.fullmatch(text):
        raise UsageError(f"{where} cannot be sent in an address: {text!r:.60}.")
    return text


def _body_value(value: object, where: str) -> object:
    if isinstance(value, Decimal):
        return _exact(value)
    if isinstance(value, str) and 0 < len(value) <= _IN_BODY_MAX:
        return str(value)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, list | tuple) and all(isinstance(row, str) for row in value):
        return [str(row) for row in value]
    kind = type(value).__name__
    raise UsageError(
        f"{where} cannot be sent exactly: {kind}; give a text or a decimal number."
    )


def _exact(number: Decimal) -> str:
    if not number.is_finite():
        raise UsageError(f"{number} cannot be sent: it is not a number.")
    return format(number, "f")
