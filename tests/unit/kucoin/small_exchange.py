"""A tiny exchange for tests: exact balances, KuCoin's lists, and its bad habits.

Every operation changes the true account at once. Its rows and its effect on the
statements become visible after lags of their own; lists page as KuCoin's do, and may
repeat rows and shuffle the last page. It computes its own books, naively.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT, AccountId
from bot.domain.events import Bucket
from connectors.kucoin.answers import Answer, Urgency
from connectors.kucoin.cursors import to_ms
from connectors.kucoin.parse.node import Node
from tests.unit.kucoin.listed_account import (
    AT_ONCE,
    CONTRACT,
    NOTHING,
    QUANTUM,
    D,
    Lag,
    ListedAccount,
    Numbered,
)

__all__ = ["SmallExchange"]


@dataclass(slots=True)
class SmallExchange(ListedAccount):
    """Implements ``Rest`` for one account; see the module."""

    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    before: dict[str, object] = field(default_factory=dict)
    """Endpoint to a callable that runs once, just before the answer is made."""
    _lots: int = 0
    _cost: Decimal = NOTHING

    # -- operations -----------------------------------------------------------

    def deposit(
        self, account: AccountId, coin: str, amount: str, lag: Lag = AT_ONCE
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
        self, account: AccountId, symbol: str, base: str, quote: str, lag: Lag = AT_ONCE
    ) -> None:
        """Buy ``base`` coins for ``quote`` (negative: sell); the fee is 0.1 %."""
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
        names = {"symbol": symbol, "orderId": order_id, "tradeId": str(trade_id)}
        context = json.dumps(names)
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
        lag: Lag = AT_ONCE,
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
        return self._loan_row("borrow_history", account, coin, size, lag)

    def repay(
        self, account: AccountId, coin: str, amount: str, lag: Lag = AT_ONCE
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

    def charge(self, account: AccountId, coin: str, lag: Lag = AT_ONCE) -> None:
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
        self, lots: int, price: str, lag: Lag = AT_ONCE, *, extra: str = "0"
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

    def fund(self, amount: str, lag: Lag = AT_ONCE) -> str:
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
        statements = {
            "accounts": self._accounts,
            "margin_accounts": self._cross,
            "isolated_accounts": self._isolated,
            "futures_account": self._overview,
            "positions": self._positions,
        }
        if endpoint in statements:
            return Node(statements[endpoint](asked), endpoint)
        return Node(self._listed(endpoint, asked), endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Nothing that reads an account writes."""
        raise AssertionError(f"a reader wrote: {endpoint}")

    # -- keeping the books --------------------------------------------------------

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

    def _ledger_row(
        self,
        account: AccountId,
        coin: str,
        amount: Decimal,
        kind: str,
        *,
        context: str = "{}",
        fee: Decimal = NOTHING,
        lag: Lag = AT_ONCE,
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
