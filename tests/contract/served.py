"""``gnomon venue serve`` as a process, for clients that nobody here wrote.

The server is started on free ports, asked for its books, and ended by SIGTERM: it
must then leave with exit code 0 and without a word, or the test fails. ``ask`` is a
raw request, signed here by hand from KuCoin's documents, for what a client would not
send. Nothing here uses the code of the connector.
"""

import base64
import hashlib
import hmac
import http.client
import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from threading import Event
from typing import Any, TypeVar
from urllib.parse import urlsplit

from connectors.system.clock import SystemClock

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
_START_S = 60.0
_POLL_S = 0.1
_LEDGER = Decimal("1E-8")

ACCOUNT = """\
vip = 0

[main]
USDT = "5000"

[spot]
USDT = "50000"
BTC = "0.5"

[margin_cross]
leverage = "5"
balance = {USDT = "20000", BTC = "0.2"}

[margin_isolated."BTC-USDT"]
leverage = "5"
balance = {USDT = "5000"}

[futures]
wallet = {USDT = "10000"}
"""
"""Something in every account, and no debt."""

CROSS = "margin_cross"
ISOLATED = "margin_isolated:BTC-USDT"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key of the served venue."""

    key: str
    secret: str
    passphrase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One raw answer."""

    status: int
    headers: Mapping[str, str]
    json: Any

    @property
    def code(self) -> str:
        """KuCoin's code."""
        return str(self.json["code"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one account has of one coin, by the venue's true books."""

    total: Decimal
    hold: Decimal
    principal: Decimal
    interest: Decimal

    @property
    def liability(self) -> Decimal:
        """Principal and interest."""
        return self.principal + self.interest


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that runs: where it is and who may come in."""

    spot: str
    futures: str
    uid: str
    full: Key
    read: Key

    def books(self) -> Any:
        """The venue's true books."""
        return _send(self.spot, "GET", "/_gnomon/books", {}, "").json

    def line(self, account: str, coin: str) -> Line:
        """One balance of the books; nothing there is nothing owned."""
        row = self.books()["balances"].get(account, {}).get(coin, {})
        return Line(
            total=Decimal(row.get("total", "0")),
            hold=Decimal(row.get("hold", "0")),
            principal=Decimal(row.get("principal", "0")),
            interest=Decimal(row.get("interest", "0")),
        )

    def position(self, symbol: str) -> Any:
        """One open position of the books, None without one."""
        rows = self.books()["positions"]
        return next((row for row in rows if row["symbol"] == symbol), None)

    def ask(
        self,
        method: str,
        target: str,
        body: str = "",
        *,
        key: Key | None = None,
        host: str = "spot",
        off_ms: int = 0,
        spoil: Mapping[str, str] | None = None,
    ) -> Said:
        """A request signed by hand; ``spoil`` replaces headers after signing."""
        stamp = true_ms() + off_ms
        headers = _headers(key or self.full, stamp, method, target, body)
        headers |= spoil or {}
        base = self.futures if host == "futures" else self.spot
        return _send(base, method, target, headers, body)


def paid(funds: Decimal) -> Decimal:
    """What a purchase takes from the books: eight decimals, rounded up."""
    return funds.quantize(_LEDGER, rounding=ROUND_CEILING)


def received(funds: Decimal) -> Decimal:
    """What a sale brings to the books: eight decimals, rounded down."""
    return funds.quantize(_LEDGER, rounding=ROUND_FLOOR)


def true_ms() -> int:
    """Milliseconds since 1970."""
    return round(SystemClock().now().timestamp() * 1000)


def _sign(secret: str, text: str) -> str:
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _headers(
    key: Key, stamp: int, method: str, target: str, body: str
) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "KC-API-KEY": key.key,
        "KC-API-SIGN": _sign(key.secret, f"{stamp}{method}{target}{body}"),
        "KC-API-TIMESTAMP": str(stamp),
        "KC-API-PASSPHRASE": _sign(key.secret, key.passphrase),
        "KC-API-KEY-VERSION": "3",
    }


def _send(
    base: str, method: str, target: str, headers: Mapping[str, str], body: str
) -> Said:
    line = http.client.HTTPConnection(urlsplit(base).netloc, timeout=PATIENCE_S)
    try:
        line.request(method, target, body or None, dict(headers))
        answer = line.getresponse()
        document = json.loads(answer.read())
        return Said(
            status=answer.status, headers=dict(answer.getheaders()), json=document
        )
    finally:
        line.close()


@contextmanager
def serve(folder: Path, *words: str, account: str = ACCOUNT) -> Iterator[Served]:
    """Serve a calm market until the block ends, and check how the server ends.

    Args:
        folder: Takes the account file.
        words: Further words of the command, such as ``--clock x60``.
        account: The account file's text.
    """
    start = folder / "account.toml"
    start.write_text(account, encoding="utf-8")
    command = [sys.executable, "-m", "bot", "venue", "serve", "--port", "0"]
    command += ["--scenario", "calm", "--account", str(start), *words]
    process = subprocess.Popen(  # noqa: S603 - our own command, on our own file
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield _ready(process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out, err) == (0, "", "")
    finally:
        process.kill()
        process.communicate()


def _ready(process: "subprocess.Popen[str]") -> Served:
    """Wait for the one line that says where the server is."""
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], _START_S)[0], "it never started"
    ready = json.loads(process.stdout.readline())
    full, read = (
        Key(key=row["key"], secret=row["secret"], passphrase=row["passphrase"])
        for row in ready["keys"]
    )
    return Served(
        spot=ready["spot"],
        futures=ready["futures"],
        uid=ready["uid"],
        full=full,
        read=read,
    )


def until(
    read: Callable[[], Value], is_good: Callable[[Value], bool], why: str
) -> Value:
    """Read again and again until it is good, and say what was seen last if never."""
    end = time.monotonic() + PATIENCE_S
    seen = read()
    while not is_good(seen):
        assert time.monotonic() < end, f"{why}; last seen: {seen!r}"
        Event().wait(_POLL_S)
        seen = read()
    return seen


def agree(*, client: Callable[[], Value], books: Callable[[], Value]) -> Value:
    """What a client reads and the books say, once both were the same.

    The venue's time moves, so interest may fall due between the two looks; a second
    pair of looks then agrees.
    """
    looks: list[tuple[Value, Value]] = []
    for _ in range(3):
        looks.append((client(), books()))
        if looks[-1][0] == looks[-1][1]:
            return looks[-1][0]
    raise AssertionError(f"the client reads otherwise than the books say: {looks}")
