"""Walk a market forward: books held through windows, hedged by each policy.

A window is 30 days; a shorter market is one window. In each, a book of fixed coins is
bought at the start, and every few hours the policy is asked with what is known by then.
It trades what ``bot/risk/hedging.py`` says, as the strategy does, at the last price of
the perpetual and the cost of DESIGN section 11; the trade counts from the next hour on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np

from bot.domain.events import LiquidityQuoted
from bot.domain.fees import futures_fee_rates
from bot.risk.betas import BetaModel, Betas, hourly_volatility
from bot.risk.hedging import HedgePolicy, beta_exposure
from bot.risk.line import FloatArray
from bot.risk.sizing import fill_rate
from bot.study.beta_books import Book, Kind
from bot.study.beta_models import NONE, POLICIES, Returns, betas_at, hedges_of
from connectors.markets.files import IntArray
from connectors.markets.hourly import HourlyPrices

__all__ = ["CAPITAL", "Passage", "Span", "Terms", "spans_of", "walk_span"]

CAPITAL: Final = Decimal(100_000)
"""The gross value of each book at the start of a window, in USDT."""

_WINDOW_H: Final = 720
_SHORTEST_H: Final = 120
_HOUR_S: Final = 3_600
_DAY_H: Final = 24
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Rows of a market's hours: the first and the last price of a window."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How the policies are asked: the estimator, the band, and every how many hours."""

    model: BetaModel
    policy: HedgePolicy
    every_h: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passage:
    """A book's way through a window under a policy.

    Attributes:
        returns: Hourly profit over the book's gross value of the hour before, costs
            left out, NaN where it is not known.
        turnover: Value traded in hedges over the gross value at the start.
        cost: Fees and depth of that, over the same.
        trades: How many.
    """

    book: str
    policy: str
    returns: FloatArray
    turnover: float
    cost: float
    trades: int


@dataclass(slots=True)
class _Hedge:
    """What a policy holds of each hedge, coins by hour, and what it has spent."""

    coins: FloatArray
    turnover: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    trades: int = 0


def spans_of(prices: HourlyPrices) -> Iterator[Span]:
    """Windows of 30 days from the start; a shorter market is one of at least 5.

    What remains at the end of a longer market is left out.
    """
    last = len(prices.hours) - 1
    if last - prices.first < _WINDOW_H:
        if last - prices.first >= _SHORTEST_H:
            yield Span(first=prices.first, last=last)
        return
    for first in range(prices.first, last - _WINDOW_H + 1, _WINDOW_H):
        yield Span(first=first, last=first + _WINDOW_H)


def walk_span(
    prices: HourlyPrices,
    returns: Returns,
    books: Sequence[Book],
    span: Span,
    terms: Terms,
) -> list[Passage]:
    """Every book through one window under every policy, in that order."""
    rows = np.arange(span.first, span.last, terms.every_h)
    betas = {
        policy: [betas_at(policy, returns, int(row), terms.model) for row in rows]
        for policy in POLICIES
        if 0 < hedges_of(policy) <= len(returns.hedges)
    }
    depths = {
        coin: dict(zip(rows.tolist(), _depths(prices, coin, rows), strict=True))
        for coin in returns.hedges
    }
    moves = _volatilities(returns, rows, terms.model)
    found = []
    for book in books:
        values = _values(prices, book, span)
        for policy in (NONE, *betas):
            hedge = _Hedge(coins=np.zeros((span.last - span.first, 0)))
            if policy != NONE:
                hedge = _hedged(
                    prices,
                    _Case(
                        values=values,
                        coins=returns.coins[: hedges_of(policy)],
                        rows=rows,
                        first=span.first,
                        betas=betas[policy],
                        depths=depths,
                        hourly=moves,
                    ),
                    terms,
                )
            path = _path(prices, values, hedge, returns.hedges, span)
            found.append(
                Passage(
                    book=book.name,
                    policy=policy,
                    returns=path,
                    turnover=float(hedge.turnover / CAPITAL),
                    cost=float(hedge.cost / CAPITAL),
                    trades=hedge.trades,
                )
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Case:
    """One book under one policy: what it is worth, and what is known when."""

    values: Mapping[str, FloatArray]
    coins: Sequence[str]
    rows: IntArray
    first: int
    betas: Sequence[Betas | None]
    depths: Mapping[str, Mapping[int, LiquidityQuoted]]
    hourly: FloatArray


def _hedged(prices: HourlyPrices, case: _Case, terms: Terms) -> _Hedge:
    columns = [prices.coins.index(coin) for coin in case.coins]
    perps = prices.perp[:, columns]
    size = len(next(iter(case.values.values()))) - 1
    hedge = _Hedge(coins=np.zeros((size, len(columns))))
    for place, (row, betas) in enumerate(zip(case.rows, case.betas, strict=True)):
        at = int(row) - case.first
        values = {c: _decimal(column[at]) for c, column in case.values.items()}
        marks = [_decimal(price) for price in perps[row]]
        if betas is None or not all(v.is_finite() for v in (*values.values(), *marks)):
            continue
        exposure = beta_exposure(values, betas)
        for column, mark in enumerate(marks):
            held = _decimal(hedge.coins[at, column]) * mark
            change = terms.policy.change(
                exposure.net[column] + held, exposure.gross, exposure.error[column]
            )
            depth = case.depths[case.coins[column]][int(row)]
            rate = _cost_rate(depth, change / mark)
            moves = case.hourly[place, column]
            hourly = _decimal(moves) if np.isfinite(moves) else None
            is_worth = held * change < 0 or terms.policy.is_worth(rate, hourly)
            if not change or not is_worth:
                continue
            hedge.coins[at:, column] += float(change / mark)
            hedge.turnover += abs(change)
            hedge.cost += abs(change) * (rate or Decimal(0))
            hedge.trades += 1
    return hedge


def _cost_rate(depth: LiquidityQuoted, coins: Decimal) -> Decimal | None:
    filled = fill_rate(depth, coins)
    return None if filled is None else filled + futures_fee_rates(0).taker


def _path(
    prices: HourlyPrices,
    values: Mapping[str, FloatArray],
    hedge: _Hedge,
    hedges: Sequence[str],
    span: Span,
) -> FloatArray:
    """Hourly profit over the gross value of the hour before; NaN where not known."""
    columns = np.column_stack(list(values.values()))
    moved = _filled(columns)
    profit = np.diff(moved, axis=0).sum(axis=1)
    gross = np.abs(moved[:-1]).sum(axis=1)
    known = np.isfinite(columns[1:]).all(axis=1) & np.isfinite(columns[:-1]).all(axis=1)
    count = hedge.coins.shape[1]
    if count:
        chosen = [prices.coins.index(coin) for coin in hedges[:count]]
        perps = prices.perp[span.first : span.last + 1, chosen]
        known &= np.isfinite(perps[1:]).all(axis=1)
        known &= np.isfinite(perps[:-1]).all(axis=1)
        profit = profit + (np.diff(_filled(perps), axis=0) * hedge.coins).sum(axis=1)
    return np.where(known, profit / gross, np.nan)


def _filled(columns: FloatArray) -> FloatArray:
    """The last known price where one is missing; the first one before it."""
    found = columns.copy()
    for column in found.T:
        known = np.flatnonzero(np.isfinite(column))
        if len(known):
            at = np.searchsorted(known, np.arange(len(column)), side="right") - 1
            column[:] = column[known[np.maximum(at, 0)]]
    return found


def _values(prices: HourlyPrices, book: Book, span: Span) -> dict[str, FloatArray]:
    """What each coin of a book is worth by hour, signed, in USDT."""
    found: dict[str, FloatArray] = {}
    for held in book.holdings:
        table = prices.perp if held.kind is Kind.FUTURES else prices.spot
        path = table[span.first : span.last + 1, prices.coins.index(held.coin)]
        found[held.coin] = float(CAPITAL) * held.share * path / path[0]
    return found


def _depths(prices: HourlyPrices, coin: str, rows: IntArray) -> list[LiquidityQuoted]:
    quotes = prices.depth(coin, rows)
    times = prices.hours[rows] * _HOUR_S
    return [
        LiquidityQuoted(
            at=datetime.fromtimestamp(second, UTC),
            symbol=coin,
            half_spread=quote.half_spread,
            sigma_1m=quote.sigma_1m,
            volume_1m=quote.volume_1m,
        )
        for second, quote in zip(times.tolist(), quotes, strict=True)
    ]


def _volatilities(returns: Returns, rows: IntArray, model: BetaModel) -> FloatArray:
    """Of the first two coins at each row, as the strategy knows it then."""
    seen = [returns.moves[max(r + 1 - model.window_h, 0) : r + 1, :2] for r in rows]
    return np.array([hourly_volatility(each, model) for each in seen])


def _decimal(number: float) -> Decimal:
    return Decimal(f"{number:.{_DIGITS}f}")
