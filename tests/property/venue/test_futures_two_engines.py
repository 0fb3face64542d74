"""The venue's own futures numbers and the product's, computed apart, agree.

The two share no formula: the venue is written from KuCoin's pages in plain sums, the
product from the same pages as lines in the mark price. Where they differ one is wrong.
"""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import MarginMode, Position, PositionSide
from bot.domain.instruments import Lots
from bot.domain.money import round_half_up
from bot.domain.orders import Side
from bot.risk.curves import max_open_lots
from bot.risk.funding import funding_payment
from bot.risk.futures import FuturesNumbers, futures_numbers
from bot.risk.futures_shape import FuturesAccount, OpenOrder
from bot.risk.isolated import isolated_numbers
from connectors.venue import futures_risk
from connectors.venue.funding import funding_cash
from connectors.venue.futures_state import FuturesOrder, FuturesState
from tests.unit.venue.futures_bench import RULES, Bench

D = Decimal
SYMBOLS = ("XBTUSDTM", "ETHUSDTM", "XBTUSDM")
WALLET = {"USDT": "100000", "BTC": "3"}
TOLERANCE = D("1e-18")


def _entry(symbol: str) -> Decimal:
    return D(2500) if symbol == "ETHUSDTM" else D(50000)


@st.composite
def _positions(draw: st.DrawFn, mode: MarginMode) -> list[Position]:
    """At most one position a contract and side; hedge mode or one-way for all."""
    hedged = draw(st.booleans())
    found = []
    for symbol in SYMBOLS:
        sides = (PositionSide.LONG, PositionSide.SHORT) if hedged else ()
        for side in sides or (PositionSide.BOTH,):
            lots = draw(st.integers(-20000, 20000))
            if side is PositionSide.LONG:
                lots = abs(lots)
            if side is PositionSide.SHORT:
                lots = -abs(lots)
            if lots:
                found.append(_position(draw, symbol, side, (lots, mode)))
    return found


def _position(
    draw: st.DrawFn, symbol: str, side: PositionSide, size: tuple[int, MarginMode]
) -> Position:
    lots, mode = size
    price = _entry(symbol) * draw(st.decimals("0.8", "1.2", places=4))
    value = round_half_up(RULES.contracts[symbol].value(D(lots), price))
    return Position(
        symbol=symbol,
        lots=Lots(lots),
        entry_value=value,
        mode=mode,
        side=side,
        leverage=D(10),
        margin=round_half_up(abs(value) / 10) if mode is MarginMode.ISOLATED else D(0),
    )


ORDERS = st.builds(
    FuturesOrder,
    symbol=st.sampled_from(SYMBOLS),
    side=st.sampled_from(Side),
    lots=st.integers(1, 20000),
    price=st.just(D(50000)),
    position_side=st.sampled_from(PositionSide),
    reduce_only=st.booleans(),
    close=st.booleans(),
)


def _state(positions: list[Position], orders: list[FuturesOrder]) -> FuturesState:
    bench = Bench(WALLET)
    bench.orders.orders = orders
    state = FuturesState(ledger=bench.ledger, rules=RULES, orders=bench.orders)
    state.see(bench.instant("50000"))
    for position in positions:
        state.keep(position)
    return state


def _product(state: FuturesState, settle: str) -> FuturesNumbers:
    """The same account through the product's formulas."""
    account = FuturesAccount(
        settle=settle,
        wallet=state.wallet(settle),
        positions=state.held(settle, MarginMode.CROSS),
        orders=tuple(
            OpenOrder(
                symbol=o.symbol,
                side=o.side,
                lots=Lots(o.lots),
                price=o.price,
                reduce_only=o.reduce_only,
                close=o.close,
                position_side=o.position_side,
            )
            for o in state.resting(settle, MarginMode.CROSS)
        ),
    )
    return futures_numbers(account, RULES.contracts, state.marks)


@given(_positions(MarginMode.CROSS), st.lists(ORDERS, max_size=6))
def test_risk_rate_and_total_margin_agree(
    positions: list[Position], orders: list[FuturesOrder]
) -> None:
    """Any positions and orders, one-way or hedged, linear or inverse."""
    state = _state(positions, orders)
    for settle in ("USDT", "BTC"):
        theirs = _product(state, settle)
        ours = futures_risk.risk_rate(state, settle)
        margin = futures_risk.cross_margin(state, settle)
        assert theirs.total_margin is not None
        assert abs(margin - theirs.total_margin) <= TOLERANCE * abs(margin)
        assert theirs.risk_rate is not None
        if ours is None:
            assert theirs.risk_rate.is_infinite()
        else:
            assert abs(ours - theirs.risk_rate) <= TOLERANCE * max(ours, D(1))


@given(_positions(MarginMode.ISOLATED))
def test_isolated_margin_rates_agree(positions: list[Position]) -> None:
    """Tier, maintenance and effective margin of every isolated position."""
    state = _state(positions, [])
    for position in positions:
        contract = state.contract(position.symbol)
        theirs = isolated_numbers(contract, position, state.mark(position.symbol))
        ours = futures_risk.isolated_margin_rate(state, position)
        assert theirs is not None
        if ours is None:
            assert theirs.margin_rate.is_infinite()
        else:
            assert abs(ours - theirs.margin_rate) <= TOLERANCE * max(ours, D(1))


@given(
    st.sampled_from(SYMBOLS),
    st.decimals("1", "10000000", places=2),
    st.integers(1, 50),
)
def test_maximum_open_sizes_agree(symbol: str, margin: Decimal, leverage: int) -> None:
    """The curve gives both the same whole number of lots."""
    contract, price = RULES.contracts[symbol], _entry(symbol)
    ours = futures_risk.maximum_size(contract, margin * leverage, price)
    theirs = max_open_lots(contract, price, D(leverage), margin)
    assert min(ours, contract.max_order_lots) == theirs


@given(
    st.sampled_from(SYMBOLS),
    st.integers(-100000, 100000),
    st.decimals("-0.02", "0.02", places=6),
)
def test_funding_payments_agree(symbol: str, lots: int, rate: Decimal) -> None:
    """Sign, basis and rounding of a settlement."""
    contract, mark = RULES.contracts[symbol], _entry(symbol)
    ours = funding_cash(contract, lots, mark, rate)
    assert ours == funding_payment(contract, Lots(lots), mark, rate)
