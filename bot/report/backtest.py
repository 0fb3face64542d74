"""What strategies earned on the whole capital, by year, and how much they can carry.

A ``BacktestMeter`` watches a run beside its ``Tally`` and keeps for each calendar year
(UTC) the equity at both ends, the deepest fall from a peak, what was traded and where
the money went; and for each order how much of a minute's volume it asked for. Capital
is the equity of all accounts, reserve included. It must not influence the run, and it
charges nothing: the venue has.

Capacity follows the cost of depth (DESIGN section 11): an order of ``Q`` coins pays
``sigma_1m x sqrt(Q / volume_1m)`` beside the spread, so ``k`` times the capital pays
``sqrt(k)`` times that share of each trade.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.events import Event, Filled, MarksTicked, OrderChanged
from bot.domain.intents import Approved, PlaceOrder
from bot.domain.money import ONE, ZERO, plain
from bot.domain.orders import OrderType, TimeInForce
from bot.domain.strategy import Strategy
from bot.engine.core import Step
from bot.engine.readings import value_usdt
from bot.report.tally import Tally
from bot.risk.strategy_book import (
    Book,
    booked,
    market_of,
    opened_book,
    profit,
)
from bot.shadow.state import Shadow

__all__ = ["BacktestMeter", "annual_return"]

_YEAR: Final = timedelta(days=365.25)
_LEAST_SPAN: Final = timedelta(days=30)
"""A return over less than this is not told as a yearly one."""
_DEPTH_SHARE: Final = 0.10
"""The most of a minute's volume that is filled in a minute."""
_PARTS: Final = ("funding", "interest", "fees", "slippage", "liquidation")
_NOTHING: Final = dict.fromkeys(_PARTS, ZERO)


def annual_return(net_return: Decimal, span: timedelta) -> Decimal | None:
    """A return compounded to a year of 365.25 days; None for less than thirty days.

    Example:
        >>> annual_return(Decimal("0.21"), timedelta(days=730.5))
        Decimal('0.100000')
        >>> annual_return(Decimal("0.01"), timedelta(days=2)) is None
        True
    """
    if span < _LEAST_SPAN or net_return <= -1:
        return None
    years = span / _YEAR
    return Decimal(f"{math.expm1(math.log1p(float(net_return)) / years):.6f}")


@dataclass(slots=True)
class _Span:
    """One stretch of the run: a calendar year, or all of it."""

    start: datetime
    equity_start: Decimal
    before: dict[str, Decimal]
    end: datetime
    equity_end: Decimal
    peak: Decimal
    drawdown: Decimal = ZERO
    traded: Decimal = ZERO

    def see(self, at: datetime, equity: Decimal) -> None:
        self.end, self.equity_end = at, equity
        self.peak = max(self.peak, equity)
        if self.peak > 0:
            self.drawdown = max(self.drawdown, ONE - equity / self.peak)

    def answer(self, parts: dict[str, Decimal]) -> dict[str, object]:
        change = self.equity_end - self.equity_start
        own = {name: parts[name] - self.before[name] for name in _PARTS}
        net = change / self.equity_start if self.equity_start > 0 else None
        yearly = None if net is None else annual_return(net, self.end - self.start)
        return {
            "start": _time(self.start),
            "end": _time(self.end),
            "equity_start": _text(self.equity_start),
            "equity_end": _text(self.equity_end),
            "net_return": None if net is None else _text(net),
            "annual_return": None if yearly is None else plain(yearly),
            "drawdown": _text(self.drawdown),
            "traded_usdt": _text(self.traded),
            "turnover": None
            if self.equity_start <= 0
            else _text(self.traded / self.equity_start),
            "pnl": {
                "price": _text(change - sum(own.values(), ZERO)),
                **{name: _text(value) for name, value in own.items()},
            },
        }


@dataclass(slots=True)
class _Order:
    """What one order asked of its market, and what it took."""

    volume_1m: float
    sigma_1m: float
    coins: float = 0.0
    """What it filled."""
    asked: float = 0.0
    """What it wanted to take at once; nought for one that rested."""
    value: float = 0.0

    @property
    def share(self) -> float:
        """Of a minute, what it asked for: what did not fit asked for too much."""
        return max(self.asked, self.coins) / self.volume_1m

    @property
    def impact(self) -> float:
        """USDT that its size cost beside the spread."""
        return self.sigma_1m * math.sqrt(self.coins / self.volume_1m) * self.value


@dataclass(slots=True)
class BacktestMeter:
    """The running figures; shown each step after its ``tally``."""

    tally: Tally
    whole: _Span | None = None
    last: Shadow | None = None
    years: list[_Span] = field(default_factory=list)
    ends: list[dict[str, Decimal]] = field(default_factory=list)
    """What the parts had come to when each year but the last ended."""
    known: dict[str, Decimal] = field(default_factory=lambda: dict(_NOTHING))
    """What the parts had come to at the last mark, as the equity at the end did."""
    orders: dict[str, _Order] = field(default_factory=dict)
    taking: set[str] = field(default_factory=set)
    """The requests of orders that take what is there and never rest."""
    strategies: tuple[Strategy, ...] = ()
    books: dict[str, Book] = field(default_factory=dict)
    """What each strategy's claimed markets have brought, once its marks are known."""
    unpriced: int = 0
    """Fills in a market whose depth was not known."""

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Look at one step."""
        shadow = self.last = step.state.shadow
        for event in moment:
            if isinstance(event, Filled):
                self._filled(event, shadow)
            elif isinstance(event, OrderChanged):
                self._changed(event, shadow)
        self.taking |= {each.intent_id for each in step.approved if _takes(each)}
        for name, book in self.books.items():
            self.books[name] = booked(book, shadow, moment)
        if len(self.books) < len(self.strategies):
            self._open(shadow)
        if any(isinstance(event, MarksTicked) for event in moment):
            self._ticked(shadow.at)

    def _open(self, shadow: Shadow) -> None:
        """Begin the books that can be: with what is held, at its mark."""
        for strategy in self.strategies:
            found = (market_of(claim, shadow.rules) for claim in strategy.claims)
            markets = [market for market in found if market is not None]
            book = opened_book(shadow, markets)
            if book is not None:
                self.books.setdefault(strategy.name, book)

    def _by_strategy(self) -> dict[str, object]:
        """What each strategy's markets brought; price is what is left of the profit."""
        rows: dict[str, object] = {}
        for name, book in self.books.items():
            total = None if self.last is None else profit(book, self.last)
            parts = {
                "funding": sum(book.funding.values(), ZERO),
                "interest": sum(book.interest.values(), ZERO),
                "fees": sum(book.fees.values(), ZERO),
            }
            price = None if total is None else total - sum(parts.values(), ZERO)
            rows[name] = {
                "pnl": None if total is None else _text(total),
                "price": None if price is None else _text(price),
                **{part: _text(value) for part, value in parts.items()},
            }
        return rows

    def close(self, at: datetime) -> None:
        """Take the equity after the last fact of the run."""
        self._ticked(at)

    def _ticked(self, at: datetime) -> None:
        equity, first = self.tally.equity_end, self.tally.equity_start
        if equity is None or first is None:
            return
        if self.whole is None:
            self.whole = self._span(self.tally.start, first)
            self.years.append(self._span(self.tally.start, first))
        last = self.years[-1]
        if at.year != last.start.year:
            self.ends.append(self.known)
            self.years.append(self._span(at, last.equity_end))
        for span in (self.whole, self.years[-1]):
            span.see(at, equity)
        self.known = dict(self.tally.parts)

    def _span(self, at: datetime, equity: Decimal) -> _Span:
        """A stretch that begins where the last mark left equity and parts."""
        return _Span(at, equity, self.known, at, equity, equity)

    def _filled(self, fill: Filled, shadow: Shadow) -> None:
        value = abs(value_usdt(shadow, fill))
        for span in (self.whole, self.years[-1] if self.years else None):
            if span is not None:
                span.traded += value
        order = self._order(fill, shadow)
        coins = _coins(fill, fill.price, shadow)
        if order is None or coins is None:
            self.unpriced += 1
            return
        order.coins += float(coins)
        order.value += float(value)

    def _changed(self, told: OrderChanged, shadow: Shadow) -> None:
        """See what an order asked for that takes at once, filled or not."""
        if told.price is not None and told.intent_id not in self.taking:
            return
        mark = told.price or shadow.futures_marks.get(told.symbol)
        order, coins = self._order(told, shadow), _coins(told, mark, shadow)
        if order is not None and coins is not None:
            order.asked = float(coins)

    def _order(self, event: Filled | OrderChanged, shadow: Shadow) -> _Order | None:
        """The figures of an order; None where the depth of its market is unknown."""
        depth = shadow.liquidity.get(event.symbol)
        if depth is None or depth.volume_1m <= 0:
            return None
        new = _Order(float(depth.volume_1m), float(depth.sigma_1m))
        return self.orders.setdefault(event.order_id, new)

    def answer(self) -> dict[str, object]:
        """The figures of the whole run, its years and its capacity.

        Raises:
            ValueError: The equity was never known, so there is nothing to tell.
        """
        if self.whole is None:
            raise ValueError("the equity was unknown during the whole run")
        parts = self.tally.parts
        ends = [*self.ends, parts]
        years = [
            {"year": span.start.year, **span.answer(end)}
            for span, end in zip(self.years, ends, strict=True)
        ]
        return {
            **self.whole.answer(parts),
            "years": years,
            "capacity": self._capacity(self.whole),
            "by_strategy": self._by_strategy(),
        }

    def _capacity(self, whole: _Span) -> dict[str, object]:
        """How much capital the depth would have carried; None is unknown or no limit.

        ``capital_by_depth``: 99 of 100 orders still fit into a minute's tenth.
        ``capital_by_return``: the dearer fills have eaten the whole return.
        """
        shares = sorted(order.share for order in self.orders.values())
        impact = sum(order.impact for order in self.orders.values())
        capital = float(whole.equity_start)
        earned = float(whole.equity_end - whole.equity_start)
        p99 = shares[math.ceil(len(shares) * 0.99) - 1] if shares else None
        by_depth = capital * _DEPTH_SHARE / p99 if p99 else None
        by_return = None
        if impact > 0 and earned > 0:
            by_return = capital * (1 + earned / impact) ** 2
        return {
            "orders": len(shares),
            "unpriced_fills": self.unpriced,
            "order_share_of_minute_p99": None if p99 is None else f"{p99:.8f}",
            "impact_usdt": f"{impact:.8f}",
            "capital_by_depth": None if by_depth is None else f"{by_depth:.2f}",
            "capital_by_return": None if by_return is None else f"{by_return:.2f}",
        }


def _takes(approved: Approved) -> bool:
    """Whether a request is an order that never rests in the book."""
    order = approved.intent
    if not isinstance(order, PlaceOrder):
        return False
    is_market = order.type is OrderType.MARKET
    return is_market or order.time_in_force is not TimeInForce.GTC


def _coins(
    event: Filled | OrderChanged, price: Decimal | None, shadow: Shadow
) -> Decimal | None:
    """The base coins of a fill or an order; None for a contract that is not known."""
    if event.account != FUTURES:
        return event.qty
    contract = shadow.rules.contracts.get(event.symbol)
    if contract is None:
        return None
    if contract.is_inverse:
        return event.qty * contract.multiplier / price if price else None
    return event.qty * contract.multiplier


def _text(number: Decimal) -> str:
    """A ratio or an amount in plain notation, at most eighteen decimals."""
    return plain(round(number, 18))


def _time(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")
