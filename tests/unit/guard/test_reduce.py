"""Worked examples of reductions: which leg goes, how much of it, and its hedge."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    AccountSnapshot,
    Position,
    PositionKey,
    isolated_account,
)
from bot.domain.instruments import Lots, Rules
from bot.domain.intents import PlaceOrder, Repay
from bot.domain.orders import IntentState, Side
from bot.guard.legs import closing_order, with_other_leg
from bot.guard.limits import GuardLimits, Thresholds
from bot.guard.paydown import paid_down
from bot.guard.reduce import Cut, reductions
from bot.guard.sizing import is_at_target
from bot.risk.measure import measure_subject
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.unit.guard.bench import (
    LIMITS,
    THRESHOLDS,
    cross_long,
    depth,
    marked,
    measured,
    position,
    requested,
    shadow_of,
    subject_state,
    verdict_on,
)
from tests.unit.venue.builders import opening, rules

FAR = Thresholds(act=Decimal("0.3"), target=Decimal("0.5"), backstop=Decimal("0.85"))


def cuts(
    shadow: Shadow,
    subject: str = "margin_cross",
    thresholds: Thresholds = THRESHOLDS,
    *,
    cut_ago: dict[str, float] | None = None,
    limits: GuardLimits = LIMITS,
) -> list[Cut]:
    """All cuts of a subject, the first one first."""
    cut_at = {
        symbol: shadow.at - timedelta(seconds=ago)
        for symbol, ago in (cut_ago or {}).items()
    }
    known = subject_state(thresholds, cut_at)
    return list(
        reductions(shadow, verdict_on(shadow, subject, thresholds), known, limits)
    )


def orders(cut: Cut) -> list[PlaceOrder]:
    """The orders of a cut, its own leg first."""
    found = [p.intent for p in cut.proposals]
    assert all(isinstance(intent, PlaceOrder) for intent in found)
    return [intent for intent in found if isinstance(intent, PlaceOrder)]


def pair_account(spot: str = "1", lots: int = -1000) -> AccountSnapshot:
    """BTC in margin against a debt, short the perpetual."""
    return opening(
        {"margin_cross": {"BTC": spot}, "futures": {"USDT": "20000"}},
        debts={"margin_cross": {"USDT": "40000"}},
        positions=[position(lots)],
    )


def test_a_long_is_sold_as_little_as_cures_it() -> None:
    """After the sale and the repayment of what it brings, the target is just met."""
    shadow = cross_long()
    (cut,) = cuts(shadow)
    (order,) = orders(cut)
    assert (order.side, order.symbol) == (Side.SELL, "BTC-USDT")
    assert order.is_reduction

    def cured(qty: Decimal) -> bool:
        done = project(shadow, replace(order, qty=qty))
        after = paid_down(shadow, done, MARGIN_CROSS)
        return is_at_target(measure_subject(after, "margin_cross"), THRESHOLDS)

    assert cured(order.qty)
    assert not cured(order.qty - Decimal("0.0005"))
    assert Decimal("0.2") < order.qty < Decimal("0.3")


def test_a_short_is_bought_back() -> None:
    """Owing BTC against USDT, the danger is a rise: some of the debt is bought."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"USDT": "60000"}}, debts={"margin_cross": {"BTC": "1"}}
        )
    )
    (order,) = orders(cuts(shadow)[0])
    assert order.side is Side.BUY
    assert Decimal("0.05") < order.qty < Decimal("0.5")


def test_a_backstop_sells_only_what_its_repayment_needs() -> None:
    """At a ratio of 0.86 that no uniform move moves, a part of the long is sold.

    ETH against a debt in BTC: selling alone leaves the ratio, buying back lowers it.
    """
    shadow = shadow_of(
        opening(
            {"margin_cross": {"ETH": "20"}}, debts={"margin_cross": {"BTC": "0.86"}}
        )
    )
    assert measured(shadow, "margin_cross").distance is None
    (order,) = orders(cuts(shadow)[0])
    assert (order.symbol, order.side) == ("ETH-USDT", Side.SELL)
    assert Decimal(1) < order.qty < Decimal(4)


def test_sizes_round_up_to_what_trades() -> None:
    """A cure that needs less than the least order trades the least order."""
    shadow = marked(cross_long(usdt_owed="36355"), {"BTC": "50000"})
    assert Decimal("0.2499") < (measured(shadow, "margin_cross").distance or 0)
    (order,) = orders(cuts(shadow)[0])
    steps = rules().spot["BTC-USDT"]
    assert order.qty >= steps.base_min
    assert order.qty % steps.base_increment == 0
    assert order.qty * 50000 >= steps.min_funds


def test_no_dust_is_left_that_cannot_be_sold() -> None:
    """What would remain under the least order goes with the rest."""
    coarse = replace(
        rules(),
        spot={
            "BTC-USDT": replace(
                rules().spot["BTC-USDT"],
                base_min=Decimal("0.4"),
                base_increment=Decimal("0.1"),
            )
        },
    )
    shadow = replace(cross_long(btc="0.9", usdt_owed="31000"), rules=coarse)
    needs = Thresholds(
        act=Decimal("0.3"), target=Decimal("0.7"), backstop=Decimal("0.85")
    )
    (order,) = orders(cuts(shadow, thresholds=needs)[0])
    assert order.qty == Decimal("0.9")


def test_a_sale_is_no_larger_than_what_is_still_a_reduction() -> None:
    """With 0.9 of 1 BTC on sale already and no answer, 0.1 is left to sell."""
    asked = PlaceOrder(
        account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.SELL, qty=Decimal("0.9")
    )
    for state in (IntentState.IN_DOUBT, IntentState.SENT):
        shadow = requested(cross_long(usdt_owed="47000"), [asked], state)
        (order,) = orders(cuts(shadow)[0])
        assert order.qty == Decimal("0.1")


def test_an_order_the_other_way_makes_a_sale_no_smaller() -> None:
    """If the doubtful purchase was done there is only more to sell."""
    asked = PlaceOrder(
        account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.9")
    )
    shadow = cross_long(usdt_owed="47000")
    alone = orders(cuts(shadow)[0])
    assert orders(cuts(requested(shadow, [asked]))[0]) == alone


def test_fills_that_are_known_are_not_doubted() -> None:
    """What an order in doubt has filled is out of the balance already."""
    asked = PlaceOrder(
        account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.SELL, qty=Decimal("0.9")
    )
    shadow = requested(cross_long(usdt_owed="47000"), [asked])
    filled = replace(shadow.requests["r0"], filled_qty=Decimal("0.5"))
    shadow = replace(shadow, requests={"r0": filled})
    (order,) = orders(cuts(shadow)[0])
    assert order.qty == Decimal("0.6")


def test_a_cut_takes_a_tenth_of_a_minute_at_once() -> None:
    """Of 1 BTC a minute, 0.1 is sold now; ten seconds after a cut a sixth of it."""
    shadow = depth(cross_long(usdt_owed="47000"), "BTC-USDT", "1")
    assert orders(cuts(shadow)[0])[0].qty == Decimal("0.1")
    soon = cuts(shadow, cut_ago={"BTC-USDT": 12})
    assert orders(soon[0])[0].qty == Decimal("0.02")


def test_a_cut_waits_for_its_depth() -> None:
    """Within five seconds after a cut nothing is proposed, and it is said."""
    shadow = depth(cross_long(), "BTC-USDT", "1")
    (cut,) = cuts(shadow, cut_ago={"BTC-USDT": 4.9})
    assert cut.proposals == ()
    assert "waits for the depth" in cut.summary


def test_a_halted_pair_is_not_cut() -> None:
    """Where trading is halted there is nothing to send."""
    shadow = replace(cross_long(), halted=frozenset({"BTC-USDT"}))
    assert cuts(shadow) == []


def test_an_isolated_pair_trades_itself() -> None:
    """The isolated account of BTC-USDT sells BTC-USDT, with its own limits."""
    pair = isolated_account("BTC-USDT")
    shadow = shadow_of(opening({pair: {"BTC": "1"}}, debts={pair: {"USDT": "46000"}}))
    (order,) = orders(cuts(shadow, pair)[0])
    assert (order.account, order.symbol) == (pair, "BTC-USDT")


def test_a_futures_position_is_cut_in_whole_lots() -> None:
    """The fewest lots that reach the target; one less would not."""
    account = opening({"futures": {"USDT": "700"}}, positions=[position(100)])
    shadow = shadow_of(account)
    thresholds = replace(FAR, backstop=Decimal("0.99"))
    (order,) = orders(cuts(shadow, "futures:USDT", thresholds)[0])
    assert order.reduce_only
    assert order.side is Side.SELL

    def cured(lots: Decimal) -> bool:
        after = project(shadow, replace(order, qty=lots))
        return is_at_target(measure_subject(after, "futures:USDT"), thresholds)

    assert cured(order.qty)
    assert not cured(order.qty - 1)


def test_a_position_of_few_lots_is_measured_in_whole_lots() -> None:
    """Two large lots: half of the position is one of them, not one and a half."""
    big = replace(rules().contracts["XBTUSDTM"], multiplier=Decimal(1))
    shadow = shadow_of(
        opening(
            {"futures": {"USDT": "30000"}},
            positions=[replace(position(2), entry_value=Decimal(100_000))],
        )
    )
    shadow = replace(shadow, rules=Rules(contracts={"XBTUSDTM": big}))
    needs = replace(FAR, target=Decimal("0.55"), backstop=Decimal("0.99"))
    (order,) = orders(cuts(shadow, "futures:USDT", needs)[0])
    assert order.qty == 1


def test_lots_round_up_to_the_lot_size() -> None:
    """A contract that trades tens of lots is cut by tens, never by more than held."""
    tens = replace(rules().contracts["XBTUSDTM"], lot_size=10)
    account = opening({"futures": {"USDT": "700"}}, positions=[position(100)])
    shadow = replace(shadow_of(account), rules=Rules(contracts={"XBTUSDTM": tens}))
    thresholds = replace(FAR, backstop=Decimal("0.99"))
    (order,) = orders(cuts(shadow, "futures:USDT", thresholds)[0])
    assert order.qty % 10 == 0
    assert order.qty <= 100


def test_both_legs_of_a_pair_leave_evenly() -> None:
    """A fully hedged BTC: what is sold in margin is bought back in futures."""
    shadow = shadow_of(pair_account())
    first, other = orders(cuts(shadow, thresholds=FAR)[0])
    assert (first.account, first.side) == (MARGIN_CROSS, Side.SELL)
    assert (other.account, other.side) == (FUTURES, Side.BUY)
    assert other.reduce_only
    assert abs(first.qty - other.qty * Decimal("0.001")) < Decimal("0.001")


def test_half_a_hedge_loses_half_as_much() -> None:
    """With half of the coins hedged, half of the cut leaves the hedge."""
    shadow = shadow_of(pair_account(lots=-500))
    first, other = orders(cuts(shadow, thresholds=FAR)[0])
    apart = first.qty / 2 - other.qty * Decimal("0.001")
    assert abs(apart) < Decimal("0.001")


def test_the_thinner_market_decides_for_both_legs() -> None:
    """A hedge that gives 0.02 BTC a cut holds the other leg to as much."""
    shadow = depth(shadow_of(pair_account()), "XBTUSDTM", "0.2")
    first, other = orders(cuts(shadow, thresholds=FAR)[0])
    assert other.qty == 20
    assert abs(first.qty - Decimal("0.02")) < Decimal("0.001")


@pytest.mark.parametrize("volume", ["1", "1.005"])
def test_whole_lots_decide_what_their_coins_sell(volume: str) -> None:
    """A tenth of a minute's volume is 0.1 BTC or a little more: 100 lots, 0.1 BTC.

    275 lots by 0.1 over 0.275 are exactly 100, which a share rounded first is not.
    """
    account = opening(
        {"margin_cross": {"BTC": "0.275"}, "futures": {"USDT": "100"}},
        positions=[position(-275)],
    )
    shadow = depth(shadow_of(account), "BTC-USDT", volume)
    order = closing_order(next(iter(shadow.positions.values())), Decimal(275))
    legs = with_other_leg(shadow, order, "BTC", {}, LIMITS)
    assert legs is not None
    first, other = legs
    assert other is not None
    assert (first.qty, other.qty) == (Decimal(100), Decimal("0.1"))


def test_a_pair_waits_when_one_of_its_markets_has_to_recover() -> None:
    """Neither leg goes alone because the other's depth was just used."""
    shadow = depth(shadow_of(pair_account()), "XBTUSDTM", "0.2")
    (cut,) = cuts(shadow, thresholds=FAR, cut_ago={"XBTUSDTM": 1})
    assert cut.proposals == ()


def test_an_account_is_not_left_in_danger_because_its_hedge_is_halted() -> None:
    """If the other leg cannot trade at all, the endangered one goes alone."""
    shadow = replace(shadow_of(pair_account()), halted=frozenset({"XBTUSDTM"}))
    assert len(orders(cuts(shadow, thresholds=FAR)[0])) == 1


def test_a_hedge_may_be_another_contract() -> None:
    """A long of XBTUSDTM against a short of XBTUSDM: both are cut."""
    account = opening(
        {"futures": {"USDT": "5000", "BTC": "0.4"}},
        positions=[position(1000), position(-50_000, symbol="XBTUSDM")],
    )
    shadow = shadow_of(account)
    first, other = orders(cuts(shadow, "futures:USDT", FAR)[0])
    assert (first.symbol, first.side) == ("XBTUSDTM", Side.SELL)
    assert (other.symbol, other.side) == ("XBTUSDM", Side.BUY)


def test_coins_in_the_futures_wallet_are_no_leg_to_sell() -> None:
    """A short of XBTUSDM on a BTC wallet is cut alone: the wallet does not trade."""
    account = opening(
        {"futures": {"BTC": "0.3"}}, positions=[position(-40_000, symbol="XBTUSDM")]
    )
    shadow = shadow_of(account)
    found = [orders(cut) for cut in cuts(shadow, "futures:BTC", FAR)]
    assert [[o.symbol for o in legs] for legs in found] == [["XBTUSDM"]]


def test_the_endangered_side_goes_first_the_other_after_it() -> None:
    """Falling prices endanger longs: the long is cut before the short."""
    account = opening(
        {"futures": {"USDT": "3000"}}, positions=[position(-100), position(300)]
    )
    both: dict[PositionKey, Position] = {
        PositionKey("XBTUSDTM"): position(300),
        PositionKey("ETHUSDTM"): replace(
            position(-100), symbol="ETHUSDTM", lots=Lots(-100)
        ),
    }
    eth = replace(rules().contracts["XBTUSDTM"], symbol="ETHUSDTM", base="ETH")
    shadow = replace(
        shadow_of(account),
        positions=both,
        rules=replace(rules(), contracts={**rules().contracts, "ETHUSDTM": eth}),
    )
    shadow = replace(
        shadow, futures_marks={**shadow.futures_marks, "ETHUSDTM": Decimal(50000)}
    )
    found = [orders(cut)[0].symbol for cut in cuts(shadow, "futures:USDT", FAR)]
    assert found == ["XBTUSDTM", "ETHUSDTM"]


def test_a_repayment_follows_the_sale_in_the_forecast() -> None:
    """Cash that a sale brings pays the debt of its own coin, then other debts."""
    shadow = shadow_of(
        opening(
            {"margin_cross": {"ETH": "40"}},
            debts={"margin_cross": {"USDT": "10000", "BTC": "1"}},
        )
    )
    sale = PlaceOrder(
        account=MARGIN_CROSS,
        symbol="ETH-USDT",
        side=Side.SELL,
        qty=Decimal(10),
        price=Decimal(2500),
    )
    after = paid_down(shadow, project(shadow, sale), MARGIN_CROSS)
    assert after.balance(MARGIN_CROSS, "USDT").liability == 0
    assert after.balance(MARGIN_CROSS, "USDT").total == 0
    left = after.balance(MARGIN_CROSS, "BTC").principal
    assert left == 1 - (Decimal(25_000) * Decimal("0.999") - 10_000) / 50_000
    same = project(shadow, Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1)))
    assert paid_down(same, same, MARGIN_CROSS) == same
