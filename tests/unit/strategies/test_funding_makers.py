"""First legs that rest: hedged while they fill, withdrawn in time, never in danger."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, SPOT, AccountId, Balance
from bot.domain.events import IntentSettled, OrderChanged
from bot.domain.intents import Approved, CancelOrder, PlaceOrder, Proposal
from bot.domain.orders import OrderState, OrderType, Outcome, Side
from bot.shadow.apply import apply, register
from bot.shadow.state import Shadow
from tests.unit.strategies.bench import (
    NOW,
    World,
    balance,
    done,
    position,
    usdt,
    view_of,
)
from tests.unit.strategies.test_funding_arbitrage import asked, carry, hedged, order

WAIT = timedelta(seconds=300)


def ask(shadow: Shadow, **changes: object) -> list[Proposal]:
    """What it proposes on a shadow."""
    return list(carry(maker_s=300, **changes).decide(view_of(shadow), NOW))


def resting(shadow: Shadow, proposal: Proposal, number: str = "1") -> Shadow:
    """The shadow after an order was accepted and rests."""
    approved = Approved(
        intent_id=f"i{number}",
        owner=proposal.owner,
        intent=proposal.intent,
        reason=proposal.reason,
    )
    shadow = register(shadow, approved, shadow.at)
    shadow = apply(shadow, _order(shadow, proposal, number, "0", OrderState.OPEN))
    settled = IntentSettled(
        at=shadow.at, intent_id=f"i{number}", outcome=Outcome.DONE, order_id=number
    )
    return apply(shadow, settled)


def _order(
    shadow: Shadow, proposal: Proposal, number: str, filled: str, state: OrderState
) -> OrderChanged:
    intent = order(proposal)
    return OrderChanged(
        at=shadow.at,
        order_id=number,
        intent_id=f"i{number}",
        account=intent.account,
        symbol=intent.symbol,
        side=intent.side,
        state=state,
        qty=intent.qty,
        filled_qty=Decimal(filled),
        price=intent.price,
    )


def filled(shadow: Shadow, proposal: Proposal, qty: str) -> Shadow:
    """The shadow after so much of the resting order was filled."""
    part = replace(
        order(proposal),
        qty=Decimal(qty),
        type=OrderType.MARKET,
        price=None,
        post_only=False,
    )
    shadow = done(shadow, [replace(proposal, intent=part)])
    is_whole = Decimal(qty) == order(proposal).qty
    state = OrderState.FILLED if is_whole else OrderState.OPEN
    return apply(shadow, _order(shadow, proposal, "1", qty, state))


def withdrawn(shadow: Shadow, proposal: Proposal, qty: str = "0") -> Shadow:
    """The shadow after the exchange cancelled what was left."""
    return apply(shadow, _order(shadow, proposal, "1", qty, OrderState.CANCELLED))


def later(shadow: Shadow, age: timedelta) -> Shadow:
    """The same account some time later, its marks fresh."""
    at = shadow.at + age
    return replace(shadow, at=at, mark_times=dict.fromkeys(shadow.mark_times, at))


def begun() -> tuple[Shadow, Proposal]:
    """A first leg of fifty lots that rests."""
    shadow = World(balances=usdt()).shadow()
    (first,) = ask(shadow)
    return resting(shadow, first), first


def test_the_first_leg_rests_where_resting_saves_more() -> None:
    """The perpetual's maker fee is the cheaper one: it is offered at the best ask."""
    (first,) = ask(World(balances=usdt()).shadow())
    leg = order(first)
    assert (leg.symbol, leg.side, leg.qty) == ("SOLUSDTM", Side.SELL, Decimal(50))
    assert (leg.type, leg.post_only) == (OrderType.LIMIT, True)
    assert leg.price == Decimal("100.1")


def test_nothing_else_is_asked_while_it_rests() -> None:
    """One first leg at a time: until it fills nothing is uncovered."""
    shadow, _ = begun()
    assert ask(shadow) == []
    assert ask(later(shadow, WAIT - timedelta(seconds=1))) == []


def test_each_part_that_fills_is_hedged_at_once() -> None:
    """Twenty of fifty lots sold: two coins are bought, taking, while the rest waits."""
    shadow, first = begun()
    shadow = filled(shadow, first, "20")
    (second,) = ask(shadow)
    leg = order(second)
    assert (leg.symbol, leg.side, leg.qty) == ("SOL-USDT", Side.BUY, Decimal(2))
    assert leg.type is OrderType.MARKET
    assert ask(done(shadow, [second])) == []


def test_it_is_withdrawn_when_its_time_is_over_and_the_rest_takes() -> None:
    """After five minutes it is cancelled; the same chunk then goes at once."""
    shadow, first = begun()
    late = later(shadow, WAIT)
    (withdrawal,) = ask(late)
    assert isinstance(withdrawal.intent, CancelOrder)
    assert withdrawal.intent.order_id == "1"

    (again,) = ask(withdrawn(late, first))
    assert order(again).type is OrderType.MARKET
    (rested,) = ask(later(withdrawn(late, first), WAIT))
    assert order(rested).post_only


def test_a_withdrawal_under_way_is_not_repeated() -> None:
    """While the cancellation has no answer nothing is asked of the pair."""
    shadow, _ = begun()
    late = later(shadow, WAIT)
    (withdrawal,) = ask(late)
    approved = Approved(
        intent_id="i2", owner="carry", intent=withdrawal.intent, reason="rested"
    )
    assert ask(register(late, approved, late.at)) == []


def test_it_is_withdrawn_when_the_carry_has_gone() -> None:
    """A first leg in is no longer wanted once funding has turned."""
    shadow, first = begun()
    turned = World(balances=usdt(), rate="-0.001").shadow()
    (withdrawal,) = ask(replace(shadow, funding=turned.funding))
    assert isinstance(withdrawal.intent, CancelOrder)
    half = filled(shadow, first, "20")
    (second,) = ask(replace(half, funding=turned.funding))
    assert isinstance(second.intent, CancelOrder)


def test_a_halt_withdraws_it() -> None:
    """Where the other leg cannot be traded nothing may fill."""
    shadow, _ = begun()
    (withdrawal,) = ask(replace(shadow, halted=frozenset({"SOL-USDT"})))
    assert isinstance(withdrawal.intent, CancelOrder)


def test_before_a_settlement_there_is_no_time() -> None:
    """A leg that would rest over the settlement it is to collect takes at once."""
    shadow = World(balances=usdt()).shadow()
    quote = shadow.funding["SOLUSDTM"]
    soon = replace(quote, settlement_at=NOW + timedelta(seconds=200))
    (first,) = ask(replace(shadow, funding={**shadow.funding, "SOLUSDTM": soon}))
    assert order(first).type is OrderType.MARKET


def test_the_price_never_crosses_the_book() -> None:
    """A purchase rounds down to the tick, a sale up, from the mark of their market."""
    shadow = World(balances=usdt(), mark=Decimal("73.217")).shadow()
    (sale,) = ask(shadow)
    price = order(sale).price
    assert price is not None
    assert price >= shadow.futures_marks["SOLUSDTM"] * Decimal("1.0001")


def test_leaving_for_carry_rests_and_leaving_in_danger_takes() -> None:
    """Funding that turned leaves time; a high deleveraging rank leaves none."""
    (calm,) = asked(carry(maker_s=300), hedged(rate="-0.0005"))
    assert order(calm).post_only
    assert order(calm).is_reduction

    ranked = hedged(positions=(position("SOLUSDTM", -100, adl_rank=4),))
    (urgent,) = asked(carry(maker_s=300), ranked)
    assert order(urgent).type is OrderType.MARKET


def test_margin_that_runs_low_takes() -> None:
    """What frees margin is not left to rest."""
    coins = {"SOL": balance("10"), "USDT": balance("0")}
    balances: dict[AccountId, Mapping[str, Balance]] = {
        SPOT: coins,
        FUTURES: {"USDT": balance("300")},
    }
    world = World(balances=balances, positions=(position("SOLUSDTM", -100),))
    (proposal,) = asked(carry(maker_s=300), world)
    assert order(proposal).type is OrderType.MARKET


def test_a_leg_that_rests_out_is_followed_by_its_other_leg() -> None:
    """Twenty lots bought back while leaving: two coins are sold at once."""
    shadow = hedged(rate="-0.0005").shadow()
    (first,) = ask(shadow)
    assert order(first).symbol == "SOLUSDTM"
    shadow = filled(resting(shadow, first), first, "20")
    (second,) = ask(shadow)
    leg = order(second)
    assert (leg.symbol, leg.side, leg.qty) == ("SOL-USDT", Side.SELL, Decimal(2))
    assert leg.is_reduction


@pytest.mark.parametrize("qty", ["20", "50"])
def test_what_cannot_be_hedged_is_withdrawn_and_unwound(qty: str) -> None:
    """Sold lots whose coins cannot be paid: no more may fill, then they are closed."""
    shadow, first = begun()
    shadow = filled(shadow, first, qty)
    poor = replace(shadow, balances={**shadow.balances, SPOT: {"USDT": balance("0.5")}})
    (proposal,) = ask(poor, moves_usdt=False)
    if qty == "50":
        assert order(proposal).is_reduction
        return
    assert isinstance(proposal.intent, CancelOrder)
    (unwound,) = ask(withdrawn(poor, first, qty), moves_usdt=False)
    assert isinstance(unwound.intent, PlaceOrder)
    assert unwound.intent.is_reduction


def test_an_order_of_somebody_else_is_left_alone() -> None:
    """A person's resting order is neither withdrawn nor waited for."""
    shadow = World(balances=usdt()).shadow()
    (first,) = ask(shadow)
    foreign = replace(_order(shadow, first, "9", "0", OrderState.OPEN), intent_id=None)
    (again,) = ask(apply(shadow, foreign))
    assert order(again) == order(first)
