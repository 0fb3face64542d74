"""A tiny exchange for tests: exact balances, KuCoin's lists, and its bad habits.

Every operation changes the true account at once. Its rows and its effect on the
statements become visible after lags of their own; lists page as KuCoin's do, and may
repeat rows and shuffle the last page. It computes its own books, naively.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT, AccountId
from bot.domain.events import Bucket
from bot.domain.instruments import ContractRules
from connectors.kucoin.answers import Answer, Urgency
from connectors.kucoin.cursors import to_ms
from connectors.kucoin.parse.node import Node

__all__ = ["CONTRACT", "START", "Lag", "ManualClock", "SmallExchange", "D"]

D = Decimal
START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
QUANTUM = D("0.00000001")
LISTED_PER_PAGE = 200
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
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds until rows and statements show an operation."""

    rows: float = 0
    statement: float = 0


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
class SmallExchange:
    """Implements ``Rest`` for one account; see the module."""

    clock: ManualClock
    chaos: Random | None = None
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    before: dict[str, object] = field(default_factory=dict)
    """Endpoint to a callable that runs once, just before the answer is made."""
    holds: dict[tuple[AccountId, str], Decimal] = field(default_factory=dict)
    pair: str = "ETH-USDT"
    _rows: list[_Row] = field(default_factory=list)
    _changes: list[_Change] = field(default_factory=list)
    _number: int = 1000
    _lots: int = 0
    _cost: Decimal = D(0)

    # -- the truth ------------------------------------------------------------

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

    def row_ids(self, list_name: str) -> list[str]:
        """The ids of every row of a list, oldest first."""
        rows = [row for row in self._rows if row.list_name == list_name]
        return [str(row.data.get("orderNo", row.data.get("id"))) for row in rows]

    # -- operations -----------------------------------------------------------

    def deposit(
        self, account: AccountId, coin: str, amount: str, lag: Lag = Lag()
    ) -> str:
        """Coins come in (or go out) by a transfer."""
        size = D(amount)
        change = {(account, coin, Bucket.BALANCE): size}
        self._change(change, lag)
        if account == FUTURES:
            kind = "TransferIn" if size > 0 else "TransferOut"
            return self._futures_row(kind, size, lag)
        return self._ledger_row(account, coin, size, "TRANSFER", lag=lag)

    def trade(
        self, account: AccountId, symbol: str, base: str, quote: str, lag: Lag = Lag()
    ) -> None:
        """Buy ``base`` coins for ``quote`` (both negative: sell); fee 0.1 % of quote."""
        got, paid = D(base), D(quote)
        fee = (abs(paid) * D("0.001")).quantize(QUANTUM)
        coins = symbol.split("-")
        self._change(
            {
                (account, coins[0], Bucket.BALANCE): got,
                (account, coins[1], Bucket.BALANCE): -paid - fee,
            },
            lag,
        )
        trade_id, order_id = self._next(), f"order-{self._next()}"
        context = (
            f'{{"symbol":"{symbol}","orderId":"{order_id}","tradeId":"{trade_id}"}}'
        )
        kind = {SPOT: "TRADE_EXCHANGE", MARGIN_CROSS: "MARGIN_EXCHANGE"}
        word = kind.get(account, "ISOLATED_EXCHANGE")
        self._ledger_row(account, coins[0], got, word, context=context, lag=lag)
        self._ledger_row(
            account, coins[1], -paid - fee, word, context=context, fee=fee, lag=lag
        )
        self._fill(account, symbol, (trade_id, order_id), (got, paid, fee), lag)

    def borrow(
        self,
        account: AccountId,
        coin: str,
        amount: str,
        lag: Lag = Lag(),
        *,
        is_charge_listed: bool = True,
    ) -> str:
        """Lend coins and charge an hour at once."""
        size = D(amount)
        charge = max((size * D("0.00001")).quantize(QUANTUM), QUANTUM)
        self._change(
            {
                (account, coin, Bucket.BALANCE): size,
                (account, coin, Bucket.PRINCIPAL): size,
                (account, coin, Bucket.INTEREST): charge,
            },
            lag,
        )
        if is_charge_listed:
            self._interest_row(account, coin, charge, lag)
        number = self._loan_row("borrow_history", account, coin, size, lag)
        return number

    def repay(
        self, account: AccountId, coin: str, amount: str, lag: Lag = Lag()
    ) -> str:
        """Pay back, interest first; more than is owed is cut."""
        principal, interest = self.owed(account, coin)
        paid = min(D(amount), principal + interest)
        first = min(paid, interest)
        self._change(
            {
                (account, coin, Bucket.BALANCE): -paid,
                (account, coin, Bucket.INTEREST): -first,
                (account, coin, Bucket.PRINCIPAL): first - paid,
            },
            lag,
        )
        parts: dict[str, object] = {
            "principal": str(paid - first),
            "interest": str(first),
        }
        return self._loan_row("repay_history", account, coin, paid, lag, parts)

    def charge(self, account: AccountId, coin: str, lag: Lag = Lag()) -> None:
        """The hour turns: old interest becomes principal, new interest is charged."""
        principal, interest = self.owed(account, coin)
        if not principal + interest:
            return
        new = max(((principal + interest) * D("0.00001")).quantize(QUANTUM), QUANTUM)
        self._change(
            {
                (account, coin, Bucket.PRINCIPAL): interest,
                (account, coin, Bucket.INTEREST): new - interest,
            },
            lag,
        )
        self._interest_row(account, coin, new, lag)

    def futures_trade(
        self, lots: int, price: str, lag: Lag = Lag(), *, extra: str = "0"
    ) -> Decimal:
        """Buy (negative: sell) contracts; ``extra`` is the wallet's own rounding."""
        profit = self._fill_position(lots, D(price))
        value = abs(lots) * CONTRACT.multiplier * D(price)
        fee = (value * D("0.0006")).quantize(QUANTUM)
        change: dict[Numbered, Decimal] = {
            (FUTURES, "USDT", Bucket.BALANCE): profit + D(extra) - fee
        }
        before = self._changes_of_position()
        self._change(change, lag, lots=lots, cost=self._cost - before)
        trade_id = self._next()
        self._add(
            "futures_fills",
            {
                "symbol": "XBTUSDTM",
                "tradeId": str(trade_id),
                "orderId": f"order-{self._next()}",
                "side": "buy" if lots > 0 else "sell",
                "liquidity": "taker",
                "price": price,
                "size": abs(lots),
                "value": str(value),
                "fee": str(fee),
                "feeCurrency": "USDT",
                "tradeType": "trade",
                "marginMode": "CROSS",
                "tradeTime": to_ms(self.clock.at) * 1_000_000,
                "id": trade_id,
            },
            lag,
        )
        return profit

    def fund(self, amount: str, lag: Lag = Lag()) -> str:
        """A settlement of funding, if anything is held."""
        if not self._lots:
            return ""
        self._change({(FUTURES, "USDT", Bucket.BALANCE): D(amount)}, lag)
        number = self._next()
        self._add(
            "funding_history",
            {
                "id": number,
                "symbol": "XBTUSDTM",
                "timePoint": to_ms(self.clock.at),
                "fundingRate": "0.0001",
                "markPrice": "60000",
                "positionQty": self._lots,
                "funding": amount,
                "settleCurrency": "USDT",
                "marginMode": "CROSS",
            },
            lag,
        )
        return str(number)

    def gift(self, account: AccountId, coin: str, amount: str) -> None:
        """Money without a row."""
        self._change({(account, coin, Bucket.BALANCE): D(amount)}, Lag())

    def odd_row(self, account: AccountId, coin: str, amount: str, kind: str) -> str:
        """Money with a row of any kind."""
        self._change({(account, coin, Bucket.BALANCE): D(amount)}, Lag())
        return self._ledger_row(account, coin, D(amount), kind)

    def word_row(self, account: AccountId, coin: str, amount: str, kind: str) -> str:
        """A row of any kind, without money: the money is told elsewhere."""
        return self._ledger_row(account, coin, D(amount), kind)

    # -- the side that answers --------------------------------------------------

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """One answer, as it is visible now."""
        asked = dict(params or {})
        self.asked.append((endpoint, asked))
        self.clock.pass_(0.001)
        if callable(hook := self.before.pop(endpoint, None)):
            hook()
        if endpoint in _STATEMENTS:
            data = _STATEMENTS[endpoint](self, asked)
        else:
            data = self._listed(endpoint, asked)
        return Node(data, endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Nothing that reads an account writes."""
        raise AssertionError(f"a reader wrote: {endpoint}")

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

    # -- keeping the books --------------------------------------------------------

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _change(
        self,
        amounts: dict[Numbered, Decimal],
        lag: Lag,
        lots: int = 0,
        cost: Decimal = D(0),
    ) -> None:
        """Statements show an account's changes in their order, never a later one first."""
        visible_at = self.clock.at + timedelta(seconds=lag.statement)
        accounts = {account for account, _, _ in amounts}
        for earlier in self._changes:
            if accounts & {account for account, _, _ in earlier.amounts}:
                visible_at = max(visible_at, earlier.visible_at)
        self._changes.append(_Change(amounts, lots, cost, visible_at))

    def _changes_of_position(self) -> Decimal:
        return sum((change.cost for change in self._changes), D(0))

    def _fill_position(self, lots: int, price: Decimal) -> Decimal:
        """The average-cost book of the position; returns the profit of the close."""
        profit, old = D(0), self._lots
        closing = min(abs(lots), abs(old)) if old * lots < 0 else 0
        if closing:
            share = (self._cost * closing / abs(old)).quantize(QUANTUM, ROUND_HALF_UP)
            signed = closing if old > 0 else -closing
            profit = (signed * CONTRACT.multiplier * price).quantize(QUANTUM) - share
            self._cost -= share
            self._lots -= signed
        opening = lots + closing if lots < 0 else lots - closing
        self._lots += opening
        self._cost += (opening * CONTRACT.multiplier * price).quantize(QUANTUM)
        return profit

    def _add(self, list_name: str, data: dict[str, object], lag: Lag) -> None:
        visible_at = self.clock.at + timedelta(seconds=lag.rows)
        self._rows.append(_Row(list_name, data, self.clock.at, visible_at))

    def _ledger_row(
        self,
        account: AccountId,
        coin: str,
        amount: Decimal,
        kind: str,
        *,
        context: str = "{}",
        fee: Decimal = D(0),
        lag: Lag = Lag(),
    ) -> str:
        lists = {MAIN: ("main_ledger", "MAIN"), SPOT: ("spot_ledger", "TRADE_HF")}
        list_name, word = lists.get(account, ("margin_ledger", "ISOLATED_V2"))
        if account == MARGIN_CROSS:
            word = "MARGIN_V2"
        number = self._next()
        self._add(
            list_name,
            {
                "id": number,
                "currency": coin,
                "amount": str(abs(amount)),
                "fee": str(fee),
                "balance": "0",
                "accountType": word,
                "bizType": kind,
                "direction": "in" if amount >= 0 else "out",
                "createdAt": to_ms(self.clock.at),
                "context": context,
            },
            lag,
        )
        return str(number)

    def _futures_row(self, kind: str, amount: Decimal, lag: Lag) -> str:
        number = self._next()
        self._add(
            "futures_ledger",
            {
                "offset": number,
                "id": number,
                "time": to_ms(self.clock.at),
                "type": kind,
                "amount": abs(amount),
                "fee": D(0),
                "accountEquity": D(0),
                "status": "Completed",
                "remark": "",
                "currency": "USDT",
            },
            lag,
        )
        return str(number)

    def _fill(
        self,
        account: AccountId,
        symbol: str,
        ids: tuple[int, str],
        amounts: tuple[Decimal, Decimal, Decimal],
        lag: Lag,
    ) -> None:
        got, paid, fee = amounts
        trade_types = {SPOT: "TRADE", MARGIN_CROSS: "MARGIN_TRADE"}
        self._add(
            "spot_fills" if account == SPOT else "margin_fills",
            {
                "id": self._next(),
                "symbol": symbol,
                "tradeId": ids[0],
                "orderId": ids[1],
                "side": "buy" if got > 0 else "sell",
                "liquidity": "taker",
                "price": str(paid / got),
                "size": str(abs(got)),
                "funds": str(abs(paid)),
                "fee": str(fee),
                "feeCurrency": symbol.split("-")[1],
                "tradeType": trade_types.get(account, "MARGIN_ISOLATED_TRADE"),
                "createdAt": to_ms(self.clock.at),
            },
            lag,
        )

    def _interest_row(
        self, account: AccountId, coin: str, amount: Decimal, lag: Lag
    ) -> None:
        self._add(
            "interest_history",
            {
                "symbol": self._symbol(account),
                "currency": coin,
                "dayRatio": "0.00024",
                "interestAmount": str(amount),
                "createdTime": to_ms(self.clock.at),
            },
            lag,
        )

    def _loan_row(
        self,
        list_name: str,
        account: AccountId,
        coin: str,
        amount: Decimal,
        lag: Lag,
        parts: dict[str, object] | None = None,
    ) -> str:
        number = f"loan{self._next()}"
        self._add(
            list_name,
            {
                "orderNo": number,
                "symbol": self._symbol(account),
                "currency": coin,
                "size": str(amount),
                "actualSize": str(amount),
                "status": "SUCCESS",
                "createdTime": to_ms(self.clock.at),
                **(parts or {}),
            },
            lag,
        )
        return number

    def _symbol(self, account: AccountId) -> str | None:
        return None if account == MARGIN_CROSS else self.pair


_STATEMENTS = {
    "accounts": SmallExchange._accounts,
    "margin_accounts": SmallExchange._cross,
    "isolated_accounts": SmallExchange._isolated,
    "futures_account": SmallExchange._overview,
    "positions": SmallExchange._positions,
}
