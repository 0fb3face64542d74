"""Reading requests of the futures host: fields, contracts, pages.

Every refusal is a ``ProblemError`` with KuCoin's code for a bad parameter and a
sentence that names the field. Nothing here does anything at the venue.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from bot.domain.errors import UsageError
from bot.domain.instruments import ContractRules
from connectors.kucoin.parse.node import Node, at_ms
from connectors.venue.refusal import Refusal
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError

__all__ = [
    "BAD_PARAMETER",
    "MAX_PAGE",
    "asked_contract",
    "chosen",
    "contract_of",
    "field",
    "paged",
    "positive",
    "query",
    "query_flag",
    "query_int",
    "refuse",
    "span",
]

T = TypeVar("T")

BAD_PARAMETER: Final = "400100"
UNKNOWN_CONTRACT: Final = "100003"
MAX_PAGE: Final = 1000
_MOST_MS: Final = 253_402_300_799_999


def refuse(refusal: Refusal | None) -> None:
    """Raise what a desk refused, if it did.

    Raises:
        ProblemError: There is a refusal.
    """
    if refusal is not None:
        raise ProblemError(refusal.code, refusal.sentence)


def field(read: Callable[[], T]) -> T:
    """What a reader of the body gives; its error becomes KuCoin's.

    Raises:
        ProblemError: The field is missing or not what was expected.
    """
    try:
        return read()
    except UsageError as error:
        raise ProblemError(BAD_PARAMETER, str(error)) from None


def query(call: Call, name: str) -> str:
    """A parameter that must be there.

    Raises:
        ProblemError: It is not, or it is empty.
    """
    found = call.query.get(name, call.args.get(name, "")).strip()
    if not found:
        raise ProblemError(BAD_PARAMETER, f"{name} can not be empty.")
    return found


def query_int(call: Call, name: str, default: int, most: int = _MOST_MS) -> int:
    """A whole number from 0 to ``most``, or the default where it is absent."""
    raw = call.query.get(name, "").strip()
    if not raw:
        return default
    if not raw.isdecimal() or int(raw) > most:
        raise ProblemError(
            BAD_PARAMETER, f"{name} must be a whole number from 0 to {most}."
        )
    return int(raw)


def query_flag(call: Call, name: str, *, default: bool) -> bool:
    """``true`` or ``false``, or the default where it is absent."""
    raw = call.query.get(name, "").strip().lower()
    if not raw:
        return default
    if raw not in {"true", "false"}:
        raise ProblemError(BAD_PARAMETER, f"{name} must be true or false.")
    return raw == "true"


def span(call: Call, first: str, last: str) -> tuple[datetime, datetime]:
    """The times that a query asks for, both ends included; open ends are wide."""
    return at_ms(query_int(call, first, 0)), at_ms(query_int(call, last, _MOST_MS))


def chosen(call: Call, name: str, table: Mapping[str, T], default: T) -> T:
    """One word of a closed set, or the default where it is absent."""
    raw = call.query.get(name, "").strip()
    if not raw:
        return default
    if raw not in table:
        raise ProblemError(BAD_PARAMETER, f"{name} must be one of {', '.join(table)}.")
    return table[raw]


def positive(node: Node) -> Decimal:
    """A number above zero, as text or as a number."""
    return field(node.price)


def contract_of(backend: Backend, symbol: str) -> ContractRules:
    """The rules of a contract.

    Raises:
        ProblemError: The venue does not list it.
    """
    contract = backend.venue.rules.contracts.get(symbol)
    if contract is None:
        raise ProblemError(UNKNOWN_CONTRACT, f"Contract {symbol} does not exist.")
    return contract


def asked_contract(backend: Backend, call: Call) -> ContractRules:
    """The contract that the query (or the path) names in ``symbol``."""
    return contract_of(backend, query(call, "symbol"))


def paged(call: Call, rows: Sequence[object], *, usual: int = 50) -> dict[str, object]:
    """One page of rows, ``currentPage`` from 1, at most ``MAX_PAGE`` a page."""
    number = max(1, query_int(call, "currentPage", 1, 1_000_000))
    size = max(1, min(MAX_PAGE, query_int(call, "pageSize", usual, 1_000_000)))
    start = (number - 1) * size
    return {
        "currentPage": number,
        "pageSize": size,
        "totalNum": len(rows),
        "totalPage": -(-len(rows) // size),
        "items": list(rows[start : start + size]),
    }
