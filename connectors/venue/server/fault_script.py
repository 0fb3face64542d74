"""What shall go wrong, and when: a script of faults read from TOML.

The form is described in docs/venue.md. Reading is pure: a text becomes frozen rules
or one sentence that names the table, the key, what it must be and what it was.
Nothing here draws a chance, reads a clock or does a fault.
"""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.errors import UsageError
from connectors.venue.server.fault_fields import Table

__all__ = [
    "AdlRule",
    "Blackout",
    "Change",
    "ClockRule",
    "FaultScript",
    "Halt",
    "RestRule",
    "Span",
    "WebsocketRule",
    "family_of",
    "parse_script",
]

REST_FAULTS: Final = (
    "hang_before",
    "hang_after",
    "drop_before",
    "drop_after",
    "status",
    "code",
    "delay",
    "not_found",
    "duplicate",
)
WEBSOCKET_FAULTS: Final = ("stall", "gap", "duplicate", "reorder", "close", "slow")
FAMILIES: Final = (
    "orders",
    "cancels",
    "loans",
    "transfers",
    "lookups",
    "accounts",
    "tokens",
    "other",
)
_HOSTS: Final = ("spot", "futures", "*")
_KINDS: Final = ("contract", "spot", "coin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when, in seconds of market time since the server's start."""

    from_s: float = 0.0
    to_s: float | None = None

    def covers(self, start: datetime, at: datetime) -> bool:
        """Whether ``at`` lies in it; the end is outside.

        Example:
            >>> from datetime import UTC, timedelta
            >>> start = datetime(2025, 1, 1, tzinfo=UTC)
            >>> span = Span(from_s=10, to_s=20)
            >>> [span.covers(start, start + timedelta(seconds=s)) for s in (9, 10, 20)]
            [False, True, False]
        """
        passed = (at - start).total_seconds()
        return passed >= self.from_s and (self.to_s is None or passed < self.to_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRule:
    """One fault of requests.

    ``rate`` is the chance of each request that fits, ``count`` how often it hits at
    most. ``is_after`` lets ``status`` and ``code`` answer after the request was done.
    """

    name: str
    fault: str
    span: Span
    host: str = "*"
    method: str = "*"
    path: str = "*"
    """A prefix of the path, or ``*`` for all."""
    family: str = "*"
    rate: float = 1.0
    count: int | None = None
    delay_ms: int = 0
    hang_s: float = 60.0
    status: int = 200
    body: str = ""
    content_type: str = "text/html"
    code: str = ""
    msg: str = ""
    is_after: bool = False
    not_found_for_s: float = 0.0

    def fits(self, host: str, method: str, path: str, family: str) -> bool:
        """Whether it is about this kind of request."""
        return (
            self.host in {"*", host}
            and self.method in {"*", method}
            and self.family in {"*", family}
            and (self.path == "*" or path.startswith(self.path))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebsocketRule:
    """One fault of pushes.

    ``stall``: nothing of the topic is sent for ``for_s``, the socket stays open.
    ``gap``: this frame is lost. ``duplicate``: it is sent twice. ``reorder``: it is
    held back until ``frames`` others went. ``close``: the socket is closed with
    ``close_code``. ``slow``: it is sent ``delay_ms`` late.
    """

    name: str
    fault: str
    span: Span
    host: str = "*"
    topic: str = "*"
    """A prefix of the topic, or ``*`` for all."""
    rate: float = 1.0
    count: int | None = None
    for_s: float = 0.0
    delay_ms: int = 0
    frames: int = 1
    close_code: int = 1006

    def fits(self, host: str, topic: str) -> bool:
        """Whether it is about this topic."""
        is_topic = self.topic == "*" or topic.startswith(self.topic)
        return is_topic and self.host in {"*", host}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackout:
    """An upgrade: ``close`` refuses orders and cancels, ``cancelonly`` orders only."""

    span: Span
    host: str
    status: str
    msg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A parameter of an instrument that is another from ``at_s`` on."""

    at_s: float
    kind: str
    """contract, spot (its fees too) or coin."""
    name: str
    field: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdlRule:
    """A position that is auto-deleveraged at ``at_s``; no price: at the mark."""

    at_s: float
    symbol: str
    side: str
    lots: int
    price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A symbol that takes no orders for a while."""

    span: Span
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRule:
    """A clock of the exchange that is ``skew_ms`` ahead of true time.

    Signatures are judged by the same clock, unless ``is_timestamp_only``.
    """

    span: Span
    skew_ms: int
    is_timestamp_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultScript:
    """Everything that shall go wrong; an empty script is a healthy exchange."""

    seed: int | None = None
    rest: tuple[RestRule, ...] = ()
    websocket: tuple[WebsocketRule, ...] = ()
    blackouts: tuple[Blackout, ...] = ()
    changes: tuple[Change, ...] = ()
    adl: tuple[AdlRule, ...] = ()
    halts: tuple[Halt, ...] = ()
    clocks: tuple[ClockRule, ...] = ()


def family_of(method: str, path: str) -> str:
    """The family of an endpoint, so that one rule can be about all of them.

    Example:
        >>> family_of("POST", "/api/v3/hf/margin/order")
        'orders'
        >>> family_of("GET", "/api/v1/fills"), family_of("GET", "/api/v1/contracts")
        ('lookups', 'other')
    """
    words = path.lower()
    is_order = "order" in words
    if "bullet" in words:
        return "tokens"
    if method != "GET":
        return _family_of_write(method, words)
    if is_order or "fills" in words or "/margin/borrow" in words:
        return "lookups"
    if "/margin/repay" in words or "ledger" in words or "transaction" in words:
        return "lookups"
    is_account = "account" in words or "/position" in words
    return "accounts" if is_account else "other"


def _family_of_write(method: str, words: str) -> str:
    if "/margin/borrow" in words or "/margin/repay" in words:
        return "loans"
    if "transfer" in words:
        return "transfers"
    if "order" in words:
        return "cancels" if method == "DELETE" else "orders"
    return "other"


def parse_script(text: str, source: str) -> FaultScript:
    r"""Read a script.

    Args:
        text: TOML.
        source: What to call it in an error, such as the file's name.

    Raises:
        UsageError: It is not TOML, or a key is unknown, missing or out of range.

    Example:
        >>> script = parse_script('[[rest]]\nfault = "hang_after"\nrate = 0.1', "f")
        >>> script.rest[0].name, script.rest[0].rate
        ('rest[0]', 0.1)
    """
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source} is not valid TOML: {error}.") from None
    top = Table(source=source, name="", values=document)
    script = FaultScript(
        seed=top.optional_integer("seed", low=0),
        rest=tuple(_rest(table) for table in top.tables("rest")),
        websocket=tuple(_websocket(table) for table in top.tables("websocket")),
        blackouts=tuple(_blackout(table) for table in top.tables("blackout")),
        changes=tuple(_change(table) for table in top.tables("change")),
        adl=tuple(_adl(table) for table in top.tables("adl")),
        halts=tuple(_halt(table) for table in top.tables("halt")),
        clocks=tuple(_clock(table) for table in top.tables("clock")),
    )
    top.close()
    return script


def _span(table: Table) -> Span:
    first = table.number("from_s", 0.0, low=0)
    last = table.optional_number("to_s", low=0)
    if last is not None and last <= first:
        table.refuse("to_s", f"later than from_s ({first:g})", last)
    return Span(from_s=first, to_s=last)


def _rest(table: Table) -> RestRule:
    fault = table.word("fault", REST_FAULTS)
    rule = RestRule(
        name=table.text("name", table.name),
        fault=fault,
        span=_span(table),
        host=table.word("host", _HOSTS, "*"),
        method=table.word("method", ("GET", "POST", "DELETE", "PUT", "*"), "*"),
        path=table.text("path", "*"),
        family=table.word("family", (*FAMILIES, "*"), "*"),
        rate=table.number("rate", 1.0, low=0, high=1),
        count=table.optional_integer("count", low=1),
        delay_ms=table.integer("delay_ms", 0, low=0),
        hang_s=table.number("hang_s", 60.0, low=0, high=3600),
        status=table.integer("status", 200, low=200, high=599),
        body=table.text("body", ""),
        content_type=table.text("content_type", "text/html"),
        code=table.text("code", ""),
        msg=table.text("msg", ""),
        is_after=table.flag("after"),
        not_found_for_s=table.number("not_found_for_s", 0.0, low=0),
    )
    _require(table, rule)
    table.close()
    return rule


def _require(table: Table, rule: RestRule) -> None:
    """Each fault needs its own number, which has no sensible default."""
    missing = {
        "code": ("code", not rule.code),
        "delay": ("delay_ms", rule.delay_ms == 0),
        "not_found": ("not_found_for_s", rule.not_found_for_s == 0),
    }.get(rule.fault)
    if missing is not None and missing[1]:
        table.refuse(missing[0], f"given for the fault {rule.fault!r}", None)
    if rule.path != "*" and not rule.path.startswith("/"):
        table.refuse("path", "a path that begins with / or *", rule.path)


def _websocket(table: Table) -> WebsocketRule:
    fault = table.word("fault", WEBSOCKET_FAULTS)
    rule = WebsocketRule(
        name=table.text("name", table.name),
        fault=fault,
        span=_span(table),
        host=table.word("host", _HOSTS, "*"),
        topic=table.text("topic", "*"),
        rate=table.number("rate", 1.0, low=0, high=1),
        count=table.optional_integer("count", low=1),
        for_s=table.number("for_s", 0.0, low=0),
        delay_ms=table.integer("delay_ms", 0, low=0),
        frames=table.integer("frames", 1, low=1, high=1000),
        close_code=table.integer("close_code", 1006, low=1000, high=4999),
    )
    if rule.fault == "stall" and rule.for_s == 0:
        table.refuse("for_s", "given for the fault 'stall'", None)
    if rule.fault == "slow" and rule.delay_ms == 0:
        table.refuse("delay_ms", "given for the fault 'slow'", None)
    table.close()
    return rule


def _blackout(table: Table) -> Blackout:
    found = Blackout(
        span=_span(table),
        host=table.word("host", _HOSTS, "*"),
        status=table.word("status", ("close", "cancelonly"), "close"),
        msg=table.text("msg", "system upgrade"),
    )
    table.close()
    return found


def _change(table: Table) -> Change:
    kind = table.word("kind", _KINDS)
    found = Change(
        at_s=table.number("at_s", low=0),
        kind=kind,
        name=table.text("name"),
        field=table.text("field"),
        value=table.text("value"),
    )
    table.close()
    return found


def _adl(table: Table) -> AdlRule:
    found = AdlRule(
        at_s=table.number("at_s", low=0),
        symbol=table.text("symbol"),
        side=table.word("side", ("both", "long", "short"), "both"),
        lots=table.integer("lots", low=1),
        price=table.price("price"),
    )
    table.close()
    return found


def _halt(table: Table) -> Halt:
    found = Halt(span=_span(table), symbol=table.text("symbol"))
    table.close()
    return found


def _clock(table: Table) -> ClockRule:
    found = ClockRule(
        span=_span(table),
        skew_ms=table.integer("skew_ms"),
        is_timestamp_only=table.flag("timestamp_only"),
    )
    table.close()
    return found
