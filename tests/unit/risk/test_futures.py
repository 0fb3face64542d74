"""Worked examples of futures numbers: netting, unknowns, margins and ladders."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.accounts import MarginMode, Position, PositionKey, PositionSide
from bot.domain.instruments import ContractRules, Lots, RiskTier, Rules
from bot.domain.orders import Side
from bot.risk.adl import adl_score, effective_leverage, return_rate
from bot.risk.cross_price import bankruptcy_price, price_at_level
from bot.risk.curves import initial_rate, maintenance_rate, max_open_lots, max_open_size
from bot.risk.distance import Distance, futures_distance
from bot.risk.examples import XBTUSDTM
from bot.risk.exposure import coin_deltas, gross_value
from bot.risk.funding import annualised, break_even_hours
from bot.risk.futures import futures_numbers, position_numbers, risk_rate
from bot.risk.futures_shape import FuturesAccount, OpenOrder, futures_shape
from bot.risk.isolated import isolated_numbers, isolated_shape, ladder_cut, tier_for
from bot.risk.kernel import Kernel
from bot.risk.measure import measure_subjects
from bot.risk.missing import Missing, MissingKind
from bot.risk.order_margin import ContractTerms, contract_margin, funds_used
from bot.risk.price_band import price_band
from bot.shadow.state import empty_shadow

D = Decimal
S = "XBTUSDTM"
RULES = {S: XBTUSDTM}
MARKS = {S: D(60000)}
UNKNOWN_CURVE = replace(XBTUSDTM, m=None)
INVERSE = replace(
    XBTUSDTM, symbol="XBTUSDM", settle="XBT", is_inverse=True, multiplier=D(1)
)


def position(lots: int, **changes: Any) -> Position:
    """A position entered at 60 000."""
    given: dict[str, Any] = {
        "symbol": S,
        "lots": Lots(lots),
        "entry_value": D(60) * lots,
    }
    return Position(**(given | changes))


def order(side: Side, lots: int, **changes: Any) -> OpenOrder:
    """A resting order."""
    given: dict[str, Any] = {"symbol": S, "side": side, "lots": Lots(lots)}
    return OpenOrder(**(given | changes))


def account(*held: Position, orders: tuple[OpenOrder, ...] = ()) -> FuturesAccount:
    """20 000 USDT and what is given."""
    return FuturesAccount(settle="USDT", wallet=D(20000), positions=held, orders=orders)


@pytest.mark.parametrize(
    ("lots", "orders", "worst", "opening"),
    [
        (10, [(Side.BUY, 5)], 15, 5),
        (10, [(Side.SELL, 5)], 10, 5),
        (10, [(Side.SELL, 25)], 15, 25),
        (-10, [(Side.SELL, 5)], 15, 5),
        (-10, [(Side.BUY, 5)], 10, 5),
        (0, [(Side.BUY, 7), (Side.SELL, 9)], 9, 9),
        (10, [(Side.BUY, 3), (Side.BUY, 4), (Side.SELL, 30)], 20, 30),
    ],
)
def test_orders_count_in_their_worst_one_sided_execution(
    lots: int, orders: list[tuple[Side, int]], worst: int, opening: int
) -> None:
    """The larger outcome of all buys or all sells; the opening fee on one side only."""
    held = (position(lots),) if lots else ()
    resting = tuple(order(side, count) for side, count in orders)
    (book,) = futures_shape(account(*held, orders=resting), RULES).books

    assert book.worst_lots == worst
    assert book.opening_lots == opening


def test_hedge_mode_closing_orders_are_left_out() -> None:
    """A sell of the long side only closes; a buy of it opens."""
    long = position(10, side=PositionSide.LONG)
    sell = order(Side.SELL, 50, position_side=PositionSide.LONG)
    buy = order(Side.BUY, 5, position_side=PositionSide.LONG)
    short = order(Side.SELL, 3, position_side=PositionSide.SHORT)
    books = futures_shape(account(long, orders=(sell, buy, short)), RULES).books

    sizes = {book.key: (book.worst_lots, book.opening_lots) for book in books}
    assert sizes == {
        PositionKey(S, PositionSide.LONG): (D(15), D(5)),
        PositionKey(S, PositionSide.SHORT): (D(3), D(3)),
    }


def test_isolated_and_empty_positions_are_no_part_of_the_cross_account() -> None:
    """Only cross positions with lots count."""
    shape = futures_shape(
        account(position(5, mode=MarginMode.ISOLATED), position(0)), RULES
    )
    assert shape.books == ()
    assert not shape.has_exposure


def test_no_exposure_is_no_risk_even_if_nothing_else_is_known() -> None:
    """A wallet alone, known or not, has risk rate zero and an infinite TMMR."""
    for wallet in (D(5), D(-5), None):
        numbers = futures_numbers(
            FuturesAccount(settle="USDT", wallet=wallet), RULES, {}
        )
        assert numbers.risk_rate == 0
        assert numbers.tmmr == D("Infinity")


def test_a_position_without_margin_left_has_an_infinite_rate() -> None:
    """A denominator at or under zero with exposure is past every threshold."""
    broke = FuturesAccount(settle="USDT", wallet=D(0), positions=(position(10),))
    numbers = futures_numbers(broke, RULES, MARKS)
    assert numbers.risk_rate == D("Infinity")
    assert numbers.tmmr == 0
    assert risk_rate(D(1), D(-1)) == D("Infinity")


@pytest.mark.parametrize(
    ("rules", "marks", "wallet", "missing"),
    [
        ({}, MARKS, D(1), Missing(MissingKind.CONTRACT, S)),
        (RULES, {}, D(1), Missing(MissingKind.MARK, S)),
        (RULES, {S: D(0)}, D(1), Missing(MissingKind.MARK, S)),
        (RULES, MARKS, None, Missing(MissingKind.WALLET, "USDT")),
        ({S: UNKNOWN_CURVE}, MARKS, D(1), Missing(MissingKind.CURVE, S)),
    ],
    ids=["contract", "mark", "dead mark", "wallet", "curve"],
)
def test_a_missing_input_hides_the_rate_and_is_named(
    rules: dict[str, ContractRules],
    marks: dict[str, Decimal],
    wallet: Decimal | None,
    missing: Missing,
) -> None:
    """Neither a rate nor a distance nor a price comes from a guess."""
    held = FuturesAccount(settle="USDT", wallet=wallet, positions=(position(10),))
    numbers = futures_numbers(held, rules, marks)
    shape = futures_shape(held, rules)
    distance = futures_distance(shape, marks, D(1))

    assert numbers.risk_rate is None
    assert numbers.tmmr is None
    assert missing in numbers.missing
    assert distance.down is None
    assert missing in distance.missing
    if missing.kind is not MissingKind.MARK:  # the moving mark itself is not needed
        assert price_at_level(shape, marks, S, D(1)) is None


def test_what_is_known_of_a_position_without_a_curve_is_told() -> None:
    """Value and profit need no curve."""
    held = account(position(10))
    numbers = futures_numbers(held, {S: UNKNOWN_CURVE}, {S: D(61000)})
    shape = futures_shape(held, {S: UNKNOWN_CURVE})
    own = position_numbers(shape, {S: D(61000)})[PositionKey(S)]

    assert numbers.total_margin == 20010
    assert numbers.maintenance_margin is None
    assert (own.value, own.unrealised_pnl) == (D(610), D(10))
    assert own.maintenance_margin is None


def test_the_moves_of_a_coin_settled_account() -> None:
    """An inverse long of 60 000 USD on 0.5 coins dies on the way down only."""
    long = Position(symbol="XBTUSDM", lots=Lots(60000), entry_value=D(1))
    shape = futures_shape(
        FuturesAccount(settle="XBT", wallet=D("0.5"), positions=(long,)),
        {"XBTUSDM": replace(INVERSE, m=D(10**9), mmr_lev_constant=D(50))},
    )
    marks = {"XBTUSDM": D(60000)}
    distance = futures_distance(shape, marks, D(1))
    price = price_at_level(shape, marks, "XBTUSDM", D(1))

    assert distance.up is None
    assert distance.down is not None
    assert price is not None
    assert abs(60000 * (1 + distance.down) - price) < D("1e-15")
    assert bankruptcy_price(shape, marks, "XBTUSDM") == 40000


def test_a_move_below_minus_one_is_no_distance() -> None:
    """A coin of small beta that would need a market of less than nothing is safe."""
    long = Position(symbol="XBTUSDM", lots=Lots(60000), entry_value=D(1))
    shape = futures_shape(
        FuturesAccount(settle="XBT", wallet=D("0.5"), positions=(long,)),
        {"XBTUSDM": INVERSE},
    )
    marks = {"XBTUSDM": D(60000)}

    for beta in ("0.1", "0"):
        found = futures_distance(shape, marks, D(1), {"BTC": D(beta)})
        assert found == Distance(down=None, up=None)


def test_a_coin_without_a_beta_is_missing() -> None:
    """Betas that are given must be complete."""
    shape = futures_shape(account(position(10)), RULES)
    found = futures_distance(shape, MARKS, D(1), {"ETH": D(1)})
    assert found.missing == (Missing(MissingKind.BETA, "BTC"),)


TERMS = ContractTerms(rules=XBTUSDTM, mark=D(60000), leverage=D(10))


def test_the_dearest_opposite_orders_are_charged() -> None:
    """A long of 10 covers the ten cheapest lots of the sells against it."""
    sells = (order(Side.SELL, 10, price=D(70000)), order(Side.SELL, 10, price=D(80000)))
    dear = contract_margin(account(position(10), orders=sells), TERMS)
    only = contract_margin(account(orders=sells[1:]), TERMS)
    assert dear == only == 800 * (D("0.1") + D("0.0006"))


def test_the_side_with_the_position_adds_its_orders() -> None:
    """Position at mark and same-side orders at their price with fee."""
    buys = (order(Side.BUY, 10, price=D(50000)),)
    found = contract_margin(account(position(10), orders=buys), TERMS)
    assert found == 60 + 500 * (D("0.1") + D("0.0006"))


def test_hedge_mode_charges_the_larger_side() -> None:
    """Ten long and nine short take the margin of the ten."""
    long = position(10, side=PositionSide.LONG)
    short = position(-9, side=PositionSide.SHORT)
    assert contract_margin(account(long, short), TERMS) == 60


def test_funds_used_leave_out_one_contract_and_never_guess() -> None:
    """F of the maximum size: every other contract, or not known."""
    other = Position(symbol="OTHER", lots=Lots(1), entry_value=D(60))
    held = account(position(10), other)
    assert funds_used(held, [TERMS], but="OTHER") == 60
    assert funds_used(held, [TERMS]) is None
    bare = ContractTerms(rules=UNKNOWN_CURVE, mark=D(60000), leverage=D(10))
    assert contract_margin(held, bare) is None
    assert funds_used(held, [bare], but="OTHER") is None


def test_curves_without_parameters_have_no_value() -> None:
    """No rate and no size is ever guessed."""
    bare = replace(XBTUSDTM, k=None, m=None, f=None)
    assert maintenance_rate(bare, D(1)) is None
    assert initial_rate(replace(XBTUSDTM, f=None), D(1), D(5)) is None
    assert max_open_size(bare, D(1), D(1), D(1)) is None
    assert max_open_lots(bare, D(1), D(1), D(1)) is None


def test_the_cross_risk_limit_and_the_largest_order_cap_the_lots() -> None:
    """Three caps: the curve, the contract's limit, one order's size."""
    limited = replace(XBTUSDTM, cross_risk_limit=D(6000))
    assert max_open_lots(limited, D(60000), D(10), D(10000)) == 100
    assert max_open_lots(limited, D(60000), D(10), D(10000), held_lots=30) == 70
    assert max_open_lots(limited, D(60000), D(10), D(10000), held_lots=300) == 0
    assert max_open_lots(limited, D(60000), D(10), D(-5)) == 0
    small = replace(XBTUSDTM, max_order_lots=7)
    assert max_open_lots(small, D(60000), D(10), D(10000)) == 7


LADDER = tuple(
    RiskTier(
        max_notional=D(limit),
        max_leverage=D(10),
        initial_margin_rate=D(rate) * 2,
        maintenance_margin_rate=D(rate),
    )
    for limit, rate in [(1000, "0.004"), (2000, "0.005"), (5000, "0.01")]
)


@pytest.mark.parametrize(
    ("value", "rate", "cut"),
    [
        ("1000", "0.004", "1000"),
        ("1000.01", "0.005", "0.01"),
        ("5000", "0.01", "3000"),
        ("9000", "0.01", "4000"),
    ],
)
def test_tiers_and_ladder(value: str, rate: str, cut: str) -> None:
    """The lowest tier that admits the value; the cut leads to the one below."""
    tier = tier_for(LADDER, D(value))
    assert tier is not None
    assert tier.maintenance_margin_rate == D(rate)
    assert ladder_cut(LADDER, D(value)) == D(cut)


def test_the_larger_of_entry_and_mark_picks_the_tier() -> None:
    """A position that fell under a limit keeps the rate of its entry."""
    tiered = replace(XBTUSDTM, tiers=LADDER)
    held = position(25, mode=MarginMode.ISOLATED, margin=D(500))
    for mark in (D(30000), D(60000), D(79000)):
        numbers = isolated_numbers(tiered, held, mark)
        assert numbers is not None
        assert numbers.maintenance_margin_rate == D("0.005")
    assert isolated_shape(tiered, held).books[0].worst_rate == D("0.005")


@pytest.mark.parametrize(
    ("tiers", "stated", "rate"),
    [
        ((), "0.1", "0.1"),
        ((), "0.003", "0.003"),
        (LADDER, "0.1", "0.1"),
        (LADDER, "0.003", "0.005"),
    ],
)
def test_the_rate_that_a_position_states_is_its_own(
    tiers: tuple[RiskTier, ...], stated: str, rate: str
) -> None:
    """Stated 10 %: 10 %, exact and fast alike; a tier is never undercut by it."""
    held = position(25, mode=MarginMode.ISOLATED, margin=D(500))
    held = replace(held, maintenance_margin_rate=D(stated))
    rules = replace(XBTUSDTM, tiers=tiers)
    numbers = isolated_numbers(rules, held, D(60000))
    assert numbers is not None
    assert numbers.maintenance_margin_rate == D(rate)
    shadow = replace(
        empty_shadow(Rules(contracts={S: rules})),
        positions={held.key: held},
        futures_marks={S: D(60000)},
    )
    (exact,), (fast,) = measure_subjects(shadow), Kernel(shadow).numbers()
    assert exact.ratio == numbers.margin_rate
    assert fast.ratio == pytest.approx(float(numbers.margin_rate), rel=1e-12)


def test_an_isolated_position_without_a_rate_is_not_known() -> None:
    """No tier and no contract rate: no numbers, and the shape says why."""
    bare = replace(XBTUSDTM, maintenance_margin_rate=None)
    held = position(25, mode=MarginMode.ISOLATED, margin=D(500))
    assert isolated_numbers(bare, held, D(60000)) is None
    assert isolated_shape(bare, held).missing == (Missing(MissingKind.CURVE, S),)


def test_deltas_of_a_whole_book() -> None:
    """Spot, debt, linear and inverse legs add up in coins."""
    inverse = Position(symbol="XBTUSDM", lots=Lots(-60000), entry_value=D(-1))
    deltas, missing = coin_deltas(
        [],
        [position(-500), inverse, position(1, symbol="NONE")],
        {**RULES, "XBTUSDM": INVERSE},
    )
    assert deltas == {"BTC": D("-1.5")}
    assert missing == (Missing(MissingKind.CONTRACT, "NONE"),)
    assert gross_value([position(-500)], RULES, {}) is None


def test_small_calculators_refuse_or_say_never() -> None:
    """Division by nothing is refused in words; a losing carry never breaks even."""
    assert break_even_hours(D("0.01"), D("0.1"), D("0.2")) is None
    with pytest.raises(ValueError, match="funding_interval_h must be positive"):
        annualised(D(1), D(0))
    with pytest.raises(ValueError, match="no entry value"):
        return_rate(XBTUSDTM, position(1, entry_value=D(0)), D(1))
    with pytest.raises(ValueError, match="leverage must be positive"):
        adl_score(D(1), D(0))
    assert effective_leverage(D(1), D(0)) is None


def test_the_band_admits_its_own_limits() -> None:
    """A buy at the upper limit passes, a sell below the lower one does not."""
    band = price_band(D(100), D("0.05"))
    assert band.admits(Side.BUY, D(105))
    assert not band.admits(Side.BUY, D("105.01"))
    assert band.admits(Side.SELL, D(95))
    assert not band.admits(Side.SELL, D("94.99"))
