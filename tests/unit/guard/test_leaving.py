"""Leaving what is delisted: when, in what order, with which legs, and when not."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, Balance
from bot.domain.announced import Delisting
from bot.domain.events import OrderChanged
from bot.domain.intents import CancelOrder, PlaceOrder, Repay
from bot.domain.orders import OrderState, Side
from bot.domain.strategy import Setback
from bot.guard.leaving import LEAVE_LEAD, Left, leave_round
from bot.guard.limits import GuardLimits
from bot.guard.state import GUARD, LeavingState
from bot.shadow.state import Shadow
from tests.unit.guard.bench import START, depth, position, requested, shadow_of
from tests.unit.venue.builders import opening

D = Decimal
HOUR = timedelta(hours=1)
PAIR = opening(
    {"margin_cross": {"BTC": "1"}, "futures": {"USDT": "20000"}},
    debts={"margin_cross": {"USDT": "30000"}},
    positions=[position(-1000)],
)
"""1 BTC on credit against 1 BTC sold in futures."""


def gone(name: str, hours: float = 12) -> GuardLimits:
    """Limits under which a name is delisted so many hours after the start."""
    return GuardLimits(delistings=(Delisting(START + hours * HOUR, name),))


def rounded(
    shadow: Shadow,
    limits: GuardLimits,
    state: LeavingState | None = None,
    *,
    is_curing: bool = False,
) -> Left:
    """One round that has something to say."""
    found = leave_round(shadow, state or LeavingState(), limits, is_curing=is_curing)
    assert found is not None
    return found


def orders(left: Left) -> list[tuple[str, str, Side, Decimal]]:
    """What a round trades: account, symbol, side, quantity."""
    return [
        (p.intent.account, p.intent.symbol, p.intent.side, p.intent.qty)
        for p in left.proposals
        if isinstance(p.intent, PlaceOrder)
    ]


def test_both_legs_leave_by_the_same_coins() -> None:
    """The margin leg is sold and the short bought back, marked as a pair."""
    left = rounded(shadow_of(PAIR), gone("BTC"))

    assert sorted(orders(left)) == [
        ("futures", "XBTUSDTM", Side.BUY, D(1000)),
        ("margin_cross", "BTC-USDT", Side.SELL, D(1)),
    ]
    assert {p.pair for p in left.proposals} == {"BTC"}
    assert all(p.owner == GUARD for p in left.proposals)
    assert "BTC is delisted at 2025-01-02T00:00:00+00:00" in left.proposals[0].reason
    assert [note.text for note in left.notes] == [
        "leaving BTC, which is delisted at 2025-01-02T00:00:00+00:00"
    ]


def test_a_contract_takes_its_hedge_along() -> None:
    """The position would be settled and leave the coins alone: both go."""
    left = rounded(shadow_of(PAIR), gone("XBTUSDTM"))

    assert sorted(symbol for _, symbol, _, _ in orders(left)) == [
        "BTC-USDT",
        "XBTUSDTM",
    ]


@pytest.mark.parametrize(("hours", "leaves"), [(24.1, False), (23.9, True), (-5, True)])
def test_it_begins_a_day_before_and_never_ends(hours: float, leaves: bool) -> None:
    """Earlier nothing is done; what is still there after its time is left too."""
    assert timedelta(hours=24) == LEAVE_LEAD
    left = rounded(shadow_of(PAIR), gone("BTC", hours))

    assert bool(orders(left)) is leaves


def test_without_a_delisting_nothing_is_looked_at() -> None:
    """The common case costs nothing."""
    state = LeavingState()

    assert leave_round(shadow_of(PAIR), state, GuardLimits(), is_curing=False) is None


def test_what_the_exchange_states_counts_as_the_settings_do() -> None:
    """A delisting in the rules is left without any setting."""
    shadow = shadow_of(PAIR)
    told = (Delisting(START + HOUR, "BTC"),)
    shadow = replace(shadow, rules=replace(shadow.rules, delistings=told))

    assert orders(rounded(shadow, GuardLimits()))


def test_a_chunk_is_what_a_minute_gives_and_then_waits() -> None:
    """10 % of a minute's 2 BTC; five seconds later a twelfth of that."""
    shadow = depth(shadow_of(PAIR), "BTC-USDT", "2")
    first = rounded(shadow, gone("BTC"))
    same = rounded(shadow, gone("BTC"), first.state)
    later = rounded(
        replace(shadow, at=START + timedelta(seconds=30)), gone("BTC"), first.state
    )

    sold = {symbol: qty for _, symbol, _, qty in orders(first)}
    assert sold == {"BTC-USDT": D("0.2"), "XBTUSDTM": D(200)}
    assert orders(same) == []
    assert {qty for _, symbol, _, qty in orders(later) if symbol == "BTC-USDT"} == {
        D("0.1")
    }


def test_a_loan_of_the_coin_is_repaid_from_what_is_there_first() -> None:
    """Owed and owned at once: repaid before anything trades."""
    account = opening(
        {"margin_cross": {"BTC": "0.4", "USDT": "60000"}},
        debts={"margin_cross": {"BTC": "1"}},
    )
    shadow = shadow_of(account)
    (repayment,) = rounded(shadow, gone("BTC")).proposals
    assert repayment.intent == Repay(account=MARGIN_CROSS, coin="BTC", amount=D("0.4"))

    coins = {"BTC": Balance(principal=D("0.6")), "USDT": Balance(total=D(60000))}
    shadow = replace(shadow, balances={MARGIN_CROSS: coins})
    assert orders(rounded(shadow, gone("BTC"))) == [
        ("margin_cross", "BTC-USDT", Side.BUY, D("0.6"))
    ]


def test_orders_that_would_add_to_it_are_cancelled_first() -> None:
    """A resting purchase of the coin goes before anything is sold."""
    order = OrderChanged(
        at=START,
        order_id="o-1",
        intent_id=None,
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.BUY,
        state=OrderState.OPEN,
        qty=D(10),
        filled_qty=D(0),
        price=D(40000),
    )
    shadow = replace(shadow_of(PAIR), orders={"o-1": order})
    (cancel,) = rounded(shadow, gone("BTC")).proposals

    assert cancel.intent == CancelOrder(
        account=FUTURES, symbol="XBTUSDTM", order_id="o-1"
    )


def test_an_order_on_its_way_is_waited_for() -> None:
    """Nothing is sold twice, also when late: then what is surely left goes."""
    sale = PlaceOrder(
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=Side.SELL,
        qty=D("0.2"),
        is_reduction=True,
    )

    shadow = requested(shadow_of(PAIR), [sale])

    assert not rounded(shadow, gone("BTC")).proposals
    late = {
        symbol: qty for _, symbol, _, qty in orders(rounded(shadow, gone("BTC", 1)))
    }
    assert late["BTC-USDT"] == D("0.8")


def test_a_refusal_is_not_answered_with_the_same_order_at_once() -> None:
    """Two minutes of rest after a refusal, then it is tried again."""
    shadow = shadow_of(PAIR)
    sale = PlaceOrder(
        account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.SELL, qty=D("0.2")
    )
    refused = Setback(at=START, intent=sale, reason="no")
    shadow = replace(shadow, setbacks={(GUARD, "BTC-USDT"): refused})
    later = replace(shadow, at=START + timedelta(seconds=121))

    assert not rounded(shadow, gone("BTC")).proposals
    assert rounded(later, gone("BTC")).proposals


def test_a_cure_goes_first_until_two_hours_are_left() -> None:
    """An account in danger is cured by the best lever, not by this one."""
    shadow = shadow_of(PAIR)

    assert not rounded(shadow, gone("BTC"), is_curing=True).proposals
    assert rounded(shadow, gone("BTC", 1.9), is_curing=True).proposals


def test_coins_that_nothing_can_liquidate_stay() -> None:
    """Without debt the coins are the owner's; on spot and in main always."""
    account = opening({"margin_cross": {"BTC": "1"}, "spot": {"BTC": "1"}})

    assert not rounded(shadow_of(account), gone("BTC")).proposals


def test_its_end_is_told_once_and_what_is_idle_can_be_repaid() -> None:
    """When nothing rests on it any more, and dust is nothing."""
    left = LeavingState(begun=frozenset({"BTC"}))
    account = opening(
        {"margin_cross": {"BTC": "0.00001", "ETH": "20"}},
        debts={"margin_cross": {"USDT": "9000"}},
    )
    done = rounded(shadow_of(account), gone("BTC"), left)

    assert done.is_over
    assert [note.text for note in done.notes] == [
        "nothing that can be liquidated rests on BTC any more"
    ]
    assert not rounded(shadow_of(account), gone("BTC"), done.state).notes
