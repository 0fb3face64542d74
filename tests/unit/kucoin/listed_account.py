"""The lists and statements of the tiny exchange: what is visible, and how it pages.

See ``small_exchange``, which performs the operations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 - handed in with its seed

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT, AccountId
from bot.domain.events import Bucket
from bot.domain.instruments import ContractRules
from connectors.kucoin.cursors import to_ms

__all__ = [
    "AT_ONCE",
    "CONTRACT",
    "NOTHING",
    "QUANTUM",
    "START",
    "D",
    "Lag",
    "ListedAccount",
    "ManualClock",
    "Numbered",
]

D = Decimal
START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
NOTHING = D(0)
QUANTUM = D("0.00000001")
CONTRACT = ContractRules(
    symbol="XBTUSDTM",
    base="BTC",
    quote="USDT",
    settle="USDT",
    is_inverse=False,
    multiplier=D("0.001"),
    lot_size=1,
    tick_size=D("0.1"),
    max_order_lots=1_000_000,
    max_leverage=D(100),
    k=D(490),
    m=D(300),
    f=D("1.3"),
    mmr_limit=D("0.3"),
    mmr_lev_constant=D(125),
    maker_fee_rate=D("0.0002"),
    taker_fee_rate=D("0.0006"),
    price_band=D("0.05"),
)
Numbered = tuple[AccountId, str, Bucket]


class ManualClock:
    """The exchange's time, moved by the test; every request takes a millisecond."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        """The time as the test set it."""
        return self.at

    def pass_(self, seconds: float) -> None:
        """Let time go by."""
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds until rows and statements show an operation."""

    rows: float = 0
    statement: float = 0


AT_ONCE = Lag()


@dataclass(slots=True)
class _Row:
    list_name: str
    data: dict[str, object]
    at: datetime
    visible_at: datetime


@dataclass(slots=True)
class _Change:
    amounts: dict[Numbered, Decimal]
    lots: int
    cost: Decimal
    visible_at: datetime


@dataclass(slots=True)
class ListedAccount:
    """One account as its lists and statements show it now."""

    clock: ManualClock
    chaos: Random | None = None
    holds: dict[tuple[AccountId, str], Decimal] = field(default_factory=dict)
    pair: str = "ETH-USDT"
    _rows: list[_Row] = field(default_factory=list)
    _changes: list[_Change] = field(default_factory=list)
    _number: int = 1000

    def hide_last_row(self, seconds: float) -> None:
        """Show the newest row later than everything else."""
        self._rows[-1].visible_at = self.clock.at + timedelta(seconds=seconds)

    def row_count(self, list_name: str) -> int:
        """How many rows a list has in truth."""
        return len(self.row_ids(list_name))

    def row_ids(self, list_name: str) -> list[str]:
        """The ids of every row of a list, oldest first."""
        rows = [row for row in self._rows if row.list_name == list_name]
        return [str(row.data.get("orderNo", row.data.get("id"))) for row in rows]

    def truth(self, at: datetime | None = None) -> dict[Numbered, Decimal]:
        """Every number that is not zero; with a time, as the statements show it."""
        total: dict[Numbered, Decimal] = {}
        for change in self._changes:
            if at is None or change.visible_at <= at:
                for key, amount in change.amounts.items():
                    total[key] = total.get(key, D(0)) + amount
        return {key: amount for key, amount in total.items() if amount}

    def owed(self, account: AccountId, coin: str) -> tuple[Decimal, Decimal]:
        """Principal and interest, in truth."""
        truth = self.truth()
        principal = truth.get((account, coin, Bucket.PRINCIPAL), D(0))
        return principal, truth.get((account, coin, Bucket.INTEREST), D(0))

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _add(self, list_name: str, data: dict[str, object], lag: Lag) -> None:
        visible_at = self.clock.at + timedelta(seconds=lag.rows)
        self._rows.append(_Row(list_name, data, self.clock.at, visible_at))

    def _listed(self, endpoint: str, asked: Mapping[str, str]) -> object:
        rows = [row for row in self._rows if self._is_asked(row, endpoint, asked)]
        rows.sort(key=lambda row: (row.at, str(row.data.get("id"))), reverse=True)
        if endpoint in {"spot_ledger", "margin_ledger", "spot_fills", "margin_fills"}:
            return self._by_last_id(endpoint, rows, asked)
        if endpoint in {"futures_ledger", "funding_history"}:
            return self._by_offset(rows, asked)
        size, page = int(asked["pageSize"]), int(asked.get("currentPage", "1"))
        pages = -(-len(rows) // size)
        items = self._mixed(rows[(page - 1) * size : page * size])
        return {"currentPage": page, "totalPage": pages, "items": items}

    def _by_last_id(
        self, endpoint: str, rows: list[_Row], asked: Mapping[str, str]
    ) -> object:
        if "lastId" in asked:
            ids = [str(row.data["id"]) for row in rows]
            known = asked["lastId"]
            rows = rows[ids.index(known) + 1 :] if known in ids else []
        size = int(asked["limit"])
        is_last = len(rows) <= size
        page = rows[:size]
        items = self._mixed(page) if is_last else [row.data for row in page]
        if "fills" not in endpoint:
            return items
        return {"items": items, "lastId": page[-1].data["id"] if page else 0}

    def _by_offset(self, rows: list[_Row], asked: Mapping[str, str]) -> object:
        if "offset" in asked:
            ids = [str(row.data.get("offset", row.data["id"])) for row in rows]
            rows = rows[ids.index(asked["offset"]) + 1 :]
        size = int(asked["maxCount"])
        items = [row.data for row in rows[:size]]
        return {"dataList": items, "hasMore": len(rows) > size}

    def _mixed(self, rows: list[_Row]) -> list[dict[str, object]]:
        """The last page, with a row told twice and in any order, when in chaos."""
        items = [row.data for row in rows]
        if self.chaos is not None and items:
            if self.chaos.random() < 0.3:
                items.append(self.chaos.choice(items))
            self.chaos.shuffle(items)
        return items

    def _is_asked(self, row: _Row, endpoint: str, asked: Mapping[str, str]) -> bool:
        start = int(asked.get("startAt") or asked.get("startTime") or "0")
        end = int(asked.get("endAt") or asked.get("endTime") or 10**15)
        data = row.data
        fits = all(
            str(data.get(name)) == value
            for name, value in asked.items()
            if name in {"symbol", "tradeType", "currency"} and name in data
        )
        if endpoint in {"borrow_history", "repay_history", "interest_history"}:
            fits = fits and data.get("symbol") == asked.get("symbol")
        return (
            row.list_name == endpoint
            and fits
            and row.visible_at <= self.clock.at
            and start <= to_ms(row.at) <= end
        )

    def _change(
        self,
        amounts: dict[Numbered, Decimal],
        lag: Lag,
        lots: int = 0,
        cost: Decimal = NOTHING,
    ) -> None:
        """Statements show an account's changes in the order they were made."""
        visible_at = self.clock.at + timedelta(seconds=lag.statement)
        accounts = {account for account, _, _ in amounts}
        for earlier in self._changes:
            if accounts & {account for account, _, _ in earlier.amounts}:
                visible_at = max(visible_at, earlier.visible_at)
        self._changes.append(_Change(amounts, lots, cost, visible_at))

    def _changes_of_position(self) -> Decimal:
        return sum((change.cost for change in self._changes), D(0))

    # -- statements -------------------------------------------------------------

    def _accounts(self, asked: Mapping[str, str]) -> object:
        names = {MAIN: "main", SPOT: "trade"}
        return [
            {
                "currency": coin,
                "type": names[account],
                "balance": str(amount),
                "available": str(amount - self.holds.get((account, coin), D(0))),
                "holds": str(self.holds.get((account, coin), D(0))),
            }
            for (account, coin, _), amount in self.truth(self.clock.at).items()
            if account in names
        ]

    def _line(self, account: AccountId, coin: str) -> dict[str, object]:
        shown = self.truth(self.clock.at)
        principal = shown.get((account, coin, Bucket.PRINCIPAL), D(0))
        interest = shown.get((account, coin, Bucket.INTEREST), D(0))
        return {
            "currency": coin,
            "total": str(shown.get((account, coin, Bucket.BALANCE), D(0))),
            "hold": str(self.holds.get((account, coin), D(0))),
            "liability": str(principal + interest),
            "liabilityPrincipal": str(principal),
            "liabilityInterest": str(interest),
        }

    def _cross(self, asked: Mapping[str, str]) -> object:
        coins = {coin for account, coin, _ in self.truth() if account == MARGIN_CROSS}
        lines = [self._line(MARGIN_CROSS, coin) for coin in sorted(coins)]
        return {"accounts": lines, "debtRatio": "0", "status": "EFFECTIVE"}

    def _isolated(self, asked: Mapping[str, str]) -> object:
        account = AccountId(f"margin_isolated:{self.pair}")
        base, quote = self.pair.split("-")
        asset = {
            "symbol": self.pair,
            "status": "EFFECTIVE",
            "debtRatio": "0",
            "baseAsset": self._line(account, base),
            "quoteAsset": self._line(account, quote),
        }
        return {"timestamp": to_ms(self.clock.at), "assets": [asset]}

    def _overview(self, asked: Mapping[str, str]) -> object:
        shown = self.truth(self.clock.at)
        wallet = shown.get((FUTURES, asked["currency"], Bucket.BALANCE), D(0))
        profit = D("12.345")
        return {
            "currency": asked["currency"],
            "accountEquity": wallet + profit,
            "unrealisedPNL": profit,
            "availableBalance": wallet,
        }

    def _positions(self, asked: Mapping[str, str]) -> object:
        shown = [c for c in self._changes if c.visible_at <= self.clock.at]
        lots = sum(change.lots for change in shown)
        cost = sum((change.cost for change in shown), D(0))
        if not lots:
            return []
        entry = cost / (lots * CONTRACT.multiplier)
        return [
            {
                "symbol": "XBTUSDTM",
                "currentQty": lots,
                "avgEntryPrice": str(entry.quantize(D("0.000000000001"))),
                "marginMode": "CROSS",
                "positionSide": "BOTH",
                "leverage": 5,
                "settleCurrency": "USDT",
            }
        ]
