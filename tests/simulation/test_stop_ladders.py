"""A big account whose bot is dead: ladders save what one stop cannot."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    AccountSnapshot,
    Balance,
    PositionKey,
)
from bot.domain.orders import StopState
from bot.guard.limits import GuardLimits
from tests.simulation.dying import Life, live_and_die, with_stops
from tests.simulation.test_resting_stops import perp
from tests.unit.venue.builders import THIN, opening

CALM = ["50000"] * 40
CRASH = [str(50000 - 75 * step) for step in range(1, 300)]
RALLY = [str(50000 + 75 * step) for step in range(1, 300)]
EVERY_S = 10.0
"""0.9 % a minute; the book gives one coin a minute."""

LONG = opening({"futures": {"USDT": "75000"}}, positions=[perp(5000)])
SHORT = opening({"futures": {"USDT": "75000"}}, positions=[perp(-5000)])
MARGIN = opening(
    {"margin_cross": {"BTC": "5"}}, debts={"margin_cross": {"USDT": "165000"}}
)
PAIR = opening(
    {"margin_cross": {"BTC": "4"}, "futures": {"USDT": "72000"}},
    debts={"margin_cross": {"USDT": "132000"}},
    positions=[perp(-4000)],
)


def lived(
    account: AccountSnapshot, path: list[str], limits: GuardLimits | None = None
) -> Life:
    """The account whose bot dies before the market moves, on a thin book."""
    return live_and_die(
        account,
        [*CALM, *path],
        dies_after=40,
        every_s=EVERY_S,
        liquidity=THIN,
        limits=limits,
    )


def one_stop() -> GuardLimits:
    """Stops sized as if a minute of the book took everything: one for each leg."""
    return replace(with_stops(), chunk_share=Decimal(1000))


CASES = [(LONG, CRASH), (SHORT, RALLY), (MARGIN, CRASH), (PAIR, CRASH), (PAIR, RALLY)]
NAMES = ["long", "short", "margin", "pair down", "pair up"]


@pytest.mark.parametrize(("account", "path"), CASES, ids=NAMES)
def test_a_big_account_survives_the_crash_that_one_stop_does_not(
    account: AccountSnapshot, path: list[str]
) -> None:
    """One market stop takes what the book holds and ends; a ladder comes back."""
    assert lived(account, path, one_stop()).liquidations > 0
    assert lived(account, path).liquidations == 0


@pytest.mark.parametrize(("account", "path"), CASES, ids=NAMES)
def test_nothing_is_ever_oversold(account: AccountSnapshot, path: list[str]) -> None:
    """No position turns round, no debt grows, no coin is sold that is not there."""
    life = lived(account, path)
    snapshot = life.venue.snapshot()
    before = account.positions.get(PositionKey("XBTUSDTM"))
    after = snapshot.positions.get(PositionKey("XBTUSDTM"))
    if before is not None and after is not None:
        assert after.lots * before.lots > 0
        assert abs(after.lots) <= abs(before.lots)
    for account_id, held in snapshot.balances.items():
        for coin, balance in held.items():
            assert balance.total >= 0
            opened = account.balances.get(account_id, {}).get(coin, Balance())
            assert balance.principal <= opened.principal
    sold = sum(f.qty for f in life.fills if f.account == MARGIN_CROSS)
    owned = account.balances.get(MARGIN_CROSS, {}).get("BTC", Balance())
    assert sold <= owned.total


def test_a_ladder_has_at_most_five_rungs_within_the_depth() -> None:
    """Each asks for no more than a minute gives; together they are the whole cut."""
    life = lived(LONG, CRASH)
    down = [s for s in life.stops if s.state is StopState.RESTING and not s.is_up]
    assert 1 < len({s.stop_price for s in down}) <= 5
    assert all(s.qty <= 1000 for s in down)
    assert {s.account for s in down} == {FUTURES}
    assert {s.reduce_only for s in down} == {True}


def test_the_rest_of_a_stop_is_asked_for_again_at_the_next_start() -> None:
    """A gap empties the book at once: the next start cuts on and rests new stops."""
    gap = [*CALM, *(["39000"] * 60)]
    life = live_and_die(
        LONG,
        gap,
        dies_after=40,
        revives_after=42,
        every_s=EVERY_S,
        liquidity=THIN,
    )
    went_off = [s for s in life.stops if s.state is StopState.TRIGGERED]
    assert sum(s.qty for s in went_off) > 1000
    assert life.liquidations == 0
    held = life.venue.snapshot().positions[PositionKey("XBTUSDTM")]
    assert held.lots < 3000
    resting = life.state.shadow.stops.values()
    assert any(s.state is StopState.RESTING for s in resting)
