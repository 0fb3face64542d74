"""Worked examples of subjects: what can be liquidated on its own, and its numbers."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    Balance,
    MarginMode,
    isolated_account,
)
from bot.domain.events import OrderChanged
from bot.domain.intents import Borrow, PlaceOrder, Transfer
from bot.domain.orders import IntentState, OrderState, Side
from bot.risk.exposures import (
    Exposure,
    coin_exposures,
    hedge_qty,
    net_exposures,
    position_base_qty,
)
from bot.risk.measure import (
    SubjectMeasure,
    equity_usdt,
    measure_subject,
    measure_subjects,
)
from bot.risk.view import ShadowView, touched
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    START,
    cross_long,
    later,
    marked,
    position,
    requested,
    shadow_of,
)
from tests.unit.venue.builders import opening, rules

PAIR = isolated_account("BTC-USDT")
EVERYTHING = opening(
    {
        "main": {"USDT": "1000"},
        "spot": {"BTC": "0.1"},
        "margin_cross": {"BTC": "1", "USDT": "500"},
        PAIR: {"USDT": "9000", "BTC": "0.01"},
        "futures": {"USDT": "5000", "BTC": "0.2"},
    },
    debts={"margin_cross": {"USDT": "30000"}, PAIR: {"BTC": "0.1"}},
    positions=[position(-100), position(3000, symbol="XBTUSDM")],
)


def only(shadow: Shadow, subject: str) -> SubjectMeasure:
    """A subject that is there."""
    found = measure_subject(shadow, subject)
    if found is None:
        raise LookupError(subject)
    return found


def rounded(number: Decimal | None) -> str:
    """Four decimals, for comparing with what a person computed."""
    return "none" if number is None else f"{number:.4f}"


def test_each_account_that_can_be_liquidated_is_a_subject() -> None:
    """Margin accounts that owe, the settle currencies with positions; nothing else."""
    found = measure_subjects(shadow_of(EVERYTHING))
    assert [m.subject for m in found] == [
        "margin_cross",
        "margin_isolated:BTC-USDT",
        "futures:BTC",
        "futures:USDT",
    ]


def test_by_name_is_the_same_as_in_the_list() -> None:
    """Both ways lead to equal measures; an account without danger is None."""
    shadow = shadow_of(EVERYTHING)
    for measure in measure_subjects(shadow):
        assert measure_subject(shadow, measure.subject) == measure
    for name in ("main", "spot", "futures:ETH", "futures_isolated:XBTUSDTM"):
        assert measure_subject(shadow, name) is None


def test_a_cross_long() -> None:
    """40000 against 1 BTC at 50000: ratio 0.8, and a fall of 1 - 0.8 / 0.97."""
    measure = only(cross_long(), "margin_cross")
    assert measure.ratio == Decimal("0.8")
    assert rounded(measure.down) == "-0.1753"
    assert measure.up is None
    assert measure.distance == abs(measure.down or 0)
    assert measure.exposure_usdt == {"BTC": Decimal(50000)}
    assert measure.margin_usdt == 50000


def test_an_isolated_pair_has_its_own_limit() -> None:
    """Its liquidation ratio is the pair's, and the warning is never above it."""
    strict = replace(
        rules(),
        isolated_pairs={
            "BTC-USDT": replace(
                rules().isolated_pairs["BTC-USDT"],
                liquidation_debt_ratio=Decimal("0.9"),
            )
        },
    )
    account = opening({PAIR: {"BTC": "1"}}, debts={PAIR: {"USDT": "40000"}})
    measure = only(replace(shadow_of(account), rules=strict), PAIR)
    assert (measure.warning, measure.liquidation) == (Decimal("0.9"), Decimal("0.9"))
    assert rounded(measure.down) == "-0.1111"


def test_a_future_is_endangered_where_it_loses() -> None:
    """A short by a rise, a long by a fall; isolated ones are subjects of their own."""
    account = opening({"futures": {"USDT": "1000"}}, positions=[position(-100)])
    measure = only(shadow_of(account), "futures:USDT")
    assert measure.down is None
    assert measure.up is not None
    assert measure.exposure_usdt == {"BTC": Decimal(-5000)}
    alone = position(100, mode=MarginMode.ISOLATED, margin="1000")
    shadow = shadow_of(opening({"futures": {"USDT": "1500"}}, positions=[alone]))
    (own,) = measure_subjects(shadow)
    assert own.subject == "futures_isolated:XBTUSDTM"
    assert own.position == alone.key
    assert own.up is None
    assert own.holds(alone, rules().contracts["XBTUSDTM"])
    assert not own.holds(
        replace(alone, symbol="ETHUSDTM"), rules().contracts["XBTUSDTM"]
    )


def test_an_open_order_alone_is_a_danger() -> None:
    """It can become a position, so it has a ratio; a reduce-only one has none."""
    order = OrderChanged(
        at=START,
        order_id="o1",
        intent_id=None,
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.BUY,
        state=OrderState.OPEN,
        qty=Decimal(100),
        filled_qty=Decimal(40),
        price=Decimal(49000),
    )
    shadow = shadow_of(opening({"futures": {"USDT": "1000"}}))
    resting = replace(shadow, orders={"o1": order})
    measure = only(resting, "futures:USDT")
    assert measure.ratio is not None
    assert measure.ratio > 0
    closing = replace(shadow, orders={"o1": replace(order, reduce_only=True)})
    assert measure_subjects(closing) == ()


# -- what is not known ----------------------------------------------------


def test_a_coin_without_a_price_makes_the_account_unknown() -> None:
    """The ratio is None and says what is missing; it is not taken as zero."""
    account = opening(
        {"margin_cross": {"BTC": "1", "SOL": "5"}},
        debts={"margin_cross": {"USDT": "4"}},
    )
    measure = only(shadow_of(account), "margin_cross")
    assert (measure.ratio, measure.distance) == (None, None)
    assert measure.missing == ("no price of SOL",)


@pytest.mark.parametrize("mark", ["0", "-1"])
def test_a_mark_of_zero_is_none(mark: str) -> None:
    """What is owned must not be worthless by mistake, and nothing divides by it."""
    shadow = shadow_of(EVERYTHING)
    bad = Decimal(mark)
    shadow = replace(
        shadow,
        margin_marks={**shadow.margin_marks, "BTC": bad},
        futures_marks=dict.fromkeys(shadow.futures_marks, bad),
    )
    assert equity_usdt(shadow) is None
    assert all(m.ratio is None for m in measure_subjects(shadow))
    assert net_exposures(shadow)["BTC"] == Decimal("1.11")


def test_an_isolated_position_without_a_mark_is_unknown() -> None:
    """It says which mark is missing, or which curve."""
    alone = position(100, mode=MarginMode.ISOLATED, margin="1000")
    shadow = shadow_of(opening({"futures": {"USDT": "1500"}}, positions=[alone]))
    blind = replace(shadow, futures_marks={})
    assert measure_subjects(blind)[0].missing == ("no mark of XBTUSDTM",)
    bare = replace(
        rules().contracts["XBTUSDTM"], tiers=(), maintenance_margin_rate=None
    )
    ruleless = replace(shadow, rules=replace(rules(), contracts={"XBTUSDTM": bare}))
    assert measure_subjects(ruleless)[0].missing == ("no curve of XBTUSDTM",)
    assert measure_subjects(ruleless)[0].ratio is None


@pytest.mark.parametrize("mode", list(MarginMode))
def test_a_position_of_an_unknown_contract_is_not_lost(mode: MarginMode) -> None:
    """Nobody can say which account it endangers: it is a subject, and unknown."""
    odd = replace(position(5, mode=mode, margin="9"), symbol="OLDUSDTM")
    shadow = shadow_of(opening({"futures": {"USDT": "1500"}}, positions=[odd]))
    (measure,) = measure_subjects(shadow)
    assert measure == measure_subject(shadow, measure.subject)
    assert measure.ratio is None
    assert measure.missing == ("no contract of OLDUSDTM",)
    assert equity_usdt(shadow) is None


# -- the whole account ----------------------------------------------------


def test_equity_is_everything_owned_less_everything_owed() -> None:
    """1000 + 5000 + 20500 + (9000 - 4500) + (5000 + 10000), entered at the mark."""
    assert equity_usdt(shadow_of(EVERYTHING)) == Decimal(46000)


def test_equity_counts_unrealised_profit_in_its_own_coin() -> None:
    """At 60000: the short of 0.1 BTC lost 1000, the inverse long gained 0.01 BTC."""
    shadow = marked(shadow_of(EVERYTHING), {"BTC": "60000"})
    coins = Decimal("0.1") + 1 + Decimal("0.01") - Decimal("0.1") + Decimal("0.2")
    usdt = 1000 + 500 - 30000 + 9000 + 5000
    assert equity_usdt(shadow) == coins * 60000 + usdt - 1000 + Decimal("0.01") * 60000


def test_exposures_are_where_the_coins_are() -> None:
    """Net of debt, positions with their sign, the reserve left out."""
    shadow = shadow_of(
        opening(
            {
                "main": {"BTC": "9"},
                "spot": {"BTC": "0.5"},
                "margin_cross": {"BTC": "0.2"},
                "futures": {"BTC": "0.3"},
            },
            debts={"margin_cross": {"BTC": "1"}},
            positions=[position(-100), position(-5000, symbol="XBTUSDM")],
        )
    )
    found = {(e.account, e.symbol): e.base_qty for e in coin_exposures(shadow, "BTC")}
    assert found == {
        (SPOT, "BTC-USDT"): Decimal("0.5"),
        (MARGIN_CROSS, "BTC-USDT"): Decimal("-0.8"),
        (FUTURES, "BTC-USDT"): Decimal("0.3"),
        (FUTURES, "XBTUSDTM"): Decimal("-0.1"),
        (FUTURES, "XBTUSDM"): Decimal("-0.1"),
    }
    assert net_exposures(shadow) == {"BTC": Decimal("-0.2")}
    assert [e.is_wallet for e in coin_exposures(shadow, "BTC")] == [
        e.account == FUTURES and e.symbol == "BTC-USDT"
        for e in coin_exposures(shadow, "BTC")
    ]


def test_an_inverse_position_without_a_mark_has_no_known_size() -> None:
    """Its coins depend on the price."""
    contract = rules().contracts["XBTUSDM"]
    held = position(5000, symbol="XBTUSDM")
    assert position_base_qty(contract, held, None) is None
    assert position_base_qty(contract, held, Decimal(0)) is None
    assert position_base_qty(contract, held, Decimal(50000)) == Decimal("0.1")


def leg(account: str, symbol: str, qty: str) -> Exposure:
    """One exposure."""
    return Exposure(AccountId(account), symbol, Decimal(qty))


@pytest.mark.parametrize(
    ("legs", "symbol", "qty"),
    [
        ([("margin_cross", "B", "1"), ("futures", "X", "-1")], "X", "0.2"),
        ([("margin_cross", "B", "1"), ("futures", "X", "-0.5")], "X", "0.10"),
        ([("margin_cross", "B", "1"), ("futures", "X", "-3")], "X", "0.2"),
        ([("margin_cross", "B", "1"), ("futures", "X", "0.5")], "", "0"),
        ([("margin_cross", "B", "1")], "", "0"),
        (
            [
                ("margin_cross", "B", "1"),
                ("futures", "X", "-0.1"),
                ("futures", "Y", "-0.9"),
            ],
            "Y",
            "0.20",
        ),
        (
            [("margin_cross", "B", "1"), ("spot", "B", "1"), ("futures", "X", "-1")],
            "X",
            "0.10",
        ),
        ([("margin_cross", "B", "1"), ("futures", "C-USDT", "-1")], "", "0"),
    ],
)
def test_the_other_leg_takes_its_share(
    legs: list[tuple[str, str, str]], symbol: str, qty: str
) -> None:
    """Of 0.2 coins that leave margin: as much as is hedged, from the largest leg."""
    found = hedge_qty(
        [leg(*each) for each in legs],
        exposure_sign=1,
        qty=Decimal("0.2"),
        from_account=MARGIN_CROSS,
        from_symbol="B",
    )
    assert (found.symbol, found.qty) == (symbol, Decimal(qty))


FRESH = timedelta(seconds=3)


def test_a_view_hides_what_is_stale() -> None:
    """After three seconds a mark is None; USDT is one without a mark."""
    shadow = shadow_of(EVERYTHING)
    now, old = ShadowView(later(shadow, 3), FRESH), ShadowView(later(shadow, 4), FRESH)
    assert now.mark("BTC") == now.futures_mark("XBTUSDTM") == Decimal(50000)
    assert (old.mark("BTC"), old.futures_mark("XBTUSDTM")) == (None, None)
    assert old.mark("USDT") == 1
    assert now.mark("SOL") is None
    depegged = marked(shadow, {"USDT": "0.97"})
    assert ShadowView(depegged, FRESH).mark("USDT") == Decimal("0.97")


def test_a_view_states_the_risk_numbers() -> None:
    """Ratios of accounts without danger are zero, distances None."""
    view = ShadowView(shadow_of(EVERYTHING), FRESH)
    assert rounded(view.debt_ratio(MARGIN_CROSS)) == "0.5941"
    assert view.debt_ratio(SPOT) == 0
    assert view.risk_rate("ETH") == 0
    assert rounded(view.risk_rate("USDT")) == rounded(
        only(view.shadow, "futures:USDT").ratio
    )
    assert view.distance(MAIN) is None
    assert view.distance(FUTURES) == only(view.shadow, "futures:USDT").distance


def test_a_view_lists_in_a_fixed_order() -> None:
    """Accounts and positions sorted; one-way positions by their symbol."""
    view = ShadowView(shadow_of(EVERYTHING), FRESH)
    assert [p.symbol for p in view.positions()] == ["XBTUSDM", "XBTUSDTM"]
    assert view.position("XBTUSDTM") is not None
    assert view.position("ETHUSDTM") is None
    assert view.balance(SPOT, "ETH") == Balance()
    assert view.fee_rates("XBTUSDTM") == (Decimal("0.0002"), Decimal("0.0006"))
    assert view.fee_rates("BTC-USDT") == (Decimal("0.001"), Decimal("0.001"))
    assert view.fee_rates("SOL-USDT") is None


BUY = PlaceOrder(account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.BUY, qty=Decimal(1))
MOVE = Transfer(source=MAIN, target=FUTURES, coin="USDT", amount=Decimal(1))


def test_a_doubt_freezes_what_it_may_have_changed() -> None:
    """An order its symbol and both coins, a transfer its coin in both accounts."""
    shadow = requested(cross_long(), [BUY, MOVE])
    view = ShadowView(shadow, FRESH)
    frozen = [
        (account, name)
        for account in (MAIN, MARGIN_CROSS, FUTURES)
        for name in ("BTC-USDT", "BTC", "USDT", "ETH")
        if view.is_frozen(account, name)
    ]
    assert frozen == [
        (MAIN, "USDT"),
        (MARGIN_CROSS, "BTC-USDT"),
        (MARGIN_CROSS, "BTC"),
        (MARGIN_CROSS, "USDT"),
        (FUTURES, "USDT"),
    ]
    sent = requested(cross_long(), [BUY], IntentState.SENT)
    assert not ShadowView(sent, FRESH).is_frozen(MARGIN_CROSS, "BTC")


def test_what_is_in_flight_is_the_owner_s_own() -> None:
    """An accepted order is one until it leaves the book."""
    loan = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1))
    shadow = requested(cross_long(), [BUY], IntentState.DONE, owner="a")
    shadow = requested(shadow, [loan], IntentState.SENT, owner="b")
    view = ShadowView(shadow, FRESH)
    assert [a.intent for a in view.in_flight("a")] == [BUY]
    assert [a.intent for a in view.in_flight("b")] == [loan]


def test_futures_orders_touch_the_coin_that_they_settle_in() -> None:
    """So that a transfer in doubt stops a new position, and the reverse."""
    order = replace(BUY, account=FUTURES, symbol="XBTUSDM")
    assert touched(rules(), order) == ((FUTURES, "XBTUSDM"), (FUTURES, "BTC"))
    unknown = replace(order, symbol="SOLUSDTM")
    assert touched(rules(), unknown) == ((FUTURES, "SOLUSDTM"),)
