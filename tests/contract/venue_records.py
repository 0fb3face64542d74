"""What a served venue says that it did for us, against what the journal says.

The venue's own lists of orders, fills, loans and transfers are read over REST with
a request signed by hand, and matched with the intents of a journal: each order that
carries an id of ours has exactly one intent and each intent that was done exactly
one order. Nothing here uses the code of the connector.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.entries import Entry
from bot.domain.events import Bucket, Cause, Filled, IntentSettled, LedgerBooked
from bot.domain.intents import Approved, Borrow, PlaceOrder, Repay, Transfer
from bot.domain.money import ZERO, plain
from bot.domain.orders import Outcome
from tests.contract.live_books import entries_of
from tests.contract.served import Served

__all__ = ["Records", "compare_records", "read_records"]

_PAGES_MAX: Final = 100
_PAGE: Final = 100

Row = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Records:
    """The venue's lists. Amounts are exact."""

    orders: list[tuple[str, str]] = field(default_factory=list)
    """Client id and order id of every order, done and open."""
    filled: dict[str, Decimal] = field(default_factory=dict)
    """Order id to what its fills sum to."""
    borrowed: Counter[tuple[str, Decimal]] = field(default_factory=Counter)
    repaid: Counter[tuple[str, Decimal]] = field(default_factory=Counter)
    moved: Counter[tuple[str, Decimal]] = field(default_factory=Counter)
    """Transfers out of main and spot: coin and amount."""


def read_records(served: Served, entries: Sequence[Entry]) -> Records:
    """Read every list that the journal's intents could be in."""
    records = Records()
    coins, pairs, contracts = _subjects(entries)
    for pair in sorted(pairs):
        for path, more in (
            ("/api/v1/hf", {}),
            ("/api/v3/hf/margin", {"tradeType": "MARGIN_TRADE"}),
        ):
            _take_spot(records, served, path, {"symbol": pair, **more})
    if contracts:
        _take_futures(records, served)
    for coin in sorted(coins):
        _take_loans(records, served, coin)
        _take_transfers(records, served, coin)
    return records


def _subjects(entries: Sequence[Entry]) -> tuple[set[str], set[str], set[str]]:
    coins, pairs, contracts = {"USDT"}, set[str](), set[str]()
    for intent in (e.body.intent for e in entries if isinstance(e.body, Approved)):
        if isinstance(intent, Borrow | Repay | Transfer):
            coins.add(intent.coin)
        elif isinstance(intent, PlaceOrder):
            (contracts if intent.account == FUTURES else pairs).add(intent.symbol)
    return coins, pairs, contracts


def _take_spot(records: Records, served: Served, path: str, query: Row) -> None:
    active = {"symbol": query["symbol"], **query}
    rows = [
        *_ask(served, f"{path}/orders/active", active),
        *_by_id(served, f"{path}/orders/done", query),
    ]
    records.orders += [(row["clientOid"], row["id"]) for row in rows]
    _sum_fills(records, _by_id(served, f"{path}/fills", query))


def _take_futures(records: Records, served: Served) -> None:
    for status in ("active", "done"):
        rows = _by_page(served, "/api/v1/orders", {"status": status}, host="futures")
        records.orders += [(row["clientOid"], row["id"]) for row in rows]
    _sum_fills(records, _by_page(served, "/api/v1/fills", {}, host="futures"))


def _take_loans(records: Records, served: Served, coin: str) -> None:
    for row in _by_page(served, "/api/v3/margin/borrow", {"currency": coin}):
        if amount := Decimal(row["actualSize"]):
            records.borrowed[coin, amount] += 1
    for row in _by_page(served, "/api/v3/margin/repay", {"currency": coin}):
        if amount := Decimal(row["principal"]) + Decimal(row["interest"]):
            records.repaid[coin, amount] += 1


def _take_transfers(records: Records, served: Served, coin: str) -> None:
    out = {"currency": coin, "direction": "out", "bizType": "TRANSFER"}
    rows = [
        *_by_page(served, "/api/v1/accounts/ledgers", out),
        *_by_row(served, "/api/v1/hf/accounts/ledgers", out),
    ]
    for row in rows:
        records.moved[coin, Decimal(row["amount"])] += 1


def _sum_fills(records: Records, rows: Iterable[Row]) -> None:
    for row in rows:
        known = records.filled.get(row["orderId"], ZERO)
        records.filled[row["orderId"]] = known + Decimal(str(row["size"]))


# -- pages ------------------------------------------------------------------


def _ask(served: Served, path: str, query: Row, host: str = "spot") -> Any:
    said = served.ask("GET", f"{path}?{urlencode(query)}", host=host)
    assert said.code == "200000", f"{path}: {said.json}"
    return said.json["data"] or []


def _by_id(served: Served, path: str, query: Row) -> Iterator[Row]:
    """Pages that say what to send as ``lastId``."""
    last: Row = {}
    for _ in range(_PAGES_MAX):
        page = _ask(served, path, {**query, **last, "limit": _PAGE})
        rows = page["items"] if page else []
        yield from rows
        if len(rows) < _PAGE:
            return
        last = {"lastId": page["lastId"]}
    raise AssertionError(f"{path} has more than {_PAGES_MAX} pages")


def _by_row(served: Served, path: str, query: Row) -> Iterator[Row]:
    """Pages of bare rows, of which the last one's id is sent as ``lastId``."""
    last: Row = {}
    for _ in range(_PAGES_MAX):
        rows = _ask(served, path, {**query, **last, "limit": _PAGE})
        yield from rows
        if len(rows) < _PAGE:
            return
        last = {"lastId": rows[-1]["id"]}
    raise AssertionError(f"{path} has more than {_PAGES_MAX} pages")


def _by_page(
    served: Served, path: str, query: Row, host: str = "spot"
) -> Iterator[Row]:
    """Numbered pages."""
    for number in range(1, _PAGES_MAX + 1):
        asked = {**query, "currentPage": number, "pageSize": _PAGE}
        page = _ask(served, path, asked, host)
        rows = page["items"] if page else []
        yield from rows
        if len(rows) < _PAGE:
            return
    raise AssertionError(f"{path} has more than {_PAGES_MAX} pages")


# -- one to one -------------------------------------------------------------


def compare_records(journal: Path, served: Served) -> list[str]:
    """Where the venue's lists and the journal's intents differ; none if equal."""
    entries = entries_of(journal)
    records = read_records(served, entries)
    asked = {e.body.intent_id: e.body for e in entries if isinstance(e.body, Approved)}
    done = {
        e.body.intent_id: e.body
        for e in entries
        if isinstance(e.body, IntentSettled) and e.body.outcome is Outcome.DONE
    }
    return [
        *_orders(records, asked, done),
        *_fills(records, entries),
        *_counted("borrowed", records.borrowed, _amounts(asked, done, Borrow)),
        *_counted(
            "repaid", records.repaid, _amounts(asked, done, Repay) + _taken(entries)
        ),
        *_counted("moved", records.moved, _amounts(asked, done, Transfer)),
    ]


def _orders(
    records: Records, asked: dict[str, Approved], done: dict[str, IntentSettled]
) -> Iterator[str]:
    found = Counter(client_id for client_id, _ in records.orders if client_id)
    placed = {
        name
        for name, approved in asked.items()
        if isinstance(approved.intent, PlaceOrder) and name in done
    }
    yield from (f"the venue has {n} orders {i}" for i, n in found.items() if n > 1)
    yield from (f"the journal lacks the order {i}" for i in sorted({*found} - placed))
    yield from (f"the venue lacks the order {i}" for i in sorted(placed - {*found}))


def _fills(records: Records, entries: Sequence[Entry]) -> Iterator[str]:
    ours: dict[str, Decimal] = defaultdict(Decimal)
    trades = Counter[str]()
    for entry in entries:
        if isinstance(entry.body, Filled) and entry.body.forced is None:
            ours[entry.body.order_id] += entry.body.qty
            trades[entry.body.trade_id] += 1
    numbers = {order_id for _, order_id in records.orders}
    for number in sorted(numbers & ({*ours} | {*records.filled})):
        mine, its = ours.get(number, ZERO), records.filled.get(number, ZERO)
        if mine != its:
            yield f"order {number}: we saw {plain(mine)} filled, it was {plain(its)}"
    yield from (
        f"trade {t} was journaled {n} times" for t, n in trades.items() if n > 1
    )


def _amounts(
    asked: dict[str, Approved], done: dict[str, IntentSettled], kind: type
) -> Counter[tuple[str, Decimal]]:
    found = Counter[tuple[str, Decimal]]()
    for name, settled in done.items():
        intent = asked[name].intent if name in asked else None
        if not isinstance(intent, kind) or not isinstance(
            intent, Borrow | Repay | Transfer
        ):
            continue
        if isinstance(intent, Transfer) and intent.source in {FUTURES, MARGIN_CROSS}:
            continue
        found[intent.coin, settled.done_amount] += 1
    return found


def _taken(entries: Sequence[Entry]) -> Counter[tuple[str, Decimal]]:
    """Repayments that nobody of ours asked for: those of a takeover."""
    found = Counter[tuple[str, Decimal]]()
    for body in (entry.body for entry in entries):
        if not isinstance(body, LedgerBooked) or body.cause is not Cause.REPAY:
            continue
        owed = [p for p in body.postings if p.bucket is not Bucket.BALANCE]
        if body.intent_id is None and owed:
            found[owed[0].coin, -sum((p.amount for p in owed), ZERO)] += 1
    return found


def _counted(
    what: str,
    theirs: Counter[tuple[str, Decimal]],
    ours: Counter[tuple[str, Decimal]],
) -> Iterator[str]:
    for (coin, amount), n in (theirs - ours).items():
        yield f"{n} x {plain(amount)} {coin} {what} that the journal does not know"
    for (coin, amount), n in (ours - theirs).items():
        yield f"{n} x {plain(amount)} {coin} {what} that the venue does not know"
