"""Diversified beta: worked examples of what is held, left, and never bought."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from bot.domain.accounts import FUTURES
from bot.domain.errors import UsageError
from bot.domain.intents import PlaceOrder, Proposal
from bot.domain.orders import Side
from bot.domain.strategy import Strategy
from bot.risk.line import FloatArray
from strategies import KINDS
from tests.unit.strategies.bench import NOW, World, balance, done, position, view_of

HOURS = 600


def _noise(seed: int, spread: float) -> FloatArray:
    return np.random.default_rng(seed).normal(0.0, spread, HOURS)


def _closes(moves: FloatArray) -> tuple[tuple[datetime, Decimal], ...]:
    start = NOW - timedelta(hours=len(moves))
    prices = (100 * np.cumprod(1 + moves)).tolist()
    return tuple(
        (start + timedelta(hours=hour), Decimal(repr(price)))
        for hour, price in enumerate(prices)
    )


BTC = _noise(1, 0.005)
SOL = 0.5 * BTC + _noise(2, 0.004)


def book(**values: object) -> Strategy:
    """The strategy with these parameters."""
    chosen = {
        "capital_usdt": 10_000,
        "core": ["XBTUSDTM"],
        "candidates": ["SOLUSDTM"],
        **values,
    }
    return KINDS["diversified_beta"]("book", None, chosen)


def _world(**changes: object) -> World:
    closes = {"BTC": _closes(BTC), "SOL": _closes(SOL)}
    world = World(balances={FUTURES: {"USDT": balance("20000")}}, closes=closes)
    return replace(world, **changes)  # type: ignore[arg-type] # fields by name


def _orders(proposals: list[Proposal]) -> dict[str, PlaceOrder]:
    return {
        p.intent.symbol: p.intent for p in proposals if isinstance(p.intent, PlaceOrder)
    }


def test_a_book_is_built_of_core_and_satellite() -> None:
    """Both are bought, and a second asking finds nothing left to do."""
    shadow = _world().shadow()
    first = list(book().decide(view_of(shadow), NOW))
    orders = _orders(first)

    assert {order.side for order in orders.values()} == {Side.BUY}
    assert set(orders) == {"XBTUSDTM", "SOLUSDTM"}
    assert list(book().decide(view_of(done(shadow, first)), NOW)) == []
    assert "of the capital" in first[0].reason


def test_beta_above_the_wanted_one_is_sold_in_the_core() -> None:
    """With a wanted beta of zero the core is short against its satellite."""
    orders = _orders(list(book(target_beta=0).decide(_world().view(), NOW)))

    assert orders["XBTUSDTM"].side is Side.SELL
    assert orders["SOLUSDTM"].side is Side.BUY
    btc, sol = orders["XBTUSDTM"].qty / 10, orders["SOLUSDTM"].qty * 10
    assert Decimal("0.4") < btc / sol < Decimal("0.6")


def test_a_higher_beta_has_a_lower_multiplier() -> None:
    """A coin that falls three times as far gets at most a third of the capital."""
    wild = _world(closes={"BTC": _closes(BTC), "SOL": _closes(3 * BTC)})
    orders = _orders(
        list(book(max_leverage=9, target_volatility=4).decide(wild.view(), NOW))
    )

    assert orders["SOLUSDTM"].qty * 10 <= 3_400


@pytest.mark.parametrize(
    "changes",
    [
        {"closes": {"SOL": _closes(SOL)}},
        {"closes": {"BTC": _closes(BTC[:30]), "SOL": _closes(SOL)}},
        {"futures_mark": None},
        {"half_spread": None},
        {"perp_half_spread": "0.05"},
    ],
    ids=["no core", "short core", "no mark", "no depth", "too dear"],
)
def test_unknown_or_dear_is_not_bought(changes: Mapping[str, object]) -> None:
    """Without the core's history, a price or a sensible cost nothing is opened."""
    assert list(book().decide(_world(**changes).view(), NOW)) == []


def test_a_satellite_without_history_is_not_bought() -> None:
    """The core alone is bought then, and a satellite that is held is left whole."""
    world = _world(closes={"BTC": _closes(BTC)})
    holding = replace(world, positions=(position("SOLUSDTM", 300),))

    for each in (world, holding):
        assert set(_orders(list(book().decide(each.view(), NOW)))) == {"XBTUSDTM"}


def test_a_satellite_that_is_not_chosen_is_left_whole_at_once() -> None:
    """With no room for satellites the one that is held is closed, reduce-only."""
    world = _world(positions=(position("SOLUSDTM", 3),))
    (told,) = list(book(max_satellites=0).decide(world.view(), NOW))

    assert isinstance(told.intent, PlaceOrder)
    assert told.intent.reduce_only
    assert told.intent.qty == Decimal(3)


def test_inside_the_band_nothing_is_traded() -> None:
    """Half the band off stays; twice the band off goes back to the whole target."""
    shadow = _world().shadow()
    held = done(shadow, list(book().decide(view_of(shadow), NOW)))
    (sol,) = [p for p in held.positions.values() if p.symbol == "SOLUSDTM"]

    def moved(lots: int) -> list[Proposal]:
        rest = [p for p in held.positions.values() if p.symbol != "SOLUSDTM"]
        changed = (*rest, position("SOLUSDTM", int(sol.lots) + lots))
        world = _world(positions=changed)
        return list(book().decide(world.view(), NOW))

    assert moved(-25) == []
    (back,) = moved(-100)
    assert isinstance(back.intent, PlaceOrder)
    assert back.intent.side is Side.BUY
    assert back.intent.qty == Decimal(100)


def test_without_a_capital_weights_are_of_the_futures_equity() -> None:
    """Wallet and unrealised profit; nothing is traded while either is not known."""
    names = {"core": ["XBTUSDTM"], "candidates": ["SOLUSDTM"]}
    unsized = KINDS["diversified_beta"]("book", None, names)
    told = _orders(list(book(capital_usdt=20_000).decide(_world().view(), NOW)))
    whole = _orders(list(unsized.decide(_world().view(), NOW)))
    assert whole == told

    halved = _world(balances={FUTURES: {"USDT": balance("10000")}})
    half = _orders(list(unsized.decide(halved.view(), NOW)))
    assert half["XBTUSDTM"].qty == pytest.approx(told["XBTUSDTM"].qty / 2, abs=1)

    unknown = _world(positions=(position("SOLUSDTM", 5),), futures_mark=None)
    assert list(unsized.decide(unknown.view(), NOW)) == []
    broke = _world(balances={FUTURES: {"USDT": balance("0")}})
    assert list(unsized.decide(broke.view(), NOW)) == []


def test_reductions_go_first() -> None:
    """Too much of one and too little of the other: first down, then up."""
    world = _world(positions=(position("SOLUSDTM", 1500),))
    (first,) = list(book().decide(world.view(), NOW))

    assert isinstance(first.intent, PlaceOrder)
    assert (first.intent.symbol, first.intent.reduce_only) == ("SOLUSDTM", True)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"capital_usdt": 0}, "capital_usdt must be a number over 0"),
        ({"candidates": ["XBTUSDTM"]}, "candidates none of core"),
        ({"max_satelites": 1}, "did you mean max_satellites?"),
    ],
)
def test_wrong_parameters_name_their_key(
    values: Mapping[str, object], said: str
) -> None:
    """Each error says ``[strategy.book]``, the key and what fits."""
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        book(**values)
