"""Worked examples of the gates of new risk: each refuses with a sentence."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    Balance,
)
from bot.domain.events import AccountStatus
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    Intent,
    PlaceOrder,
    Repay,
    Transfer,
)
from bot.domain.orders import IntentState, OrderType, Side
from bot.guard.admit import is_reduction
from bot.guard.limits import RiskLimits
from bot.guard.state import GuardState, SubjectState
from bot.shadow.state import empty_shadow
from tests.unit.guard.asking import BORROW, BUY, OPEN, asked, held_to, passes, rich, why
from tests.unit.guard.bench import (
    THRESHOLDS,
    later,
    position,
    requested,
    shadow_of,
    subject_state,
)
from tests.unit.venue.builders import opening, rules


@pytest.mark.parametrize(
    "intent",
    [
        BUY,
        OPEN,
        BORROW,
        replace(BUY, account=SPOT, side=Side.SELL),
        Transfer(source=MARGIN_CROSS, target=MAIN, coin="USDT", amount=Decimal(9)),
        Transfer(source=MAIN, target=SPOT, coin="USDT", amount=Decimal(9)),
    ],
)
def test_new_risk_within_the_limits_is_approved(intent: Intent) -> None:
    """It carries its id, its reason, and the numbers before and after."""
    found = asked(held_to(rich()), intent)
    assert isinstance(found, Approved)
    assert (found.intent_id, found.reason) == ("g1-i0000001", "why")
    assert found.measured["k"] == "v"
    assert "margin_cross ratio before" in found.measured
    assert "margin_cross ratio after" in found.measured


@pytest.mark.parametrize(
    "intent",
    [
        replace(BUY, qty=Decimal(0)),
        replace(BUY, qty=Decimal(-1)),
        replace(BUY, qty=Decimal("NaN")),
        replace(BUY, price=Decimal(0), type=OrderType.LIMIT),
        replace(OPEN, qty=Decimal("1.5")),
        replace(OPEN, leverage=Decimal(0)),
        replace(BORROW, amount=Decimal(-5)),
        Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(-5)),
        Transfer(source=MAIN, target=FUTURES, coin="USDT", amount=Decimal(-5)),
        Transfer(source=MAIN, target=MAIN, coin="USDT", amount=Decimal(5)),
        AdjustMargin(symbol="XBTUSDTM", amount=Decimal(0)),
    ],
)
def test_numbers_that_make_no_sense_are_refused(intent: Intent) -> None:
    """Nothing negative, nothing fractional where lots are whole; never a reduction."""
    assert not is_reduction(rich(), intent)
    assert why(held_to(rich()), intent) == "a number of the request makes no sense"


def test_before_a_snapshot_nothing_is_known() -> None:
    """New risk waits until the account has been read."""
    assert why(held_to(empty_shadow(rules())), BUY) == (
        "the account has not been read yet"
    )


def test_an_unknown_account_blocks_new_risk_everywhere() -> None:
    """A coin without a price is named, whatever is asked for."""
    shadow = replace(rich(), margin_marks={"ETH": Decimal(2500)})
    assert why(held_to(shadow), OPEN) == "margin_cross is unknown: no price of BTC"


def test_a_position_of_an_unknown_contract_blocks_new_risk() -> None:
    """What nobody can measure is not safe."""
    shadow = rich()
    odd = replace(position(5), symbol="OLDUSDTM")
    shadow = replace(shadow, positions={odd.key: odd})
    assert why(held_to(shadow), BUY) == (
        "futures_isolated:OLDUSDTM is unknown: no contract of OLDUSDTM"
    )


@pytest.mark.parametrize(
    "intent", [BUY, OPEN, replace(BORROW, coin="BTC", amount=Decimal("0.1"))]
)
def test_a_stale_mark_blocks_new_risk(intent: Intent) -> None:
    """Three seconds are the limit; four are too old."""
    assert passes(later(rich(), 3), intent)
    found = why(held_to(later(rich(), 4)), intent)
    assert found.endswith("is 4 s old, over 3 s")


def test_what_else_the_account_holds_must_be_fresh_too() -> None:
    """A loan in USDT is measured against BTC: its mark counts."""
    shadow = later(rich(), 60)
    assert why(held_to(shadow), BORROW) == "the mark of BTC is 60 s old, over 3 s"
    out = Transfer(source=MARGIN_CROSS, target=MAIN, coin="USDT", amount=Decimal(1))
    assert why(held_to(shadow), out).startswith("the mark of BTC")


def test_a_dead_coin_on_spot_blocks_nothing() -> None:
    """It is nobody's collateral: other coins of the account can be traded."""
    shadow = rich()
    spot = {**shadow.balances[SPOT], "DEAD": Balance(total=Decimal(5))}
    shadow = replace(shadow, balances={**shadow.balances, SPOT: spot})
    shadow = replace(shadow, margin_marks={**shadow.margin_marks, "DEAD": Decimal(1)})
    assert passes(shadow, replace(BUY, account=SPOT, side=Side.SELL))


def test_what_never_had_a_mark_is_not_bought() -> None:
    """There is no price to measure it with."""
    shadow = rich()
    marks = {"BTC": shadow.margin_marks["BTC"]}
    times = {k: t for k, t in shadow.mark_times.items() if k != "ETH"}
    shadow = replace(shadow, margin_marks=marks, mark_times=times)
    order = replace(BUY, symbol="ETH-USDT")
    assert why(held_to(shadow), order) == "no mark of ETH is known"


@pytest.mark.parametrize(
    "order",
    [
        replace(BUY, symbol="SOL-USDT"),
        replace(OPEN, symbol="SOLUSDTM"),
        replace(OPEN, symbol="SOLUSDTM", price=Decimal(5), type=OrderType.LIMIT),
    ],
)
def test_what_has_no_rules_is_refused_with_a_sentence(order: PlaceOrder) -> None:
    """An unknown symbol is a refusal, with and without a price."""
    shadow = rich()
    times = {**shadow.mark_times, "SOLUSDTM": shadow.at}
    marks = {**shadow.futures_marks, "SOLUSDTM": Decimal(5)}
    shadow = replace(shadow, mark_times=times, futures_marks=marks)
    assert "no rules of the" in why(held_to(shadow), order)


def test_a_halted_symbol_takes_nothing_new() -> None:
    """Trading is paused."""
    shadow = replace(rich(), halted=frozenset({"BTC-USDT"}))
    assert why(held_to(shadow), BUY) == "BTC-USDT takes no new orders"


@pytest.mark.parametrize(
    "status", [AccountStatus.WARNED, AccountStatus.LIQUIDATING, AccountStatus.BANKRUPT]
)
def test_an_account_that_the_exchange_has_warned_takes_nothing_new(
    status: AccountStatus,
) -> None:
    """Only that account; another one is free."""
    shadow = replace(rich(), statuses={(MARGIN_CROSS, ""): status})
    assert why(held_to(shadow), BUY) == (
        f"the exchange says of margin_cross: {status.value}"
    )
    assert passes(shadow, OPEN)


@pytest.mark.parametrize(
    ("doubted", "intent", "name"),
    [
        (BUY, replace(BUY, side=Side.SELL), "BTC-USDT"),
        (BUY, BORROW, "USDT"),
        (BORROW, BUY, "USDT"),
        (OPEN, OPEN, "XBTUSDTM"),
        (
            Transfer(source=MAIN, target=FUTURES, coin="USDT", amount=Decimal(5)),
            OPEN,
            "USDT",
        ),
    ],
)
def test_doubt_freezes_the_coin_and_the_account(
    doubted: Intent, intent: Intent, name: str
) -> None:
    """Until it is looked up nothing new is done with what it may have changed."""
    shadow = requested(rich(), [doubted])
    assert why(held_to(shadow), intent) == (
        f"a request on {name} in {getattr(intent, 'account', FUTURES)} is in doubt"
    )


def test_doubt_elsewhere_freezes_nothing() -> None:
    """A doubtful futures order does not stop the margin account."""
    assert passes(requested(rich(), [OPEN]), BUY)


def test_while_the_guard_cures_nothing_new_is_begun() -> None:
    """Not in any account."""
    guard = GuardState(subjects={"futures:USDT": subject_state()})
    assert why(held_to(rich(), guard=guard), BUY) == "the guard is curing futures:USDT"


@pytest.mark.parametrize(
    ("intent", "sentence"),
    [
        (
            replace(BUY, qty=Decimal(1)),
            "margin_cross has 40000 USDT available, 50050 is needed",
        ),
        (
            replace(BUY, side=Side.SELL, qty=Decimal("2.5")),
            "margin_cross has 2 BTC available, 2.5 is needed",
        ),
        (
            Transfer(source=MARGIN_CROSS, target=MAIN, coin="ETH", amount=Decimal(1)),
            "margin_cross has 0 ETH available, 1 is needed",
        ),
    ],
)
def test_what_is_not_there_is_not_spent(intent: Intent, sentence: str) -> None:
    """Funds that lack are named, with what is needed."""
    assert why(held_to(rich()), intent) == sentence


@pytest.mark.parametrize("order", [BUY, OPEN])
def test_an_order_is_held_to_its_size(order: PlaceOrder) -> None:
    """Each is worth 5000 USDT and a little cost."""
    tight = RiskLimits(max_order_usdt=Decimal(4999))
    assert why(held_to(rich(), limits=tight), order) == (
        "the order is worth 5005.00 USDT, over max_order_usdt 4999"
    )


def test_an_inverse_order_is_worth_its_coins() -> None:
    """5000 lots of a dollar are worth 5000 USDT, whatever the price."""
    order = replace(OPEN, symbol="XBTUSDM", qty=Decimal(5000))
    tight = RiskLimits(max_order_usdt=Decimal(4900))
    found = why(held_to(rich(), limits=tight), order)
    assert found.startswith("the order is worth 49")


def test_a_day_that_lost_its_share_takes_nothing_new() -> None:
    """Ten per cent of the day's opening equity."""
    shadow = rich()
    worth = 5000 + 100 + 25000 + 100_000 + 40_000 - 10_000 + 30_000
    assert passes(shadow, BUY)
    assert why(held_to(shadow, day=str(2 * worth)), BUY) == (
        "the day's loss of 0.5000 is at max_daily_loss 0.10"
    )
    assert isinstance(asked(held_to(shadow, day=str(worth * 1.1)), BUY), Approved)


def test_gross_exposure_and_leverage_have_limits() -> None:
    """An order that adds to the net exposure is held to both."""
    tight = RiskLimits(max_gross_usdt=Decimal(125_000))
    assert why(held_to(rich(), limits=tight), OPEN).endswith(
        "over max_gross_usdt 125000"
    )
    low = RiskLimits(max_leverage=Decimal("0.65"))
    assert "over max_leverage 0.65" in why(held_to(rich(), limits=low), OPEN)


def test_a_hedge_is_no_gross_exposure() -> None:
    """A short against coins that are held lowers what the limits count."""
    tight = RiskLimits(max_gross_usdt=Decimal(1), max_leverage=Decimal("0.01"))
    hedge = replace(OPEN, side=Side.SELL)
    assert isinstance(asked(held_to(rich(), limits=tight), hedge), Approved)


def test_what_is_on_its_way_counts_as_done() -> None:
    """Two orders that pass alone do not pass together."""
    tight = RiskLimits(max_gross_usdt=Decimal(131_000))
    assert isinstance(asked(held_to(rich(), limits=tight), OPEN), Approved)
    sent = requested(rich(), [OPEN], IntentState.SENT)
    assert why(held_to(sent, limits=tight), OPEN).endswith("over max_gross_usdt 131000")


def test_a_reduction_on_its_way_makes_no_room() -> None:
    """It may not come about, so it is not counted on."""
    tight = RiskLimits(max_gross_usdt=Decimal(126_000))
    sale = replace(BUY, side=Side.SELL, qty=Decimal(1), is_reduction=True)
    sent = requested(rich(), [sale], IntentState.SENT)
    assert why(held_to(sent, limits=tight), OPEN).endswith("over max_gross_usdt 126000")


def test_no_account_is_taken_nearer_than_its_act_distance() -> None:
    """A known one by its own threshold; the sentence names distance and limit."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"BTC": "1", "USDT": "20000"}},
            debts={"margin_cross": {"USDT": "50000"}},
        )
    )
    far = SubjectState(thresholds=replace(THRESHOLDS, act=Decimal("0.28")))
    guard = GuardState(subjects={"margin_cross": far})
    most = RiskLimits(max_leverage=Decimal(50))
    order = replace(BUY, qty=Decimal("0.39"))
    found = why(held_to(shadow, guard=guard, limits=most), order)
    assert found == (
        "margin_cross would be 0.2650 from liquidation, under its act distance 0.28"
    )
    near = SubjectState(thresholds=THRESHOLDS)
    loose = GuardState(subjects={"margin_cross": near})
    assert isinstance(asked(held_to(shadow, guard=loose, limits=most), order), Approved)


def test_a_new_account_opens_a_little_further_away() -> None:
    """From 15.75 %: it acts under 15 %, and the price moves on until it is filled."""
    shadow = shadow_of(opening({"futures": {"USDT": "1150"}}))
    most = RiskLimits(max_leverage=Decimal(50))
    order = replace(
        OPEN, price=Decimal(50000), type=OrderType.LIMIT, leverage=Decimal(10)
    )
    found = why(held_to(shadow, limits=most), replace(order, qty=Decimal(150)))
    assert found.endswith("under its act distance 0.1575")
    fewer = replace(order, qty=Decimal(120))
    assert isinstance(asked(held_to(shadow, limits=most), fewer), Approved)


def test_a_ratio_is_not_taken_beyond_its_backstop() -> None:
    """A spread that no uniform move liquidates is held by its debt ratio."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"ETH": "20", "BTC": "0.1"}},
            debts={"margin_cross": {"BTC": "0.9"}},
        )
    )
    more = Borrow(account=MARGIN_CROSS, coin="BTC", amount=Decimal("0.3"))
    found = why(held_to(shadow), more)
    assert found == "margin_cross would be at 0.8571, its backstop is 0.85"
