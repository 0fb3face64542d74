"""What an answer of KuCoin proves, by its raw code and words.

One rule above all: a write is done or refused only where the exchange has said so;
whatever is new, garbled or vague leaves it in doubt. Status and code are judged
together, because a failure can come with HTTP 200 and a success with no data.
Nothing here does I/O or knows an endpoint.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.orders import Outcome
from connectors.kucoin.code_table import CODES

__all__ = [
    "SUCCESS",
    "Fate",
    "Verdict",
    "classify",
    "is_busy",
    "is_duplicate",
    "is_order_gone",
]

SUCCESS: Final = "200000"
_BUSY: Final = frozenset({"429000", "200002", "1015"})


class Fate(StrEnum):
    """What is proven about a request."""

    DONE = "done"
    DUPLICATE = "duplicate"
    """Accepted before under the same client id: find it and adopt it."""
    REFUSED = "refused"
    ORDER_GONE = "order gone"
    """The order to cancel is not open: filled, cancelled or never there; look it up."""
    UNKNOWN = "unknown"

    @property
    def outcome(self) -> Outcome:
        """What it means for the intent that was sent."""
        return _OUTCOMES[self]


_OUTCOMES: Final[Mapping[Fate, Outcome]] = {
    Fate.DONE: Outcome.DONE,
    Fate.DUPLICATE: Outcome.DONE,
    Fate.REFUSED: Outcome.REFUSED,
    Fate.ORDER_GONE: Outcome.IN_DOUBT,
    Fate.UNKNOWN: Outcome.IN_DOUBT,
}
_PROVED: Final[Mapping[str, Fate]] = {
    "no": Fate.REFUSED,
    "duplicate": Fate.DUPLICATE,
    "gone": Fate.ORDER_GONE,
    "unknown": Fate.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is proven, and one sentence for a person; empty where there is none."""

    fate: Fate
    advice: str = ""


_WORDED: Final = frozenset(
    {"100001", "300000", "400000", "400100", "400400", "order_not_exist"}
)
"""Codes of many meanings; so are all of 300xxx. The words beside them decide."""

_CLIENT_ID: Final = r"client[ _-]?(order)?[ _-]?o?id"
_DUPLICATE: Final = re.compile(
    rf"{_CLIENT_ID}.*(dupl|repeat|already|been used)|(dupl|repeat)\w*.*{_CLIENT_ID}"
    r"|duplicated? order",
    re.IGNORECASE,
)
_GONE: Final = re.compile(
    rf"(order|{_CLIENT_ID})[ _]?(is |does |do )?[ _]?not[ _]?(exist|found)"
    r"|not[ _]allow\w*[ _]to[ _](be[ _])?cancel|not (in )?cancel+able",
    re.IGNORECASE,
)
_VAGUE: Final = re.compile(
    rf"timed?[ -]?out|system|internal|service|^\W*$"
    rf"|{_CLIENT_ID}(?!.*(required|empty|null|length|long|invalid|format|illegal))",
    re.IGNORECASE,
)
"""Words of a parameter error behind which something may have been done."""


def is_busy(code: str | None, message: str) -> bool:
    """Whether we asked too much or too often; asking later may succeed.

    200002 has two meanings: too many requests, and cancelling is suspended.

    Example:
        >>> is_busy("200002", "Too many requests in a short period of time")
        True
        >>> is_busy("200002", "The trading pair has suspended cancellation")
        False
    """
    return code in _BUSY and not (code == "200002" and "suspen" in message.lower())


def is_duplicate(code: str | None, message: str) -> bool:
    """Whether the exchange says that it accepted the same client id before.

    Example:
        >>> is_duplicate("400100", "validation.createOrder.clientOidDuplicated")
        True
        >>> is_duplicate("400100", "validation.createOrder.clientOidIsRequired")
        False
    """
    return _proved(code, message) == "duplicate"


def is_order_gone(code: str | None, message: str) -> bool:
    """Whether the exchange says that there is no such order to look at or cancel.

    Example:
        >>> is_order_gone("400100", "order_not_exist_or_not_allow_to_cancel")
        True
        >>> is_order_gone("400100", "Unsupported trading pair.")
        False
    """
    return _proved(code, message) == "gone"


def _proved(code: str | None, message: str) -> str:
    """The word of the table; empty for a code that is not in it."""
    if code is None:
        return ""
    if code in _WORDED or code.startswith("300"):
        if _DUPLICATE.search(message):
            return "duplicate"
        if _GONE.search(message):
            return "gone"
    return CODES[code][0] if code in CODES else ""


def classify(
    *,
    method_is_write: bool,
    http_status: int,
    code: str | None,
    message: str,
    has_data: bool,
) -> Verdict:
    """Judge one answer.

    Args:
        method_is_write: Whether the request may have changed something; a code that
            is not in the table leaves a write in doubt and refuses a read.
        http_status: As received.
        code: KuCoin's, None where the body was not an answer of KuCoin.
        message: KuCoin's words.
        has_data: Whether the body held the data that a success must have.

    Example:
        >>> classify(method_is_write=True, http_status=200, code="126044",
        ...          message="clientOid duplicate", has_data=False).fate
        <Fate.DUPLICATE: 'duplicate'>
        >>> classify(method_is_write=True, http_status=200, code="999999",
        ...          message="?", has_data=False).fate
        <Fate.UNKNOWN: 'unknown'>
    """
    if code is None or http_status >= 500:  # noqa: PLR2004 - HTTP's own number
        return Verdict(Fate.UNKNOWN, _advice(code))
    if code == SUCCESS:
        is_done = has_data and 200 <= http_status < 300  # noqa: PLR2004 - HTTP's own
        return Verdict(Fate.DONE if is_done else Fate.UNKNOWN)
    proved = _proved(code, message)
    if not proved:
        return Verdict(Fate.UNKNOWN if method_is_write else Fate.REFUSED)
    is_vague = code in _WORDED and _VAGUE.search(message) is not None
    if method_is_write and proved == "no" and is_vague:
        return Verdict(Fate.UNKNOWN, _advice(code))
    return Verdict(_PROVED[proved], _advice(_BY_WORDS.get(proved, code)))


def _advice(code: str | None) -> str:
    return CODES[code][1] if code is not None and code in CODES else ""


_BY_WORDS: Final = {"duplicate": "126044", "gone": "126043"}
"""The code whose advice fits, whichever code came with such words."""
