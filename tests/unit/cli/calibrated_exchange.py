"""A tiny futures exchange with one contract, and hands that change it.

It computes its numbers by KuCoin's help page, written down here a second time, so
that a calibration has something to agree or disagree with. Asserts nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bot.domain.intents import PlaceOrder
from bot.domain.orders import Side
from connectors.kucoin.answers import Answer, Urgency
from connectors.kucoin.parse.decode import decode
from connectors.kucoin.parse.node import Node
from tests.unit.kucoin.archive_exchange import CONTRACT

__all__ = ["TinyFutures"]

D = Decimal
_LOT = D("0.001")
_TAKER = D("0.0006")
_MARK, _WALLET, _LEVERAGE = D(60_000), D(50), D(20)
_MAINTENANCE = D("0.004")


@dataclass
class TinyFutures:
    """One account: the exchange that is read, and the hands that change it.

    ``breaks`` may raise at the n-th request; ``late`` hides what was done for so
    many looks at the book.
    """

    mark: Decimal = _MARK
    wallet: Decimal = _WALLET
    leverage: Decimal = _LEVERAGE
    lots: int = 0
    entry: Decimal = _MARK
    orders: dict[str, tuple[Side, Decimal, int]] = field(default_factory=dict)
    is_armed: bool = True
    mode: str = "CROSS"
    breaks: Callable[[int], None] = lambda count: None
    maintenance: Decimal = _MAINTENANCE
    sent: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    other: str | None = None

    # -- Rest ---------------------------------------------------------------

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """One answer."""
        self.reads.append(endpoint)
        return Node(getattr(self, f"_{endpoint}")(), endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Nothing is written past the hands."""
        raise AssertionError(f"written past the hands: {endpoint}")

    def _contract(self) -> Any:
        found = decode(CONTRACT)
        if not isinstance(found, dict):
            raise TypeError("the contract is no object")
        return {**found, "markPrice": self.mark, "orderPriceRange": D("0.05")}

    def _margin_mode(self) -> Any:
        return {"symbol": "XBTUSDTM", "marginMode": self.mode}

    def _position_mode(self) -> Any:
        return {"positionMode": D(0)}

    def _cross_leverage(self) -> Any:
        return {"symbol": "XBTUSDTM", "leverage": str(self.leverage)}

    def _cross_order_limits(self) -> Any:
        return [
            {
                "symbol": "XBTUSDTM",
                "maxOpenSize": D(12_102),
                "maxOpenValue": "1234549.2240000000",
                "totalMargin": "10000",
                "price": "102012",
                "leverage": "125.00",
                "mmr": "0.00416136",
                "imr": "0.008",
                "currency": "USDT",
            }
        ]

    def _positions(self) -> Any:
        rows = []
        if self.other is not None:
            rows.append(self._row(self.other, 1, D(3_000)))
        if self.lots:
            rows.append(self._row("XBTUSDTM", self.lots, self.entry))
        return rows

    def _row(self, symbol: str, lots: int, entry: Decimal) -> dict[str, object]:
        value = abs(lots) * _LOT * self.mark
        size = abs(lots) * _LOT
        gap = size * entry - self.wallet
        return {
            "symbol": symbol,
            "marginMode": "CROSS",
            "positionSide": "BOTH",
            "currentQty": D(lots),
            "avgEntryPrice": entry,
            "markPrice": self.mark,
            "settleCurrency": "USDT",
            "leverage": self.leverage,
            "posMargin": value / self.leverage,
            "unrealisedPnl": self._profit(),
            "liquidationPrice": max(gap / (size * (1 - self._rate(size))), D(0)),
        }

    def _open_futures_orders(self) -> Any:
        items = [
            {
                "id": name,
                "symbol": "XBTUSDTM",
                "side": side.value,
                "type": "limit",
                "price": str(price),
                "size": D(lots),
                "filledSize": D(0),
                "isActive": True,
                "status": "open",
                "reduceOnly": False,
                "closeOrder": False,
                "marginMode": "CROSS",
                "positionSide": "BOTH",
                "leverage": str(self.leverage),
                "settleCurrency": "USDT",
                "createdAt": D(1_790_000_000_000),
            }
            for name, (side, price, lots) in self.orders.items()
        ]
        return {
            "currentPage": D(1),
            "pageSize": D(50),
            "totalNum": D(len(items)),
            "totalPage": D(1),
            "items": items,
        }

    def _futures_account(self) -> Any:
        return {
            "accountEquity": self.wallet + self._profit(),
            "unrealisedPNL": self._profit(),
            "availableBalance": self.wallet,
            "currency": "USDT",
            "riskRatio": self.risk_rate(),
            "maxWithdrawAmount": self.wallet,
        }

    def _profit(self) -> Decimal:
        return self.lots * _LOT * (self.mark - self.entry)

    def _rate(self, size: Decimal) -> Decimal:
        """Maintenance and closing fee of a size in coins."""
        return self.maintenance * (1 + size / 300) + _TAKER

    def risk_rate(self) -> Decimal:
        """KuCoin's risk rate with the worst one-sided execution of the orders."""
        sides = {Side.BUY: 0, Side.SELL: 0}
        for side, _, lots in self.orders.values():
            sides[side] += lots
        worst = max(abs(self.lots + sides[Side.BUY]), abs(self.lots - sides[Side.SELL]))
        opening = max(sides.values()) * _LOT * self.mark * _TAKER
        need = worst * _LOT * self.mark * self._rate(worst * _LOT)
        return need / (self.wallet + self._profit() - opening)

    # -- Hands --------------------------------------------------------------

    async def place(self, order: PlaceOrder, reason: str) -> None:
        """Trade at the mark, or rest."""
        self._count(f"place {order.side.value} {order.qty}")
        lots = int(order.qty)
        if order.price is not None:
            name = f"o{len(self.sent)}"
            self.orders[name] = (order.side, order.price, lots)
            return
        self.lots += lots * order.side.sign
        self.entry = self.mark

    async def cancel(self, symbol: str, order_id: str, reason: str) -> None:
        """Take an order away."""
        self._count(f"cancel {order_id}")
        self.orders.pop(order_id, None)

    async def switch_leverage(
        self, symbol: str, leverage: Decimal, reason: str
    ) -> None:
        """Set the leverage."""
        self._count(f"leverage {leverage}")
        self.leverage = leverage

    def _count(self, what: str) -> None:
        self.sent.append(what)
        self.breaks(len(self.sent))
