"""Worked examples of the kernel and of terms: marks, tiers, gaps and stress."""

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    Balance,
    MarginMode,
    Position,
    PositionKey,
)
from bot.domain.instruments import Lots, RiskTier, Rules
from bot.risk.examples import XBTUSDTM
from bot.risk.kernel import Kernel
from bot.risk.measure import measure_subjects
from bot.risk.terms_of import terms_of
from bot.shadow.state import Shadow, empty_shadow

LATER = "XBTMU26"
CONTRACTS = {"XBTUSDTM": XBTUSDTM, LATER: replace(XBTUSDTM, symbol=LATER)}


def position(symbol: str, lots: int, margin: str = "0") -> Position:
    """A position entered at 100 000, isolated if it has a margin."""
    return Position(
        symbol=symbol,
        lots=Lots(lots),
        entry_value=Decimal(lots) * 100,
        mode=MarginMode.CROSS if margin == "0" else MarginMode.ISOLATED,
        margin=Decimal(margin),
    )


def shadow_of(
    *positions: Position,
    margin: Mapping[str, Balance] | None = None,
    rules: Rules | None = None,
    marks: Mapping[str, str] | None = None,
) -> Shadow:
    """An account at 100 000 with 20 000 USDT in the futures wallet."""
    known = rules or Rules(contracts=CONTRACTS)
    given = dict.fromkeys(CONTRACTS, "100000") if marks is None else marks
    return replace(
        empty_shadow(known),
        balances={
            MARGIN_CROSS: margin or {},
            FUTURES: {"USDT": Balance(total=Decimal(20_000))},
        },
        positions={PositionKey(p.symbol, p.side): p for p in positions},
        margin_marks={"BTC": Decimal(100_000)},
        futures_marks={name: Decimal(mark) for name, mark in given.items()},
    )


LONG = {"BTC": Balance(total=Decimal(1)), "USDT": Balance(principal=Decimal(80_000))}


def test_a_long_in_cross_margin() -> None:
    """1 BTC at 100 000 against 80 000: ratio 0.8, liquidated 17.5 % lower."""
    (numbers,) = Kernel(shadow_of(margin=LONG)).numbers()
    assert (numbers.requirement, numbers.margin, numbers.ratio) == (8e4, 1e5, 0.8)
    assert numbers.down == pytest.approx(80 / 97 - 1, abs=1e-15)
    assert numbers.up is None
    assert numbers.distance_error < 1e-11


def test_a_rise_of_a_hundredth_takes_a_hundredth_of_the_ratio() -> None:
    """Debt in USDT against BTC: d ratio / d ln(price) is minus the ratio."""
    slopes = Kernel(shadow_of(margin=LONG)).sensitivities()["margin_cross"]
    assert slopes == pytest.approx({"BTC": -0.8})


def test_each_contract_of_a_coin_has_its_own_mark() -> None:
    """Long one and short the other: a mark moves its own leg, a factor moves both."""
    kernel = Kernel(shadow_of(position("XBTUSDTM", 1000), position(LATER, -1000)))
    before = kernel.numbers()[0]
    kernel.set_futures_mark(LATER, Decimal(101_000))
    after = kernel.numbers()[0]
    assert before.margin == 20_000
    assert after.margin == 19_000
    assert kernel.coins == ("BTC",)
    down, same = kernel.stress(np.array([[0.5], [1.0]]))[:, 0]
    assert same == pytest.approx(after.ratio, rel=1e-14)
    need = (50_000 + 50_500) * 0.0006 + 50_000 * _rate() + 50_500 * _rate()
    assert down == pytest.approx(need / (20_000 - 50_000 + 49_500), rel=1e-13)


def _rate() -> float:
    """The maintenance rate of one BTC: (1 + 1 / m) / (2 x constant)."""
    return (1 + 1 / 300) / 250


def test_a_mark_of_a_margin_coin_leaves_futures_alone() -> None:
    """The same coin has two marks, and each account hears its own."""
    kernel = Kernel(shadow_of(position("XBTUSDTM", 1000), margin=LONG))
    cross, futures = kernel.numbers()
    kernel.set_margin_mark("BTC", Decimal(90_000))
    assert kernel.numbers()[0].ratio == pytest.approx(8 / 9, rel=1e-15)
    assert kernel.numbers()[1] is futures
    assert kernel.numbers()[0] is not cross


TIERS = tuple(
    RiskTier(
        max_notional=Decimal(limit),
        max_leverage=Decimal(20),
        initial_margin_rate=Decimal(rate) * 2,
        maintenance_margin_rate=Decimal(rate),
    )
    for limit, rate in ((1_000_000, "0.02"), (110_000, "0.01"))
)


@pytest.mark.parametrize(
    ("factor", "rate"),
    [(1.0, 0.0106), (1.1, 0.0106), (1.1000001, 0.0206), (50.0, 0.0206), (0.5, 0.0106)],
    ids=["now", "at the limit", "above it", "above the last", "under the entry"],
)
def test_stress_moves_an_isolated_position_to_its_tier(
    factor: float, rate: float
) -> None:
    """Up to 110 000 USDT the rate is 1 %, above 2 %, the fee of 0.06 % on top."""
    rules = Rules(contracts={"XBTUSDTM": replace(XBTUSDTM, tiers=TIERS)})
    kernel = Kernel(shadow_of(position("XBTUSDTM", 1000, "60000"), rules=rules))
    value = 100_000 * factor
    expected = value * rate / (60_000 + value - 100_000)
    assert kernel.stress(np.array([[factor]]))[0, 0] == pytest.approx(expected)


def test_a_mark_moves_an_isolated_position_to_its_tier_exactly() -> None:
    """At its limit of 110 000 the lower tier holds, one cent a coin above the next."""
    rules = Rules(contracts={"XBTUSDTM": replace(XBTUSDTM, tiers=TIERS)})
    kernel = Kernel(shadow_of(position("XBTUSDTM", 1000, "60000"), rules=rules))
    needs = []
    for mark in ("110000", "110000.01"):
        kernel.set_futures_mark("XBTUSDTM", Decimal(mark))
        needs.append(kernel.numbers()[0].requirement)
    assert needs == [pytest.approx(1166.0), pytest.approx(2266.000206)]


def test_a_missing_mark_makes_a_subject_unknown_and_no_other() -> None:
    """What is missing is None and NaN, and named where the terms are asked for."""
    shadow = shadow_of(position("XBTUSDTM", 1000), margin=LONG, marks={LATER: "1"})
    kernel = Kernel(shadow)
    cross, futures = kernel.numbers()
    assert (futures.ratio, futures.requirement, futures.down) == (None, None, None)
    assert math.isinf(futures.distance_error)
    assert cross.ratio == 0.8
    assert np.isnan(kernel.stress(np.ones((3, 1)))).tolist() == [[False, True]] * 3
    assert kernel.sensitivities()["futures:USDT"] is None
    found = terms_of(shadow)
    assert [terms.subject for terms in found.known] == ["margin_cross"]
    assert found.unknown == {"futures:USDT": ("no mark of XBTUSDTM",)}
    kernel.set_futures_mark("XBTUSDTM", Decimal(100_000))
    assert kernel.numbers()[1].ratio is not None


def test_linear_and_inverse_contracts_in_one_currency_have_a_ratio_and_no_terms() -> (
    None
):
    """Nobody can say their distance, as in the exact engine; stress follows both."""
    inverse = replace(
        XBTUSDTM, symbol=LATER, is_inverse=True, multiplier=Decimal(10**9)
    )
    rules = Rules(contracts={"XBTUSDTM": XBTUSDTM, LATER: inverse})
    short = Position(symbol=LATER, lots=Lots(1), entry_value=Decimal(10_000))
    shadow = shadow_of(position("XBTUSDTM", 1000), short, rules=rules)
    (exact,) = measure_subjects(shadow)
    kernel = Kernel(shadow)
    (numbers,) = kernel.numbers()
    assert exact.ratio is not None
    assert numbers.ratio == pytest.approx(float(exact.ratio), rel=1e-14)
    assert (exact.down, exact.up, numbers.down, numbers.up) == (None,) * 4
    assert terms_of(shadow).known == ()
    assert "mixed" in terms_of(shadow).unknown["futures:USDT"][0]
    doubled = dict.fromkeys(CONTRACTS, Decimal(200_000))
    (there,) = measure_subjects(replace(shadow, futures_marks=doubled))
    assert there.ratio is not None
    (ratio,) = kernel.stress(np.array([[2.0]]))[0]
    assert ratio == pytest.approx(float(there.ratio), rel=1e-14)


def test_a_mark_that_is_gone_is_missing() -> None:
    """A kernel that follows a shadow forgets a mark with it."""
    shadow = shadow_of(position("XBTUSDTM", 1000), margin=LONG)
    kernel = Kernel(shadow)
    kernel.follow(replace(shadow, margin_marks={}, futures_marks={}))
    assert [each.ratio for each in kernel.numbers()] == [None, None]


def test_a_margin_that_is_used_up_is_infinite() -> None:
    """A fall by a quarter costs more than the wallet: infinity, not below zero."""
    kernel = Kernel(shadow_of(position("XBTUSDTM", 1000)))
    assert kernel.stress(np.array([[0.75]])).tolist() == [[math.inf]]
    kernel.set_futures_mark("XBTUSDTM", Decimal(75_000))
    (numbers,) = kernel.numbers()
    assert (numbers.ratio, numbers.down, numbers.up) == (math.inf, 0.0, 0.0)
    assert kernel.sensitivities() == {"futures:USDT": None}


@pytest.mark.parametrize(
    "factors",
    [np.ones(1), np.ones((2, 2)), np.array([[0.0]]), np.array([[math.nan]])],
    ids=["no table", "too wide", "a price of zero", "no number"],
)
def test_stress_refuses_factors_that_are_none(factors: np.ndarray) -> None:
    """A factor is positive and finite, and there is one for each coin."""
    with pytest.raises(ValueError, match="factors"):
        Kernel(shadow_of(margin=LONG)).stress(factors)


def test_an_account_with_nothing_to_lose_has_no_numbers() -> None:
    """No subject: no numbers, no coins, and stress of the right shape."""
    kernel = Kernel(shadow_of())
    assert (kernel.numbers(), kernel.coins, kernel.subjects) == ((), (), ())
    assert kernel.stress(np.ones((4, 0))).shape == (4, 0)
