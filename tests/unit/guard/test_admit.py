"""Worked examples of what no gate stops: reductions, and what only claims to be one."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    MarginMode,
)
from bot.domain.events import AccountStatus
from bot.domain.instruments import Rules
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    CancelOrder,
    Intent,
    Repay,
    Transfer,
)
from bot.domain.orders import IntentState, Side
from bot.guard.admit import is_reduction
from bot.guard.limits import RiskLimits
from bot.guard.state import GuardState
from tests.unit.guard.asking import BORROW, BUY, OPEN, asked, held_to, passes, rich, why
from tests.unit.guard.bench import (
    cross_long,
    later,
    marked,
    position,
    requested,
    shadow_of,
    subject_state,
)
from tests.unit.venue.builders import opening, rules

REDUCTIONS = [
    Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5)),
    CancelOrder(account=MARGIN_CROSS, symbol="BTC-USDT", order_id="o1"),
    Transfer(source=MAIN, target=MARGIN_CROSS, coin="USDT", amount=Decimal(5)),
    Transfer(source=SPOT, target=FUTURES, coin="USDT", amount=Decimal(5)),
    replace(BUY, side=Side.SELL, qty=Decimal(1), is_reduction=True),
    replace(OPEN, side=Side.SELL, reduce_only=True),
    replace(OPEN, qty=Decimal(1), close=True),
]


@pytest.mark.parametrize("intent", REDUCTIONS)
def test_a_reduction_passes_whatever_is_wrong(intent: Intent) -> None:
    """Nothing known, all stale, halted, in doubt, cured, warned, no limit left."""
    shadow = rich()
    held = position(100)
    shadow = replace(
        later(shadow, 9999),
        positions={held.key: held},
        margin_marks={},
        futures_marks={},
        mark_times={},
        is_open=False,
        halted=frozenset({"BTC-USDT", "XBTUSDTM"}),
        statuses={(MARGIN_CROSS, ""): AccountStatus.LIQUIDATING},
    )
    admission = held_to(
        requested(shadow, [OPEN, BORROW]),
        limits=RiskLimits(
            max_leverage=Decimal(0),
            max_order_usdt=Decimal(0),
            max_gross_usdt=Decimal(0),
            max_daily_loss=Decimal(0),
            mark_stale_after=timedelta(0),
        ),
        guard=GuardState(subjects={"margin_cross": subject_state()}),
        day="1e9",
    )
    found = asked(admission, intent)
    assert isinstance(found, Approved)


@pytest.mark.parametrize(
    "intent",
    [
        replace(BUY, side=Side.SELL, qty=Decimal(1)),
        replace(BUY, is_reduction=True),
        replace(BUY, side=Side.SELL, qty=Decimal("2.1"), is_reduction=True),
        replace(BUY, symbol="SOL-USDT", side=Side.SELL, is_reduction=True),
        replace(OPEN, side=Side.SELL),
        replace(OPEN, reduce_only=True),
        replace(OPEN, symbol="XBTUSDM", side=Side.SELL, reduce_only=True),
        BORROW,
        Transfer(source=MARGIN_CROSS, target=FUTURES, coin="USDT", amount=Decimal(5)),
        Transfer(source=MAIN, target=SPOT, coin="USDT", amount=Decimal(5)),
        AdjustMargin(symbol="XBTUSDTM", amount=Decimal(-5)),
        AdjustMargin(symbol="SOLUSDTM", amount=Decimal(5)),
    ],
)
def test_a_claim_is_not_enough(intent: Intent) -> None:
    """It must be smaller than what is there, and point the other way."""
    shadow = replace(rich(), positions={position(100).key: position(100)})
    assert not is_reduction(shadow, intent)


def test_two_reductions_of_one_holding_are_not_two() -> None:
    """What is on sale already cannot be sold again as a reduction."""
    sale = replace(BUY, side=Side.SELL, qty=Decimal("1.5"), is_reduction=True)
    for state in (IntentState.SENT, IntentState.IN_DOUBT):
        shadow = requested(rich(), [sale], state)
        assert not is_reduction(shadow, sale)
        assert is_reduction(shadow, replace(sale, qty=Decimal("0.5")))


def test_isolated_margin_is_taken_from_the_cross_positions() -> None:
    """It is collateral in only where nothing else lives on the wallet."""
    more = AdjustMargin(symbol="XBTUSDTM", amount=Decimal(5))
    alone = position(100, mode=MarginMode.ISOLATED, margin="900")
    assert is_reduction(replace(rich(), positions={alone.key: alone}), more)
    eth = replace(rules().contracts["XBTUSDTM"], symbol="ETHUSDTM", base="ETH")
    cross = replace(position(10), symbol="ETHUSDTM")
    shadow = replace(
        rich(),
        positions={alone.key: alone, cross.key: cross},
        rules=Rules(contracts={**rules().contracts, "ETHUSDTM": eth}),
    )
    assert not is_reduction(shadow, more)
    marks = {**shadow.futures_marks, "ETHUSDTM": Decimal(50000)}
    shadow = replace(shadow, futures_marks=marks)
    assert isinstance(asked(held_to(shadow), more), Approved)
    all_of_it = replace(more, amount=Decimal(29_500))
    assert "futures:USDT would be" in why(held_to(shadow), all_of_it)


def test_a_short_is_reduced_by_buying() -> None:
    """Owing BTC, a purchase up to the net debt is a reduction."""
    shadow = marked(
        shadow_of(
            opening(
                {"margin_cross": {"USDT": "90000", "BTC": "0.2"}},
                debts={"margin_cross": {"BTC": "1"}},
            )
        ),
        {"BTC": "50000"},
    )
    buy = replace(BUY, qty=Decimal("0.8"), is_reduction=True)
    assert is_reduction(shadow, buy)
    assert not is_reduction(shadow, replace(buy, qty=Decimal("0.81")))


def test_the_long_of_the_bench_may_be_sold_to_nothing() -> None:
    """All of a net holding is a reduction, a hair more is not."""
    sale = replace(BUY, side=Side.SELL, qty=Decimal(1), is_reduction=True)
    assert passes(cross_long(), sale)
    assert not is_reduction(cross_long(), replace(sale, qty=Decimal("1.00001")))
