"""The clairvoyant's bound: exact where the answer is known, below what anyone pays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.compose import Plan
from bot.domain.accounts import MARGIN_CROSS
from bot.domain.intents import Intent, PlaceOrder, Proposal, Repay
from bot.domain.money import ZERO, floor_to
from bot.domain.orders import Side
from bot.domain.strategy import Job, View
from bot.study.clairvoyant import bound
from bot.study.cost import cost
from bot.study.holdings import holdings_of
from bot.study.path import walk_market
from bot.study.program import Solved
from bot.study.replay import Outcome, play, with_losers_first, without_guard
from bot.study.shapes import Shape, Size
from bot.study.untouched import ROWS_MAX, choose_rows, untouched_carry
from tests.unit.study.small import SPREAD, TAKER, levered, scenario_plan, walked

_TAKEN = TAKER + SPREAD
_GRID = 12


def _cheapest(prices: Sequence[float], coins: float, owed: float) -> float | None:
    """Brute force: every plan that sells twelfths at every price."""
    best: float | None = None
    for sales in product(range(_GRID + 1), repeat=len(prices) - 1):
        if sum(sales) > _GRID:
            continue
        kept, debt, paid, alive = coins, owed, 0.0, True
        for place, twelfths in enumerate(sales):
            sold = coins * twelfths / _GRID
            kept -= sold
            debt -= sold * prices[place] * (1 - _TAKEN)
            paid += sold * prices[place] * _TAKEN
            alive &= debt <= 0.97 * kept * prices[place + 1] + max(-debt, 0) + 1e-9
        if alive and (best is None or paid < best):
            best = paid
    return best


@given(
    moves=st.lists(st.floats(-0.2, 0.15), min_size=3, max_size=3),
    leverage=st.floats(1.5, 5.0),
)
def test_the_bound_is_the_cheapest_plan_of_a_tiny_case(
    moves: list[float], leverage: float
) -> None:
    """Never above brute force, and below it by no more than its grid is coarse."""
    prices = [100.0]
    for move in moves:
        prices.append(prices[-1] * (1 + move))
    owed = 100.0 * (leverage - 1) / leverage
    found = bound(levered(1.0, owed), walked(prices))
    best = _cheapest(prices, 1.0, owed)
    if best is None:
        return
    assert found.cost is not None
    assert found.cost <= best + 1e-7
    assert found.cost >= best - max(prices) / _GRID * _TAKEN * len(moves) - 1e-7


def test_doing_nothing_costs_nothing_where_it_survives() -> None:
    """A path that never comes near needs no sale."""
    found = bound(levered(1.0, 50.0), walked([100, 90, 80, 95]))
    assert found.status is Solved.OPTIMAL
    assert found.cost == pytest.approx(0.0)


def test_a_known_fall_is_sold_for_at_the_first_price() -> None:
    """The sale ``s`` that keeps 0.97 of what is left over the debt, worked by hand."""
    found = bound(levered(1.0, 75.0), walked([100, 70, 70]))
    sold = (75 - 0.97 * 70) / (100 * (1 - _TAKEN) - 0.97 * 70)
    assert found.cost == pytest.approx(sold * 100 * _TAKEN, rel=1e-6)


def test_who_may_act_only_after_the_fall_does_not_survive() -> None:
    """The late clairvoyant is held to what was still to be had when it woke."""
    path = walked([100, 98, 60, 60])
    assert bound(levered(1.0, 75.0), path, first_row=0).survives
    assert bound(levered(1.0, 75.0), path, first_row=2).survives is False


def test_a_shallow_book_is_a_limit_to_what_can_be_saved() -> None:
    """A tenth of a minute's volume in a minute is too little for a fall in two."""
    deep, shallow = walked([100, 99, 60], cap=1.0), walked([100, 99, 60], cap=0.1)
    assert bound(levered(1.0, 75.0), deep).survives
    assert bound(levered(1.0, 75.0), shallow).survives is False


def test_the_worst_instant_of_a_long_path_is_kept() -> None:
    """However many instants there are, at most 300 stay, the lowest among them."""
    prices = [100 + (place % 97) * 0.01 for place in range(5000)]
    prices[3210] = 50.0
    rows = choose_rows(levered(1.0, 30.0), walked(prices))
    assert len(rows) <= ROWS_MAX
    assert {0, 3210, 4999} <= set(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seller:
    """A policy of its own: sells a share of each coin a minute, and repays."""

    share: Decimal
    name: str = "seller"

    @property
    def jobs(self) -> Sequence[Job]:
        return (Job(name=self.name, schedule="every 60s"),)

    @property
    def claims(self) -> frozenset[str]:
        return frozenset()

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        if view.in_flight(self.name):
            return ()
        wanted: list[Intent] = [*self._sales(view), *self._repayments(view)]
        return [Proposal(owner=self.name, intent=i, reason="a test") for i in wanted]

    def _sales(self, view: View) -> Sequence[PlaceOrder]:
        if view.due_job is None:
            return ()
        return [
            PlaceOrder(
                account=MARGIN_CROSS,
                symbol=f"{coin}-USDT",
                side=Side.SELL,
                qty=floor_to(b.available * self.share, Decimal("0.0001")),
                is_reduction=True,
            )
            for coin, b in view.balances(MARGIN_CROSS).items()
            if coin != "USDT" and b.available * self.share >= Decimal("0.0001")
        ]

    def _repayments(self, view: View) -> Sequence[Repay]:
        cash = view.balance(MARGIN_CROSS, "USDT")
        amount = min(cash.available, cash.liability)
        if amount < 1:
            return ()
        return [Repay(account=MARGIN_CROSS, coin="USDT", amount=amount)]


def _outcomes(plan: Plan) -> dict[str, Outcome]:
    plans = {"gnomon": plan, "losers_first": with_losers_first(plan)}
    for share in ("0.02", "0.3"):
        seller = _Seller(share=Decimal(share))
        plans[f"sells {share}"] = replace(plan, is_guarded=False, strategies=(seller,))
    return {name: play(each) for name, each in plans.items()}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("scenario", "shape"),
    [
        ("crash", Shape(name="long", coins=("BTC",))),
        ("crash", Shape(name="mix", coins=("BTC", "ETH"))),
        ("crash", Shape(name="carry", coins=("BTC",), perp="XBTUSDTM")),
    ],
    ids=["long", "mix", "carry"],
)
def test_nobody_who_survives_pays_less_than_the_clairvoyant(
    seed: int, scenario: str, shape: Shape
) -> None:
    """Gnomon, losers first, and a seller of any speed stand above the bound."""
    size = Size(leverage=5, capital=Decimal(20_000))
    plan = scenario_plan(scenario, seed, shape, size, minutes=40)
    path, holdings = walk_market(plan), holdings_of(plan)
    found = bound(holdings, path)
    untouched = Decimal(repr(untouched_carry(holdings, path)))
    survivors = {n: o for n, o in _outcomes(plan).items() if not o.liquidations}
    assert survivors
    assert found.cost is not None
    for name, outcome in survivors.items():
        paid = cost(outcome.parts, untouched)
        assert paid >= Decimal(repr(found.cost)) - Decimal("0.01"), name


def test_the_untouched_carry_is_that_of_a_run_that_nobody_touches() -> None:
    """The arrays and the venue's own books agree about interest and funding."""
    shape = Shape(name="carry", coins=("BTC",), perp="XBTUSDTM")
    plan = scenario_plan("calm", 1, shape, Size(leverage=3), minutes=600)
    run = play(without_guard(plan))
    carried = run.parts["funding"] + run.parts["interest"]
    found = untouched_carry(holdings_of(plan), walk_market(plan))
    assert run.liquidations == 0
    assert carried != ZERO
    assert float(carried) == pytest.approx(found, rel=1e-3)
