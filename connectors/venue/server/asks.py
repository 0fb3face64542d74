"""Reading what a request to the spot host asks for, field by field.

What is missing or malformed is refused with KuCoin's 400100 and a sentence that
names the field. Nothing here knows an endpoint or touches the venue.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.errors import UsageError
from bot.domain.money import ZERO
from connectors.kucoin.parse.node import Node
from connectors.venue.server.calls import Call, ProblemError

__all__ = [
    "body_flag",
    "body_number",
    "body_text",
    "body_word",
    "invalid",
    "names",
    "optional_body_number",
    "optional_body_text",
    "query_flag",
    "query_text",
    "query_time",
    "query_whole",
    "query_word",
]

_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"", "false", "0"})


def invalid(sentence: str) -> ProblemError:
    """KuCoin's parameter error."""
    return ProblemError("400100", sentence)


def query_text(call: Call, name: str) -> str:
    """A field of the query that must be there."""
    text = call.query.get(name, "").strip()
    if not text:
        raise invalid(f"{name} is required in the query.")
    return text


def query_word(call: Call, name: str, words: tuple[str, ...]) -> str | None:
    """One word of a closed set, None where the query has none."""
    text = call.query.get(name, "").strip()
    if not text:
        return None
    if text not in words:
        raise invalid(f"{name} must be one of {', '.join(words)}.")
    return text


def query_flag(call: Call, name: str) -> bool:
    """True or false as a text; false where it is absent."""
    text = call.query.get(name, "").strip().lower()
    if text in _TRUE:
        return True
    if text not in _FALSE:
        raise invalid(f"{name} must be true or false.")
    return False


def query_whole(call: Call, name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query within its limits."""
    text = call.query.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise invalid(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def query_time(call: Call, name: str) -> datetime | None:
    """A time in milliseconds, None where the query has none or a zero."""
    text = call.query.get(name, "").strip()
    if text in {"", "0"}:
        return None
    try:
        return Node(text, name).time_ms()
    except UsageError as wrong:
        raise invalid(str(wrong)) from None


def names(call: Call, name: str, most: int) -> tuple[str, ...]:
    """A list of names with commas between them, empty where there is none."""
    found = tuple(
        part.strip() for part in call.query.get(name, "").split(",") if part.strip()
    )
    if len(found) > most:
        raise invalid(f"{name} takes at most {most} names.")
    return found


def optional_body_text(body: Node, name: str) -> str | None:
    """A text of the body, None where it is absent, null or empty."""
    try:
        return body[name].optional_text()
    except UsageError as wrong:
        raise invalid(str(wrong)) from None


def body_text(body: Node, name: str) -> str:
    """A text of the body that must be there."""
    text = optional_body_text(body, name)
    if text is None:
        raise invalid(f"{name} is required.")
    return text


def body_word(
    body: Node, name: str, words: tuple[str, ...], default: str | None = None
) -> str:
    """One word of a closed set."""
    text = optional_body_text(body, name) or default
    if text is None:
        raise invalid(f"{name} is required.")
    if text not in words:
        raise invalid(f"{name} must be one of {', '.join(words)}.")
    return text


def optional_body_number(body: Node, name: str) -> Decimal | None:
    """A number of the body, as a text or bare; None where it is absent."""
    try:
        return body[name].optional_decimal()
    except UsageError as wrong:
        raise invalid(str(wrong)) from None


def body_number(body: Node, name: str) -> Decimal:
    """A number of the body that must be there and above zero."""
    number = optional_body_number(body, name)
    if number is None or number <= ZERO:
        raise invalid(f"{name} is required and must be greater than 0.")
    return number


def body_flag(body: Node, name: str) -> bool:
    """True or false, as JSON or as a text; false where it is absent."""
    field = body[name]
    if field.is_blank:
        return False
    if isinstance(field.value, str) and field.value.lower() in _TRUE | _FALSE:
        return field.value.lower() in _TRUE
    try:
        return field.flag()
    except UsageError as wrong:
        raise invalid(str(wrong)) from None
