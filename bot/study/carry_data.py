"""A stretch of a market as the carry study sees it: one row a decision.

Decisions fall on the full hour before a settlement of any coin; only that grid is
taken from the calendar of settlements, never a rate of the future. At a row stand
the prices and the depth of that hour, the forecast from rates that have settled by
then, the assumed borrow rate, and beside it what the step to the next row brought:
known to the replay when it has happened, and to the clairvoyant from the start.
Nothing here decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np

from bot.compose import documents_of
from bot.domain.instruments import ContractRules, Rules
from bot.domain.market import MarketInstant
from bot.risk.carry_forecast import FundingForecast, forecast_funding, mean_rates
from connectors.markets.figures import time_of
from connectors.markets.files import FloatArray, IntArray
from connectors.markets.funding import borrow_rate
from connectors.markets.hourly_market import HourlyCoin, HourlyMarket
from connectors.venue.rules import rules_for

__all__ = ["CarryCoin", "CarryData", "carry_data", "years_of"]

_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400
_INTERVAL_H: Final = 8.0
_TAKER_LEAST: Final = 0.0006
_ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryCoin:
    """One coin; arrays over the rows, those of a step are one shorter.

    ``fee`` and ``half_spread`` are the cost of both legs once, without impact,
    fractions of the spot price. ``funding`` is USDT a coin that a short perpetual
    received in a step, ``annual`` the borrow rate at 1x, ``high`` and ``low`` the
    contract's extremes of a step over its price at the row.
    """

    coin: str
    contract: ContractRules
    trades: np.typing.NDArray[np.bool_]
    spot: FloatArray
    perp: FloatArray
    fee: FloatArray
    half_spread: FloatArray
    sigma_1m: FloatArray
    volume_1m: FloatArray
    forecasts: tuple[FundingForecast | None, ...]
    newest: FloatArray
    interval_h: FloatArray
    first_h: FloatArray
    annual: FloatArray
    lends: np.typing.NDArray[np.bool_]
    funding: FloatArray
    high: FloatArray
    low: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryData:
    """Rows (seconds since 1970, UTC) and the coins of one stretch of a market."""

    at_s: IntArray
    coins: tuple[CarryCoin, ...]

    @property
    def hours(self) -> FloatArray:
        """How long each step is."""
        found: FloatArray = np.diff(self.at_s) / _HOUR_S
        return found

    @property
    def days(self) -> float:
        """How long the stretch is."""
        return float(self.at_s[-1] - self.at_s[0]) / _DAY_S


def years_of(market: HourlyMarket) -> tuple[int, ...]:
    """The calendar years (UTC) that a market reaches into."""
    first, last = (time_of(int(market.hours[row])).year for row in (0, -1))
    return tuple(range(first, last + 1))


def carry_data(market: HourlyMarket, year: int, *, is_derived: bool) -> CarryData:
    """The rows of one calendar year of a market.

    Args:
        market: The market.
        year: UTC.
        is_derived: Every coin, also those of which one leg is the other's price;
            otherwise only coins with two recorded legs.
    """
    coins = [
        each
        for each in market.coins
        if len(each.rates) and (is_derived or not each.is_zero_basis)
    ]
    rows = _rows(market, coins, year)
    rules = _rules(market)
    symbols = {i.coin: i.perp_symbol for i in market.market.description.instruments}
    found = [
        _coin(market, each, rows, rules, rules.contracts[symbol])
        for each in coins
        if (symbol := symbols[each.coin]) in rules.contracts and symbol is not None
    ]
    return CarryData(at_s=market.hours[rows], coins=tuple(found))


def _rows(market: HourlyMarket, coins: list[HourlyCoin], year: int) -> IntArray:
    begin = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    inside = np.flatnonzero((market.hours >= begin) & (market.hours <= end))
    if not len(inside):
        return np.empty(0, dtype=np.int64)
    stamps = [each.settled_s for each in coins] or [np.empty(0, dtype=np.int64)]
    before = np.searchsorted(market.hours, np.concatenate(stamps)) - 1
    edges = [inside[0], inside[-1]]
    rows = np.unique(np.concatenate((edges, before)))
    chosen: IntArray = rows[(rows >= edges[0]) & (rows <= edges[1])]
    return chosen


def _rules(market: HourlyMarket) -> Rules:
    """Each coin's rules at its own first price."""
    instants = [
        market.prices_at(int(np.argmax(each.trades)))
        for each in market.coins
        if each.trades.any()
    ]
    first = market.prices_at(0)
    last, margin, futures = (
        _joined([getattr(each, name) for each in reversed([first, *instants])])
        for name in ("last_prices", "margin_marks", "futures_marks")
    )
    joined = MarketInstant(
        at=first.at, last_prices=last, margin_marks=margin, futures_marks=futures
    )
    documents = documents_of(market.market)
    return rules_for(market.market.description, joined, documents, 0)


def _joined(parts: list[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for part in parts:
        found |= part
    return found


def _coin(
    market: HourlyMarket,
    coin: HourlyCoin,
    rows: IntArray,
    rules: Rules,
    contract: ContractRules,
) -> CarryCoin:
    at_s, hours = market.hours[rows], market.hours
    spot, perp = coin.spot[rows], coin.perp[rows]
    taker = float(rules.spot_fee_rates[f"{coin.coin}-USDT"][1])
    futures = max(float(contract.taker_fee_rate), _TAKER_LEAST)
    ratio = perp / spot
    legs = (coin.spot_depth, coin.perp_depth)
    settled = _Settled(coin, at_s)
    return CarryCoin(
        coin=coin.coin,
        contract=contract,
        trades=coin.trades[rows],
        spot=spot,
        perp=perp,
        fee=taker + futures * ratio,
        half_spread=legs[0].half_spread[rows] + legs[1].half_spread[rows] * ratio,
        sigma_1m=legs[0].sigma_1m[rows],
        volume_1m=np.fmin(legs[0].volume_1m[rows], legs[1].volume_1m[rows]),
        forecasts=settled.forecasts(),
        newest=settled.newest(),
        interval_h=settled.interval_h,
        first_h=settled.first_h(),
        annual=settled.borrow[0],
        lends=settled.borrow[1],
        funding=_funding(coin, hours, at_s),
        high=_extreme(np.fmax, coin.high, perp, rows),
        low=_extreme(np.fmin, coin.low, perp, rows),
    )


def _funding(coin: HourlyCoin, hours: IntArray, at_s: IntArray) -> FloatArray:
    """What a short of one coin received in each step, USDT at the contract's price."""
    inside = (coin.settled_s > at_s[0]) & (coin.settled_s <= at_s[-1])
    stamps, rates = coin.settled_s[inside], coin.rates[inside]
    price = coin.perp[np.searchsorted(hours, stamps)]
    found = np.zeros(len(at_s) - 1)
    paid = np.where(np.isfinite(price), rates * price, 0.0)
    np.add.at(found, np.searchsorted(at_s, stamps) - 1, paid)
    return found


def _extreme(
    join: np.ufunc, prices: FloatArray, perp: FloatArray, rows: IntArray
) -> FloatArray:
    """The extreme of each step's hours over the price at its row."""
    if len(rows) < 2:  # noqa: PLR2004 - a step has two ends
        return np.empty(0)
    whole = join.reduceat(prices[rows[0] + 1 : rows[-1] + 1], rows[:-1] - rows[0])
    found: FloatArray = np.asarray(whole / perp[:-1], dtype=np.float64)
    return found


class _Settled:
    """What a coin's settlements say at each row, from those at or before it."""

    def __init__(self, coin: HourlyCoin, at_s: IntArray) -> None:
        self.coin, self.at_s = coin, at_s
        self.place = np.searchsorted(coin.settled_s, at_s, side="right") - 1
        steps = np.diff(coin.settled_s, prepend=coin.settled_s[:1]) / _HOUR_S
        usual = np.where((steps > 0) & (steps <= _INTERVAL_H), steps, np.nan)
        for row in range(len(usual)):
            if not np.isfinite(usual[row]):
                usual[row] = usual[row - 1] if row else _INTERVAL_H
        self.interval_h = np.where(
            self.place >= 0, usual[np.maximum(self.place, 0)], _INTERVAL_H
        )
        self.borrow = self._borrow()

    def newest(self) -> FloatArray:
        """The rate that settled last; NaN before the first one."""
        rates = self.coin.rates[np.maximum(self.place, 0)]
        return np.where(self.place >= 0, rates, np.nan)

    def first_h(self) -> FloatArray:
        """Hours to the settlement that is due next, over zero."""
        last_s = self.coin.settled_s[np.maximum(self.place, 0)]
        left = self.interval_h - (self.at_s - last_s) / _HOUR_S
        return np.where(left > 0, left, self.interval_h)

    def forecasts(self) -> tuple[FundingForecast | None, ...]:
        """The forecast at each row, one for each settlement that stood newest."""
        made: dict[int, FundingForecast] = {}
        hours = self.coin.settled_s / _HOUR_S
        found: list[FundingForecast | None] = []
        for row, place in enumerate(self.place.tolist()):
            if place < 0:
                found.append(None)
                continue
            if place not in made:
                known = slice(max(place - 89, 0), place + 1)
                fast, slow = mean_rates(
                    hours[known].tolist(), self.coin.rates[known].tolist()
                )
                newest, interval = self.coin.rates[place], self.interval_h[row]
                made[place] = forecast_funding(
                    float(newest), float(interval), fast, slow
                )
            found.append(made[place])
        return tuple(found)

    def _borrow(self) -> tuple[FloatArray, np.typing.NDArray[np.bool_]]:
        """The assumed yearly rate at 1x, and whether anything is to be borrowed."""
        rates, lends = [], []
        sums = np.concatenate(([0.0], np.cumsum(self.coin.rates)))
        for at_s, last, interval in zip(
            self.at_s.tolist(), self.place.tolist(), self.interval_h, strict=True
        ):
            first = int(np.searchsorted(self.coin.settled_s, at_s - _DAY_S, "right"))
            count = last + 1 - first
            mean = 0.0 if count < 1 else (sums[last + 1] - sums[first]) / count
            quoted = borrow_rate(
                self.coin.coin, Decimal(str(mean * 8760 / interval)), _ONE
            )
            rates.append(float(quoted.annual_rate))
            lends.append(quoted.available is None)
        return np.array(rates), np.array(lends, dtype=np.bool_)
