"""When the bot is dead: what rests at the exchange saves what it can."""

from decimal import Decimal

from bot.domain.accounts import FUTURES, MARGIN_CROSS, Position, PositionKey
from bot.domain.instruments import Lots
from bot.domain.orders import Side
from tests.simulation.dying import live_and_die, without_stops
from tests.unit.venue.builders import opening

CALM = ["50000"] * 40
CRASH = [str(50000 - 100 * step) for step in range(1, 200)]
RALLY = [str(50000 + 100 * step) for step in range(1, 250)]


def perp(lots: int, leverage: str = "3") -> Position:
    """A cross position in the perpetual, entered at 50000; a lot is 0.001 BTC."""
    return Position(
        symbol="XBTUSDTM",
        lots=Lots(lots),
        entry_value=Decimal(lots) * Decimal("0.001") * 50000,
        leverage=Decimal(leverage),
    )


LONG = opening({"futures": {"USDT": "15000"}}, positions=[perp(1000)])
SHORT = opening({"futures": {"USDT": "15000"}}, positions=[perp(-1000)])
MARGIN = opening(
    {"margin_cross": {"BTC": "1"}}, debts={"margin_cross": {"USDT": "33000"}}
)
PAIR = opening(
    {"margin_cross": {"BTC": "1"}, "futures": {"USDT": "18000"}},
    debts={"margin_cross": {"USDT": "33000"}},
    positions=[perp(-1000)],
)


def test_a_futures_long_survives_the_death_of_the_bot() -> None:
    """A long that is liquidated without stops keeps its account with them."""
    prices = [*CALM, *CRASH]
    bare = live_and_die(LONG, prices, dies_after=40, limits=without_stops())
    assert bare.liquidations > 0
    life = live_and_die(LONG, prices, dies_after=40)
    assert life.liquidations == 0
    assert life.venue.equity_usdt() > bare.venue.equity_usdt()


def test_a_futures_short_survives_the_death_of_the_bot() -> None:
    """The same for a short in a rally."""
    prices = [*CALM, *RALLY]
    bare = live_and_die(SHORT, prices, dies_after=40, limits=without_stops())
    assert bare.liquidations > 0
    assert live_and_die(SHORT, prices, dies_after=40).liquidations == 0


def test_a_margin_long_survives_the_death_of_the_bot() -> None:
    """A margin long sells what it holds at its last price before the takeover."""
    prices = [*CALM, *CRASH]
    bare = live_and_die(MARGIN, prices, dies_after=40, limits=without_stops())
    assert bare.liquidations > 0
    life = live_and_die(MARGIN, prices, dies_after=40)
    assert life.liquidations == 0


def test_both_legs_of_a_pair_leave_together() -> None:
    """At the same instant the spot leg is sold and the short is bought back."""
    for path in (CRASH, RALLY):
        life = live_and_die(PAIR, [*CALM, *path], dies_after=40)
        assert life.liquidations == 0
        left = {(f.at, f.account, f.side) for f in life.fills}
        assert {(a, s) for _, a, s in left} == {
            (MARGIN_CROSS, Side.SELL),
            (FUTURES, Side.BUY),
        }
        assert len({at for at, _, _ in left}) == 1
        snapshot = life.venue.snapshot()
        coins = snapshot.balances[MARGIN_CROSS]["BTC"].total
        held = snapshot.positions.get(PositionKey("XBTUSDTM"))
        lots = 0 if held is None else held.lots
        assert abs(coins + lots * Decimal("0.001")) <= Decimal("0.002")


def test_a_living_bot_acts_before_its_stops() -> None:
    """In a fall that the guard lives through no stop goes off."""
    for account in (LONG, MARGIN, PAIR):
        life = live_and_die(account, [*CALM, *CRASH[:90]], dies_after=1000)
        assert life.liquidations == 0
        assert not [s for s in life.stops if s.order_id or s.reason]


def test_the_same_market_gives_the_same_rows() -> None:
    """A run with stops is derived again to the last byte."""
    one, other = (live_and_die(PAIR, [*CALM, *CRASH], dies_after=100) for _ in range(2))
    assert one.journal == other.journal
    assert any('"what":"PlaceStop"' in row for row in one.journal)
