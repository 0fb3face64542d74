"""Hand-made paths and accounts, small enough that their answer is known."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import numpy as np

from bot.compose import Plan, plan_run
from bot.settings import settings_from
from bot.study.holdings import Holdings, SpotHolding
from bot.study.path import Walked
from bot.study.shapes import Shape, Size, account_of
from connectors.markets.synthetic import open_scenario

__all__ = ["SPREAD", "TAKER", "levered", "scenario_plan", "usdt", "walked"]

TAKER = 0.001
SPREAD = 0.0005


def walked(prices: Sequence[float], *, cap: float = np.inf, step_s: int = 60) -> Walked:
    """A path of one coin without interest, its book ``cap`` coins deep."""
    price = np.array(prices, dtype=np.float64)
    same = np.ones(len(price))
    return Walked(
        at_s=np.arange(len(price), dtype=np.float64) * step_s,
        marks={"USDT": same, "BTC": price},
        futures={},
        last={"BTC-USDT": price},
        spread={"BTC-USDT": same * SPREAD},
        cap={"BTC-USDT": same * cap},
        funding={},
        growth={},
        charge={},
    )


def levered(coins: float, owed: float) -> Holdings:
    """Coins on borrowed USDT, liquidated at a debt ratio of 97 %."""
    spot = SpotHolding(
        coin="BTC", symbol="BTC-USDT", owned=coins, owed=0.0, weight=1.0, fee=TAKER
    )
    return Holdings(
        spots=(spot,),
        perps=(),
        cash=0.0,
        owed_cash=owed,
        wallet=0.0,
        reserve=0.0,
        level=0.97,
    )


def scenario_plan(
    scenario: str, seed: int, shape: Shape, size: Size, *, minutes: int = 60
) -> Plan:
    """A guarded run of a shape on a synthetic market."""
    market = open_scenario(scenario, seed, duration=timedelta(minutes=minutes))
    return plan_run(
        world="replay",
        market=market,
        account=account_of(shape, size),
        settings=settings_from({}, {}),
        seed=seed,
        has_strategies=False,
    )


def usdt(amount: object) -> Decimal:
    """An amount of a row, exactly."""
    return Decimal(str(amount))
