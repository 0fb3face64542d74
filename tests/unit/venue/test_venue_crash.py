"""An account falls 40 %: warned, frozen, taken over, and the books still add up."""

from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    Position,
    PositionKey,
    isolated_account,
)
from bot.domain.events import AccountStatus, AccountStatusChanged, Cause, LedgerBooked
from bot.domain.instruments import Lots
from tests.property.venue.scripts import Books
from tests.unit.venue.builders import DEEP, instant, later, opening, venue

PAIR = isolated_account("BTC-USDT")


def test_a_fall_of_forty_percent_takes_every_long_over() -> None:
    """The long accounts go at their own ratios, the short keeps its profit."""
    short = Position(symbol="XBTUSDTM", lots=Lots(-100), entry_value=Decimal(-5000))
    account = opening(
        {
            "margin_cross": {"BTC": "1"},
            PAIR: {"BTC": "0.5"},
            "futures": {"USDT": "2000"},
        },
        debts={"margin_cross": {"USDT": "32000"}, PAIR: {"USDT": "20000"}},
        positions=[short],
    )
    sim, books = venue(account), Books()
    books.take(sim.opening_events)
    books.positions = dict(account.positions)
    said: list[tuple[str, AccountStatus]] = []
    causes: list[Cause] = []
    for minute in range(1, 121):
        price = 50000 - Decimal(20000) * minute / 120
        events = sim.tick(
            instant(later(60 * minute), btc=f"{price:.1f}", liquidity=DEEP)
        )
        books.take(events)
        books.compare(sim)
        said += [
            (e.account, e.status) for e in events if isinstance(e, AccountStatusChanged)
        ]
        causes += [e.cause for e in events if isinstance(e, LedgerBooked)]

    taken = [
        AccountStatus.WARNED,
        AccountStatus.LIQUIDATING,
        AccountStatus.LIQUIDATED,
        AccountStatus.NORMAL,
    ]
    assert [status for name, status in said if name == PAIR] == taken
    assert [status for name, status in said if name == MARGIN_CROSS] == taken
    assert said.index((PAIR, taken[1])) < said.index((MARGIN_CROSS, taken[1]))
    assert not [name for name, _ in said if name == FUTURES]
    assert causes.count(Cause.LIQUIDATION) == 2
    assert causes.count(Cause.LIQUIDATION_FEE) == 2
    after = sim.snapshot()
    assert after.positions[PositionKey("XBTUSDTM")].lots == -100
    assert sim.debt_ratios() == {}
    left = [after.balances[name]["USDT"].total for name in (PAIR, MARGIN_CROSS)]
    assert all(0 < rest < 1000 for rest in left)
    assert sim.equity_usdt() == sum(left) + 2000 + 2000
