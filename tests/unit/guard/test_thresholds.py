"""Worked examples of thresholds: which distances an account is held to."""

from decimal import Decimal

import pytest

from bot.guard.limits import GuardLimits, Opening, thresholds_for

LIMITS = GuardLimits()


def opening(
    exposure: dict[str, str],
    distance: str | None = "0.5",
    ratio: str | None = "0.5",
    *,
    liquidation: str = "0.97",
    is_futures: bool = False,
) -> Opening:
    """An account as the guard first sees it."""
    return Opening(
        exposure_usdt={coin: Decimal(value) for coin, value in exposure.items()},
        distance=None if distance is None else Decimal(distance),
        ratio=None if ratio is None else Decimal(ratio),
        liquidation=Decimal(liquidation),
        is_futures=is_futures,
    )


@pytest.mark.parametrize(
    ("exposure", "act", "target"),
    [
        ({"BTC": "30000", "ETH": "-5000"}, "0.15", "0.25"),
        ({"SOL": "30000"}, "0.20", "0.33"),
        ({"BTC": "667", "SOL": "-333"}, "0.20", "0.33"),
        ({"BTC": "668", "SOL": "-332"}, "0.15", "0.25"),
        ({}, "0.15", "0.25"),
    ],
)
def test_other_coins_are_held_further_away(
    exposure: dict[str, str], act: str, target: str
) -> None:
    """BTC and ETH act under 15 %, an account with a third of others under 20 %."""
    found = thresholds_for(LIMITS, opening(exposure))
    assert (found.act, found.target) == (Decimal(act), Decimal(target))
    assert not found.is_adapted


def test_an_account_that_opens_nearer_acts_at_half_its_opening_distance() -> None:
    """A 5x alt account opens at 17.5 %: it acts at 8.75 % and aims at 17.5 %."""
    found = thresholds_for(LIMITS, opening({"SOL": "1"}, distance="0.175"))
    assert (found.act, found.target) == (Decimal("0.0875"), Decimal("0.175"))
    assert found.is_adapted


def test_an_account_that_no_move_liquidates_keeps_the_defaults() -> None:
    """Without a distance there is nothing to adapt to."""
    found = thresholds_for(LIMITS, opening({"BTC": "1"}, distance=None))
    assert found.act == Decimal("0.15")


@pytest.mark.parametrize(
    ("ratio", "liquidation", "is_futures", "backstop"),
    [
        ("0.5", "0.97", False, "0.85"),
        ("0.89", "0.97", False, "0.93"),
        (None, "0.97", False, "0.85"),
        ("0.1", "1", True, "0.33"),
        ("0.5", "1", True, "0.75"),
        ("0.99", "0.97", False, "0.85"),
        ("0.5", "0.8", False, "0.7"),
        ("0.76", "0.8", False, "0.78"),
    ],
)
def test_the_backstop_lies_before_liquidation(
    ratio: str | None, liquidation: str, is_futures: bool, backstop: str
) -> None:
    """Defaults 0.85 and 0.33; halfway to liquidation for one that opens beyond it.

    A pair with a limit under 0.85 has its backstop at seven eighths of that limit.
    """
    found = thresholds_for(
        LIMITS,
        opening(
            {"BTC": "1"}, ratio=ratio, liquidation=liquidation, is_futures=is_futures
        ),
    )
    assert found.backstop == Decimal(backstop)
