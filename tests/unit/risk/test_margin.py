"""Worked examples of margin numbers: the corners that laws seldom draw."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.accounts import Balance
from bot.domain.instruments import CollateralTier, MarginCoinRules
from bot.risk.collateral import (
    Collateral,
    borrow_room,
    collateral_of,
    max_borrow,
    tiered_value,
    transfer_room,
    transferable_out,
)
from bot.risk.margin import (
    IsolatedPairState,
    debt_ratio,
    isolated_liquidation_price,
    margin_numbers,
)
from bot.risk.missing import Missing, MissingKind

D = Decimal


@pytest.mark.parametrize(
    ("debt", "asset", "expected"),
    [
        ("30600", "60000", "0.51"),
        ("0", "60000", "0"),
        ("0", "0", "0"),
        ("1", "0", "Infinity"),
        ("1", "-1", "Infinity"),
        ("0", "-0.5", "Infinity"),
    ],
    ids=["half", "no debt", "empty", "no assets", "bankrupt", "below zero, unbooked"],
)
def test_debt_ratio_worked_examples(debt: str, asset: str, expected: str) -> None:
    """Debt over weighted assets, infinite against nothing."""
    assert debt_ratio(D(debt), D(asset)) == D(expected)


def test_holds_interest_and_coefficients_count() -> None:
    """Assets are total with holds, debt has its interest, weights weigh assets only."""
    numbers = margin_numbers(
        {
            "BTC": Balance(total=D(2), hold=D(2)),
            "USDT": Balance(principal=D(30000), interest=D(600)),
        },
        {"BTC": D(60000), "USDT": D(1)},
        {"BTC": D("0.5"), "USDT": D("0.1")},
    )
    assert numbers.total_asset == 120000
    assert numbers.weighted_asset == 60000
    assert numbers.total_debt == 30600
    assert numbers.debt_ratio == D("0.51")


def test_a_missing_coefficient_is_one_and_named_for_held_coins_only() -> None:
    """What was assumed is said; a coin that is only owed needs no coefficient."""
    numbers = margin_numbers(
        {"BTC": Balance(total=D(1)), "USDT": Balance(principal=D(50))},
        {"BTC": D(100), "USDT": D(1)},
        {},
    )
    assert numbers.debt_ratio == D("0.5")
    assert numbers.missing == (Missing(MissingKind.COEFFICIENT, "BTC"),)


def test_an_asset_without_a_price_hides_the_ratio_but_not_the_debt() -> None:
    """What can be known is still told."""
    numbers = margin_numbers(
        {"SOL": Balance(total=D(1)), "USDT": Balance(principal=D(50))},
        {"USDT": D(1)},
        {},
    )
    assert numbers.total_debt == 50
    assert numbers.total_asset is None
    assert numbers.weighted_asset is None
    assert numbers.debt_ratio is None


@pytest.mark.parametrize("dead", ["0", "-1"])
def test_a_price_of_nothing_is_no_price(dead: str) -> None:
    """A dead feed must not make a debt vanish."""
    numbers = margin_numbers(
        {"SOL": Balance(principal=D(1)), "USDT": Balance(total=D(50))},
        {"SOL": D(dead), "USDT": D(1)},
        {"USDT": D(1)},
    )
    assert numbers.debt_ratio is None
    assert numbers.missing == (Missing(MissingKind.PRICE, "SOL"),)


@pytest.mark.parametrize(
    ("base", "quote", "fl", "expected"),
    [
        (Balance(total=D(1)), Balance(principal=D(80)), "0.97", "82.474227"),
        (Balance(principal=D(1)), Balance(total=D(200)), "0.97", "194"),
        (Balance(total=D(1)), Balance(principal=D(80)), "0.90", "88.888889"),
        (Balance(total=D(1)), Balance(total=D(80)), "0.97", None),
        (Balance(total=D(1)), Balance(total=D(100), principal=D(50)), "0.97", None),
        (Balance(), Balance(principal=D(1)), "0.97", None),
        (Balance(principal=D(1)), Balance(), "0.97", None),
        (Balance(total=D(1), principal=D("0.97")), Balance(), "0.97", None),
        (Balance(), Balance(), "0.97", None),
    ],
    ids=[
        "long",
        "short",
        "own limit",
        "no debt",
        "quote covers the debt",
        "nothing against debt",
        "short against nothing",
        "no slope",
        "empty",
    ],
)
def test_isolated_price_worked_examples(
    base: Balance, quote: Balance, fl: str, expected: str | None
) -> None:
    """The border price, or None where no price is the border."""
    price = isolated_liquidation_price(IsolatedPairState(base=base, quote=quote), D(fl))
    if expected is None:
        assert price is None
    else:
        assert price is not None
        assert round(price, 6) == D(expected)


def test_coefficients_raise_the_price_of_a_long() -> None:
    """A weight below one brings liquidation nearer."""
    pair = IsolatedPairState(
        base=Balance(total=D(1)),
        quote=Balance(principal=D(80)),
        base_coefficient=D("0.9"),
    )
    price = isolated_liquidation_price(pair, D("0.97"))
    assert price is not None
    assert round(price, 4) == D("91.6380")


TIERS = tuple(
    CollateralTier(lower=D(low), upper=D(high), ratio=D(ratio))
    for low, high, ratio in [(0, 100, "1"), (100, 200, "0.5"), (200, 300, "0")]
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("50", "50"), ("100", "100"), ("150", "125"), ("300", "150"), ("900", "150")],
)
def test_tiers_count_slice_by_slice(value: str, expected: str) -> None:
    """Each slice counts with its own ratio and nothing counts above the last."""
    assert tiered_value(D(value), TIERS) == D(expected)
    assert tiered_value(D(value), reversed(TIERS)) == D(expected)


@pytest.mark.parametrize(
    ("debt", "expected"),
    [
        ("0", "3"),  # no debt: all that is available
        ("60", "2"),  # 100 of collateral must stay: the two top slices leave
        ("75", "1.5"),  # 125 must stay: the free slice and half the middle one
        ("90", "1"),  # 150 must stay: only the slice that counts nothing
        ("90.6", "0"),  # over 60 % already
    ],
)
def test_the_worthless_slices_leave_first(debt: str, expected: str) -> None:
    """Three coins of 100 USDT in tiers of 1, one half and nothing."""
    held = Balance(total=D(3))
    account = collateral_of(
        {"ABC": held, "USDT": Balance(principal=D(debt))},
        {"ABC": D(100), "USDT": D(1)},
        {"ABC": TIERS, "USDT": ()},
    )
    assert transferable_out(account, held, D(100), TIERS) == D(expected)


def test_coins_on_hold_do_not_leave() -> None:
    """Never more than is available."""
    account = Collateral(value=D(300), debt=D(0))
    held = Balance(total=D(3), hold=D(1))
    assert transferable_out(account, held, D(100)) == 2


def test_unknown_collateral_gives_no_number() -> None:
    """A held coin outside the given tiers hides borrowing and transfers."""
    account = collateral_of(
        {"ABC": Balance(total=D(1)), "USDT": Balance(total=D(1))},
        {"ABC": D(1), "USDT": D(1)},
        {"USDT": TIERS},
    )
    assert account.missing == (Missing(MissingKind.TIERS, "ABC"),)
    assert borrow_room(account, D(5)) is None
    assert transfer_room(account) is None
    assert transferable_out(account, Balance(total=D(1)), D(1)) is None


def coin_rules(**changes: Any) -> MarginCoinRules:
    """Limits of one coin."""
    given: dict[str, Any] = {
        "coin": "ABC",
        "coefficient": D(1),
        "borrow_min": D(10),
        "borrow_unit": D(5),
        "borrow_max": D(100),
    } | changes
    return MarginCoinRules(**given)


@pytest.mark.parametrize(
    ("room", "owed", "changes", "expected"),
    [
        ("47", "0", {}, "45"),
        ("9.99", "0", {}, "0"),
        ("500", "0", {}, "100"),
        ("500", "60", {}, "40"),
        ("500", "95", {}, "0"),
        ("500", "120", {}, "0"),
        ("500", "0", {"borrow_enabled": False}, "0"),
        ("12", "0", {"borrow_unit": D(7)}, "0"),
        ("500", "0", {"borrow_max": None}, None),
        ("500", "0", {"borrow_unit": None}, None),
        ("500", "0", {"borrow_min": None}, None),
    ],
    ids=[
        "floored",
        "under the minimum",
        "capped",
        "cap less owed",
        "left under minimum",
        "over the cap",
        "off",
        "floored under the minimum",
        "no cap known",
        "no unit known",
        "no minimum known",
    ],
)
def test_max_borrow_worked_examples(
    room: str, owed: str, changes: dict[str, Any], expected: str | None
) -> None:
    """Room, cap, unit and minimum, in that order; unknown limits give no number."""
    found = max_borrow(D(room), D(1), D(owed), coin_rules(**changes))
    assert found == (None if expected is None else D(expected))
