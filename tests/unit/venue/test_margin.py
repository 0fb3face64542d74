"""The venue's own margin numbers against the printed examples of the research."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS, AccountId, isolated_account
from bot.domain.events import Bucket, Cause, Posting
from bot.domain.instruments import CollateralTier, Rules
from bot.domain.market import MarketInstant
from connectors.venue.ledger import Ledger
from connectors.venue.margin import MarginNumbers, tiered_value, truncate_ratio
from connectors.venue.tape import Tape
from tests.unit.venue.builders import START, coin_rules, rules

PAIR = isolated_account("BTC-USDT")


def _numbers(
    owned: Mapping[str, str],
    owed: Mapping[str, str],
    marks: Mapping[str, str],
    *,
    account: AccountId = MARGIN_CROSS,
    with_rules: Rules | None = None,
    leverage: str = "5",
) -> MarginNumbers:
    ledger, tape = Ledger(), Tape()
    tape.take(
        MarketInstant(
            at=START,
            last_prices={},
            margin_marks={c: Decimal(m) for c, m in marks.items()},
            futures_marks={},
        )
    )
    for bucket, amounts in ((Bucket.BALANCE, owned), (Bucket.PRINCIPAL, owed)):
        for coin, amount in amounts.items():
            posting = Posting(
                account=account, coin=coin, amount=Decimal(amount), bucket=bucket
            )
            ledger.book(START, Cause.OPENING, [posting])
    return MarginNumbers(
        ledger, with_rules or rules(), tape, {account: Decimal(leverage)}
    )


@pytest.mark.parametrize(
    ("owned", "owed", "marks", "ratio"),
    [
        ({"USDT": "4.97047372"}, {"USDT": "0.00038891"}, {}, "0.0000"),
        ({"BTC": "1"}, {"BTC": "0.976"}, {"BTC": "50000"}, "0.9760"),
        ({"ETH": "1"}, {"USDT": "100"}, {"ETH": "105"}, "0.9523"),
        ({"ETH": "1"}, {"USDT": "100"}, {"ETH": "200"}, "0.5000"),
        ({"ETH": "1"}, {}, {"ETH": "200"}, "0.0000"),
    ],
    ids=["DR-2", "DR-3", "DR-5 after", "DR-5 before", "no debt"],
)
def test_debt_ratio_matches_the_printed_examples(
    owned: Mapping[str, str],
    owed: Mapping[str, str],
    marks: Mapping[str, str],
    ratio: str,
) -> None:
    """Debt over assets, printed with four decimals cut off."""
    found = _numbers(owned, owed, marks).debt_ratio(MARGIN_CROSS)

    assert found is not None
    assert truncate_ratio(found) == Decimal(ratio)


def test_the_coefficient_weighs_the_ratio_and_the_tiers_do_not() -> None:
    """A coin at 0.8 counts for 0.8 in the ratio; tiers leave the ratio alone."""
    half = CollateralTier(lower=Decimal(0), upper=Decimal(50), ratio=Decimal(1))
    coin = replace(coin_rules("ETH", coefficient="0.8"), tiers=(half,))
    market = replace(rules(), margin_coins={"ETH": coin, "USDT": coin_rules("USDT")})
    numbers = _numbers({"ETH": "1"}, {"USDT": "40"}, {"ETH": "100"}, with_rules=market)

    assert numbers.debt_ratio(MARGIN_CROSS) == Decimal("0.5")
    assert numbers.collateral(MARGIN_CROSS) == 50


def test_a_missing_mark_is_unknown_never_zero() -> None:
    """An account with a coin of unknown worth has no ratio and no room."""
    numbers = _numbers({"ETH": "1"}, {"USDT": "40"}, {})

    assert numbers.debt_ratio(MARGIN_CROSS) is None
    assert numbers.max_borrow(MARGIN_CROSS, "USDT") is None
    refusal = numbers.check_transfer_out(MARGIN_CROSS, "ETH", Decimal("0.1"))
    assert refusal is not None


def test_debt_against_nothing_is_infinite() -> None:
    """Owing without owning is past every threshold."""
    numbers = _numbers({}, {"USDT": "1"}, {})

    assert numbers.debt_ratio(MARGIN_CROSS) == Decimal("Infinity")


@pytest.mark.parametrize(
    ("owned", "owed", "leverage", "unit", "room"),
    [
        ("40.8648372", "0", "5", "1", "163"),
        ("5", "0", "5", "1", "20"),
        ("4.97047372", "0.00038891", "10", "1", "44"),
    ],
    ids=["MB-1", "MB-2", "MB-4"],
)
def test_max_borrow_matches_the_printed_examples(
    owned: str, owed: str, leverage: str, unit: str, room: str
) -> None:
    """((L - 1)(A - D) - D) / price, floored to the unit."""
    coin = replace(coin_rules("USDT"), borrow_unit=Decimal(unit), borrow_min=Decimal(1))
    market = replace(rules(), margin_coins={"USDT": coin})
    numbers = _numbers(
        {"USDT": owned}, {"USDT": owed}, {}, with_rules=market, leverage=leverage
    )

    assert numbers.max_borrow(MARGIN_CROSS, "USDT") == Decimal(room)


def _tiers(*rows: tuple[int, int, str]) -> tuple[CollateralTier, ...]:
    return tuple(
        CollateralTier(lower=Decimal(a), upper=Decimal(b), ratio=Decimal(r))
        for a, b, r in rows
    )


@pytest.mark.parametrize(
    ("value", "tiers", "counted"),
    [
        (
            1_000_000,
            _tiers(
                (0, 10_000, "1"),
                (10_000, 50_000, "0.9"),
                (50_000, 100_000, "0.8"),
                (100_000, 500_000, "0.6"),
            ),
            326_000,
        ),
        (
            260_000,
            _tiers(
                (0, 50_000, "1"),
                (50_000, 100_000, "0.8"),
                (100_000, 200_000, "0.7"),
                (200_000, 500_000, "0.5"),
            ),
            190_000,
        ),
        (5_000, (), 5_000),
    ],
    ids=["MB-6", "MB-7", "no tiers"],
)
def test_tiers_count_each_slice_with_its_own_ratio(
    value: int, tiers: tuple[CollateralTier, ...], counted: int
) -> None:
    """Like tax brackets; what lies above the last tier counts for nothing."""
    assert tiered_value(Decimal(value), tiers) == counted


def test_personal_limits_cap_the_room() -> None:
    """The loan limit counts what is owed, the holding limit what is owned."""
    coin = replace(
        coin_rules("BTC"), borrow_max=Decimal("0.5"), hold_max=Decimal("0.9")
    )
    market = replace(rules(), margin_coins={"BTC": coin, "USDT": coin_rules("USDT")})
    marks = {"BTC": "100"}
    by_loan = _numbers({"USDT": "1000"}, {"BTC": "0.3"}, marks, with_rules=market)
    by_hold = _numbers({"USDT": "1000", "BTC": "0.8"}, {}, marks, with_rules=market)

    assert by_loan.max_borrow(MARGIN_CROSS, "BTC") == Decimal("0.2")
    assert by_hold.max_borrow(MARGIN_CROSS, "BTC") == Decimal("0.1")


def test_a_pair_has_its_own_coins_and_thresholds() -> None:
    """An isolated account knows two coins and is warned no later than taken over."""
    pair = rules().isolated_pairs["BTC-USDT"]
    market = replace(
        rules(),
        isolated_pairs={
            "BTC-USDT": replace(pair, liquidation_debt_ratio=Decimal("0.9"))
        },
    )
    numbers = _numbers({}, {}, {}, account=PAIR, with_rules=market)

    assert numbers.coin_rules(PAIR, "ETH") is None
    assert numbers.coin_rules(PAIR, "BTC") == pair.base_rules
    assert numbers.thresholds(PAIR) == (Decimal("0.9"), Decimal("0.9"))
    assert numbers.thresholds(MARGIN_CROSS) == (Decimal("0.95"), Decimal("0.97"))
    assert numbers.home(PAIR) == "USDT"


@pytest.mark.parametrize(
    ("amount", "is_allowed"), [("40", True), ("40.00000001", False)]
)
def test_a_transfer_may_leave_debt_up_to_sixty_percent(
    amount: str, is_allowed: bool
) -> None:
    """60 of debt on 140 of collateral: 40 may leave, not a digit more."""
    numbers = _numbers({"USDT": "140"}, {"USDT": "60"}, {})

    refusal = numbers.check_transfer_out(MARGIN_CROSS, "USDT", Decimal(amount))

    assert (refusal is None) is is_allowed
