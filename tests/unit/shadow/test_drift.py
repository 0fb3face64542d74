"""Worked examples of drift: every number that differs, said in a sentence."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.accounts import FUTURES, Balance, PositionKey
from bot.domain.instruments import Lots
from bot.shadow.drift import compare
from tests.unit.guard.bench import position, shadow_of
from tests.unit.venue.builders import opening

ACCOUNT = opening({"futures": {"USDT": "5000"}}, positions=[position(-100)])


def test_equal_accounts_do_not_drift() -> None:
    """Nothing is found where nothing differs, and an empty coin is no difference."""
    shadow = shadow_of(ACCOUNT)
    assert compare(shadow, ACCOUNT) == ()
    with_zero = replace(
        ACCOUNT,
        balances={FUTURES: {"USDT": Balance(total=Decimal(5000)), "BTC": Balance()}},
    )
    assert compare(shadow, with_zero) == ()


def test_each_number_that_differs_is_named() -> None:
    """A balance, a hold, a position's lots and its entry value."""
    other = replace(
        ACCOUNT,
        balances={FUTURES: {"USDT": Balance(total=Decimal(4999), hold=Decimal(1))}},
        positions={
            PositionKey("XBTUSDTM"): replace(
                position(-100), lots=Lots(-99), entry_value=Decimal(-4950)
            )
        },
    )
    found = [str(drift) for drift in compare(shadow_of(ACCOUNT), other)]
    assert found == [
        "futures USDT total: the shadow has 5000, the exchange states 4999",
        "futures USDT hold: the shadow has 0, the exchange states 1",
        "XBTUSDTM lots: the shadow has -100, the exchange states -99",
        "XBTUSDTM entry_value: the shadow has -5000, the exchange states -4950",
    ]


def test_a_position_that_only_one_side_knows_is_found() -> None:
    """A position that was opened elsewhere, and one that is gone."""
    shadow = shadow_of(ACCOUNT)
    gone = replace(ACCOUNT, positions={})
    assert [d.where for d in compare(shadow, gone)] == [
        "XBTUSDTM lots",
        "XBTUSDTM entry_value",
    ]
    empty = shadow_of(gone)
    assert [d.exchange for d in compare(empty, ACCOUNT)] == [-100, -5000]
