"""Make the instants of a chunk: arrays of prices in, frozen values out.

The arrays hold one price for each path and instant; here they become Decimals and
the mappings of ``MarketInstant``. Nothing is estimated or decided here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import repeat
from typing import Final

import numpy as np

from bot.domain.market import Liquidity, MarketInstant, PathOrder
from connectors.markets.agenda import Agenda, Entry
from connectors.markets.figures import decimals, rounded, time_of
from connectors.markets.files import IntArray
from connectors.markets.legs import Leg
from connectors.markets.notes import Window
from connectors.markets.paths import PricePath, View

__all__ = ["Columns", "depth_of", "emit", "price_columns"]

_DEPTH_EVERY_S: Final = 300

Depth = Mapping[int, Mapping[str, Liquidity]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names and a column of prices for each of the three mappings."""

    last: tuple[tuple[str, ...], tuple[Sequence[Decimal], ...]]
    margin: tuple[tuple[str, ...], tuple[Sequence[Decimal], ...]]
    futures: tuple[tuple[str, ...], tuple[Sequence[Decimal], ...]]


def price_columns(
    legs: Sequence[Leg], views: Sequence[View], times: IntArray
) -> Columns:
    """Prices of coins that trade at all of ``times``."""
    last: list[tuple[str, Sequence[Decimal]]] = []
    margin: list[tuple[str, Sequence[Decimal]]] = []
    futures: list[tuple[str, Sequence[Decimal]]] = []
    for leg, view in zip(legs, views, strict=True):
        prices = [_decimals_at(path, times, view) for path in leg.paths]
        coin, item = leg.instrument.coin, leg.instrument
        margin.append((coin, prices[leg.spot]))
        if item.spot_symbol is not None:
            last.append((item.spot_symbol, prices[leg.spot]))
        if item.perp_symbol is not None:
            last.append((item.perp_symbol, prices[leg.perp]))
            futures.append((item.perp_symbol, prices[leg.mark]))
    return Columns(last=_split(last), margin=_split(margin), futures=_split(futures))


def _split(
    named: Sequence[tuple[str, Sequence[Decimal]]],
) -> tuple[tuple[str, ...], tuple[Sequence[Decimal], ...]]:
    return tuple(name for name, _ in named), tuple(column for _, column in named)


def _decimals_at(path: PricePath, times: IntArray, view: View) -> list[Decimal]:
    prices, recorded = path.at(times, view)
    return decimals(np.where(recorded, prices, rounded(prices)))


def emit(
    times: IntArray, columns: Columns, agenda: Agenda, depth: Depth
) -> Iterator[MarketInstant]:
    """One instant for each time, with what changes at it."""
    nothing: Mapping[str, Liquidity] = {}
    silent = Entry()
    rows = zip(
        times.tolist(),
        _mappings(columns.last),
        _mappings(columns.margin),
        _mappings(columns.futures),
        strict=False,
    )
    for second, last_prices, margin_marks, futures_marks in rows:
        entry = agenda.entries.get(second, silent)
        yield MarketInstant(
            at=time_of(second),
            last_prices=last_prices,
            margin_marks=margin_marks,
            futures_marks=futures_marks,
            liquidity=depth.get(second, nothing),
            funding_quotes=entry.funding_quotes,
            settlements=entry.settlements,
            borrow_rates=entry.borrow_rates,
            halted=entry.halted,
        )


def _mappings(
    named: tuple[tuple[str, ...], tuple[Sequence[Decimal], ...]],
) -> Iterator[dict[str, Decimal]]:
    """One mapping for each row; endless empty ones where nothing trades."""
    names, columns = named
    if not names:
        return ({} for _ in repeat(None))
    return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def depth_of(
    legs: Sequence[Leg], times: IntArray, window: Window
) -> dict[int, dict[str, Liquidity]]:
    """Depth by second: when a coin begins, then at bar ends five minutes apart."""
    found: dict[int, dict[str, Liquidity]] = {}
    for leg in legs:
        due = _due(leg, times)
        view = View(order=PathOrder.LOW_FIRST, start_s=window.start_s)
        for symbol, place, estimator in (
            (leg.instrument.spot_symbol, leg.spot, leg.spot_depth),
            (leg.instrument.perp_symbol, leg.perp, leg.perp_depth),
        ):
            if symbol is None or not len(due):
                continue
            prices, _ = leg.paths[place].at(due, view)
            for second, quote in zip(
                due.tolist(), estimator.quotes(due, prices), strict=True
            ):
                found.setdefault(second, {})[symbol] = quote
    return found


def _due(leg: Leg, times: IntArray) -> IntArray:
    every = max(leg.grid.step_s, _DEPTH_EVERY_S)
    trading = times[(times >= leg.begin_s) & (times <= leg.stop_s)]
    closes = leg.grid.close_s
    row = np.minimum(np.searchsorted(closes, trading), len(closes) - 1)
    bar_end = (closes[row] == trading) & (trading % every == 0)
    due: IntArray = trading[bar_end | (trading == leg.begin_s)]
    return due
