"""KuCoin's envelope around every answer, and JSON with exact numbers.

A ``Decimal`` is written as a bare number in plain notation, a text as a text. A
float is refused: it has lost digits already. This module knows no endpoint.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

__all__ = ["SUCCESS", "dumps", "problem", "success"]

SUCCESS = "200000"


def dumps(value: object) -> str:
    """Write a document as JSON.

    Raises:
        TypeError: Something in it is no JSON value, such as a float or a time.
        ValueError: A number is not finite.

    Example:
        >>> dumps({"price": Decimal("1E-8"), "size": "0.10", "on": True, "x": [None]})
        '{"price":0.00000001,"size":"0.10","on":true,"x":[null]}'
    """
    match value:
        case None | bool() | str() | int():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            return _number(value)
        case Mapping() | Sequence():
            return _compound(value)
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON value: {value!r:.60}")


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} cannot be written as JSON")
    return f"{value:f}"


def _compound(value: Mapping[object, object] | Sequence[object]) -> str:
    if isinstance(value, Mapping):
        rows = [f"{json.dumps(str(k))}:{dumps(v)}" for k, v in value.items()]
        return "{" + ",".join(rows) + "}"
    return "[" + ",".join(dumps(item) for item in value) + "]"


def success(data: object) -> bytes:
    """An answer with its data.

    Example:
        >>> success({"orderId": "7"})
        b'{"code":"200000","data":{"orderId":"7"}}'
    """
    return dumps({"code": SUCCESS, "data": data}).encode()


def problem(code: str, message: str) -> bytes:
    """A refusal.

    Example:
        >>> problem("400100", "size is missing")
        b'{"code":"400100","msg":"size is missing"}'
    """
    return dumps({"code": code, "msg": message}).encode()
