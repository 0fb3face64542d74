"""Which futures orders are refused, and with which of KuCoin's codes."""

from decimal import Decimal

import pytest

from bot.domain.accounts import MarginMode, PositionSide
from bot.domain.intents import AdjustMargin, PlaceOrder
from bot.domain.orders import Side
from tests.unit.venue.futures_bench import Bench, order, position, resting

D = Decimal
ISOLATED = MarginMode.ISOLATED


def _code(bench: Bench, request: PlaceOrder) -> str | None:
    refusal = bench.desk.check_order(request)
    return None if refusal is None else refusal.code


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (order(Side.BUY, "1", symbol="NOUSDTM"), "100003"),
        (order(Side.BUY, "0"), "300000"),
        (order(Side.BUY, "1.5"), "300000"),
        (order(Side.BUY, "1000001"), "300000"),
        (order(Side.BUY, "1", "50000.05"), "300000"),
        (order(Side.BUY, "1", "52500.1"), "300011"),
        (order(Side.SELL, "1", "47499.9"), "300012"),
        (order(Side.BUY, "1", "0.1"), None),
        (order(Side.SELL, "20", "900000"), "300003"),
        (order(Side.BUY, "1", leverage="126"), "300016"),
        (order(Side.BUY, "1", leverage="0.5"), "300016"),
        (order(Side.SELL, "1", reduce_only=True), "300009"),
        (order(Side.SELL, "1", close=True), "300009"),
        (order(Side.BUY, "200"), "300003"),
        (order(Side.BUY, "198"), None),
    ],
)
def test_each_fault_has_its_code(request_: PlaceOrder, code: str | None) -> None:
    """A wallet of 1,000 USDT at 10x carries 198 lots at 50,000 with fees, not 200."""
    assert _code(Bench({"USDT": "1000"}), request_) == code


def test_a_cross_order_over_the_curve_is_refused_as_too_large() -> None:
    """100,000 USDT at 10x and 60,000 carry 16389 lots by the printed curve."""
    bench = Bench({"USDT": "100000"}, btc="60000")
    assert _code(bench, order(Side.BUY, "16389")) is None
    assert _code(bench, order(Side.BUY, "16390")) == "330008"


def test_the_curve_binds_before_the_margin_at_size() -> None:
    """With the surcharge n/(2k) above the fee, the maximum open size refuses."""
    bench = Bench({"USDT": "1000000"}, btc="60000")
    assert _code(bench, order(Side.BUY, "160000")) == "330008"


def test_a_reduction_needs_no_margin() -> None:
    """An account under water may still close, in part or in whole."""
    bench = Bench({"USDT": "10"}, positions=[position(100, "50000")])
    assert bench.desk.free_cash("USDT") == 0
    assert _code(bench, order(Side.SELL, "100")) is None
    assert _code(bench, order(Side.SELL, "40", reduce_only=True)) is None
    assert _code(bench, order(Side.SELL, "1", close=True)) is None
    assert _code(bench, order(Side.BUY, "1")) == "300003"
    assert _code(bench, order(Side.SELL, "201")) == "300003"


def test_opposite_orders_up_to_the_position_cost_nothing() -> None:
    """Netting: only what an opposite order opens beyond the position needs margin."""
    bench = Bench({"USDT": "600"}, positions=[position(100, "50000")])
    before = bench.desk.initial_margin_in_use("USDT")
    bench.orders.orders.append(resting(Side.SELL, 100, "50000"))
    fee = 100 * D("50") * D("0.0006")
    assert bench.desk.initial_margin_in_use("USDT") == before + fee


def test_a_close_order_takes_the_whole_position_on_its_side() -> None:
    """``close`` ignores side and size; ``reduce_only`` is cut to the position."""
    bench = Bench({"USDT": "1000"}, positions=[position(-30, "50000")])
    assert bench.desk.sized(order(Side.SELL, "1", close=True)) == (Side.BUY, 30)
    assert bench.desk.sized(order(Side.BUY, "99", reduce_only=True)) == (Side.BUY, 30)
    assert bench.desk.sized(order(Side.BUY, "99")) == (Side.BUY, 99)
    assert bench.desk.sized(order(Side.SELL, "9", reduce_only=True))[1] == 0


def test_a_symbol_is_in_one_margin_mode() -> None:
    """An isolated order on a cross symbol is refused with 330005."""
    bench = Bench({"USDT": "1000"}, positions=[position(1, "50000")])
    assert _code(bench, order(Side.BUY, "1", mode=ISOLATED)) == "330005"


def test_the_account_is_in_one_position_mode() -> None:
    """A LONG order on a one-way account is refused with 330011, and the reverse."""
    one_way = Bench({"USDT": "1000"}, positions=[position(1, "50000")])
    wanted = order(Side.BUY, "1", position_side=PositionSide.LONG)
    assert _code(one_way, wanted) == "330011"
    hedged = Bench(
        {"USDT": "1000"},
        positions=[position(1, "50000", side=PositionSide.LONG)],
    )
    assert _code(hedged, wanted) is None
    assert _code(hedged, order(Side.BUY, "1")) == "330011"


def test_an_isolated_order_needs_its_margin_and_fee_in_cash() -> None:
    """1,000 USDT carry 198 lots of 50 USDT at 10x and not 200."""
    bench = Bench({"USDT": "1000"})
    assert _code(bench, order(Side.BUY, "198", mode=ISOLATED)) is None
    assert _code(bench, order(Side.BUY, "200", mode=ISOLATED)) == "300003"


def test_an_isolated_position_is_bound_by_its_tier() -> None:
    """Above 100,000 USDT 125x is over the risk limit; 100x is not."""
    bench = Bench({"USDT": "100000"})
    big = order(Side.BUY, "2001", mode=ISOLATED, leverage="125")
    assert _code(bench, big) == "300005"
    fits = order(Side.BUY, "2001", mode=ISOLATED, leverage="100")
    assert _code(bench, fits) is None


def test_margin_moves_within_what_is_free_and_what_is_needed() -> None:
    """Adding takes free cash; withdrawing leaves the initial margin."""
    held = position(10, "50000", mode=ISOLATED, margin="50")
    bench = Bench({"USDT": "100"}, positions=[held])
    move = AdjustMargin(symbol="XBTUSDTM", amount=D(30))
    assert bench.desk.adjust_margin(bench.at, move, "i-1") is None
    moved = bench.desk.position("XBTUSDTM")
    assert moved is not None
    assert moved.margin == D(80)
    too_much = AdjustMargin(symbol="XBTUSDTM", amount=D("-30.1"))
    refusal = bench.desk.adjust_margin(bench.at, too_much, "i-2")
    assert refusal is not None
    assert refusal.code == "300003"
    back = AdjustMargin(symbol="XBTUSDTM", amount=D(-30))
    assert bench.desk.adjust_margin(bench.at, back, "i-3") is None


@pytest.mark.parametrize(
    ("symbol", "amount", "code"),
    [("ETHUSDTM", "1", "300009"), ("XBTUSDTM", "0", "330005")],
)
def test_margin_of_nothing_and_of_a_cross_position_is_refused(
    symbol: str, amount: str, code: str
) -> None:
    """Only an isolated position that exists has margin to adjust."""
    bench = Bench({"USDT": "100"}, positions=[position(1, "50000")])
    move = AdjustMargin(symbol=symbol, amount=D(amount))
    refusal = bench.desk.adjust_margin(bench.at, move, "i-1")
    assert refusal is not None
    assert refusal.code == code
