"""Laws of ``bot.shadow.project``: what is forecast is what the exchange books."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    MarginMode,
    PositionSide,
    isolated_account,
)
from bot.domain.events import Event, MarksTicked, RulesRead, SnapshotTaken
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    Intent,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.market import Liquidity
from bot.domain.orders import Outcome, Side
from bot.shadow.apply import apply
from bot.shadow.drift import Drift, compare
from bot.shadow.project import project
from bot.shadow.state import Shadow, empty_shadow
from connectors.venue.venue import Venue
from tests.unit.venue.builders import (
    RATES,
    START,
    approved,
    instant,
    opening,
    rules,
    settled,
    venue,
)

PAIR = isolated_account("BTC-USDT")
NO_COST = Liquidity(
    half_spread=Decimal(0), sigma_1m=Decimal(0), volume_1m=Decimal(10**9)
)
ROUNDING = Decimal("0.0000001")
"""A few roundings of the exchange's books to 1e-8."""

sides = st.sampled_from(Side)
seldom = st.sampled_from((False, False, False, False, True))
spot_orders = st.builds(
    PlaceOrder,
    account=st.sampled_from((MARGIN_CROSS, PAIR)),
    symbol=st.just("BTC-USDT"),
    side=sides,
    qty=st.integers(1, 20_000).map(lambda n: Decimal(n).scaleb(-5)),
)
sums = st.integers(1, 3000).map(Decimal)
loans_and_transfers = st.one_of(
    st.builds(Borrow, account=st.just(MARGIN_CROSS), coin=st.just("USDT"), amount=sums),
    st.builds(Repay, account=st.just(MARGIN_CROSS), coin=st.just("USDT"), amount=sums),
    st.builds(
        Transfer,
        source=st.sampled_from((MAIN, FUTURES)),
        target=st.sampled_from((MARGIN_CROSS, PAIR)),
        coin=st.just("USDT"),
        amount=sums,
    ),
)
prices = st.integers(48_000, 52_000)
Script = list[tuple[Intent, int]]


def script(intents: st.SearchStrategy[Intent]) -> st.SearchStrategy[Script]:
    """Some requests, each at a price of its own."""
    return st.lists(st.tuples(intents, prices), min_size=1, max_size=10)


@st.composite
def futures_scripts(draw: st.DrawFn) -> Script:
    """Orders of one contract in one mode, and margin that is added to it."""
    mode = draw(st.sampled_from(MarginMode))
    symbol = draw(st.sampled_from(("XBTUSDTM", "XBTUSDM")))
    orders = st.builds(
        PlaceOrder,
        account=st.just(FUTURES),
        symbol=st.just(symbol),
        side=sides,
        qty=st.integers(1, 400).map(Decimal),
        reduce_only=seldom,
        close=seldom,
        margin_mode=st.just(mode),
        leverage=st.sampled_from((Decimal(2), Decimal(5))),
    )
    more = st.builds(
        AdjustMargin,
        symbol=st.just(symbol),
        amount=st.integers(1, 50).map(lambda n: Decimal(n).scaleb(-3)),
    )
    return draw(script(st.one_of(orders, orders, orders, more)))


hedged_orders = st.builds(
    PlaceOrder,
    account=st.just(FUTURES),
    symbol=st.just("XBTUSDTM"),
    side=sides,
    qty=st.integers(1, 400).map(Decimal),
    position_side=st.sampled_from((PositionSide.LONG, PositionSide.SHORT)),
    leverage=st.just(Decimal(5)),
)


def opened() -> tuple[Venue, Shadow]:
    """An account of every kind on a market that costs nothing but fees."""
    first = instant(liquidity=NO_COST, rates=RATES)
    sim = venue(
        opening(
            {
                "main": {"USDT": "9000"},
                "margin_cross": {"USDT": "9000", "BTC": "1"},
                PAIR: {"USDT": "9000", "BTC": "0.3"},
                "futures": {"USDT": "30000", "BTC": "1"},
            },
            debts={"margin_cross": {"USDT": "20000"}, PAIR: {"BTC": "0.2"}},
        ),
        first=first,
    )
    shadow = empty_shadow(rules())
    told: list[Event] = [
        RulesRead(at=START, rules=rules()),
        SnapshotTaken(at=START, snapshot=sim.snapshot()),
        MarksTicked(
            at=START,
            margin_marks=first.margin_marks,
            futures_marks=first.futures_marks,
        ),
    ]
    for event in (*told, *sim.tick(first)):
        shadow = apply(shadow, event)
    return sim, shadow


def apart(found: tuple[Drift, ...]) -> list[Drift]:
    """What differs by more than the rounding of the exchange's books."""
    return [
        d
        for d in found
        if abs(d.shadow - d.exchange) > ROUNDING and not d.where.endswith(" interest")
    ]


@given(st.one_of(futures_scripts(), script(hedged_orders)))
def test_a_projected_futures_order_is_what_the_exchange_books(drawn: Script) -> None:
    """Without depth to walk, positions and wallets end as they were projected.

    Opening, adding, reducing, closing and flipping; linear and inverse; cross and
    isolated margin; one-way and hedge mode.
    """
    assert agree(drawn)


@given(script(st.one_of(spot_orders, loans_and_transfers)))
def test_a_projected_loan_trade_or_transfer_is_what_the_exchange_books(
    drawn: Script,
) -> None:
    """Without depth to walk, balances and debts end as they were projected.

    The first hour of a new loan's interest is left out: it depends on a rate.
    """
    assert agree(drawn)


def agree(drawn: Script) -> bool:
    """Do a script at the exchange, comparing every done request with its forecast."""
    sim, shadow = opened()
    for number, (intent, price) in enumerate(drawn):
        moved = replace(instant(shadow.at, btc=str(price)), liquidity={})
        for event in sim.tick(moved):
            shadow = apply(shadow, event)
        forecast = project(shadow, intent)
        events = sim.submit(shadow.at, approved(intent, f"i-{number}"))
        if settled(events).outcome is Outcome.DONE:
            assert apart(compare(forecast, sim.snapshot())) == []
        for event in events:
            shadow = apply(shadow, event)
        assert compare(shadow, sim.snapshot()) == ()
    return True
