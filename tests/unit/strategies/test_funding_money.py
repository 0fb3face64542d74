"""The USDT of a pair: it goes where it is lacking, and never back and forth."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT, AccountId, Balance
from bot.domain.intents import PlaceOrder, Proposal, Transfer
from bot.domain.strategy import Setback
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
from tests.unit.strategies.test_funding_arbitrage import asked, carry, short


def transfer(proposal: Proposal) -> tuple[str, str, Decimal]:
    """Where from, where to, how much."""
    intent = proposal.intent
    assert isinstance(intent, Transfer)
    return intent.source, intent.target, intent.amount


def pair_world(wallet: str, spot: str, lots: int = -100) -> World:
    """Ten coins against a hundred lots, so much USDT on either side."""
    coins = {"SOL": balance("10"), "USDT": balance(spot)}
    balances: dict[AccountId, Mapping[str, Balance]] = {
        SPOT: coins,
        FUTURES: {"USDT": balance(wallet)},
    }
    return World(balances=balances, positions=[position("SOLUSDTM", lots)])


def test_one_deposit_is_enough_for_both_legs() -> None:
    """All USDT lies on spot: futures get their share of it, then the pair is built."""
    shadow = World(balances=usdt(spot="3000", futures="0")).shadow()
    strategy, moves, orders = carry(), list[object](), list[PlaceOrder]()
    for _ in range(8):
        for proposal in strategy.decide(view_of(shadow), NOW):
            shadow = done(shadow, [proposal])
            if isinstance(proposal.intent, Transfer):
                moves.append(transfer(proposal))
            elif isinstance(proposal.intent, PlaceOrder):
                orders.append(proposal.intent)

    assert moves == [(SPOT, FUTURES, Decimal(510))]
    assert len(orders) == 4
    assert shadow.balance(SPOT, "SOL").total == 10


def test_a_deposit_on_futures_buys_the_coins_too() -> None:
    """All USDT lies in futures: as many coins are bought as both legs can carry."""
    shadow = World(balances=usdt(spot="0", futures="1000")).shadow()
    strategy = carry()
    (first,) = strategy.decide(view_of(shadow), NOW)
    source, target, amount = transfer(first)
    assert (source, target) == (FUTURES, SPOT)
    assert Decimal(640) < amount < Decimal(680)

    shadow = done(shadow, [first])
    for _ in range(6):
        for proposal in strategy.decide(view_of(shadow), NOW):
            assert not isinstance(proposal.intent, Transfer)
            shadow = done(shadow, [proposal])
    assert Decimal(5) <= shadow.balance(SPOT, "SOL").total < 7


def test_too_little_for_half_a_chunk_moves_nothing() -> None:
    """Where both accounts together carry no chunk, USDT stays where it is."""
    assert asked(carry(), World(balances=usdt(spot="0", futures="300"))) == []


def test_thin_margin_is_filled_before_a_pair_is_given_up() -> None:
    """A wallet under its floor gets what it lacks to its share, and no more."""
    (proposal,) = asked(carry(), pair_world("300", "4000"))
    assert transfer(proposal) == (SPOT, FUTURES, Decimal(200))

    (proposal,) = asked(carry(), pair_world("300", "50"))
    assert transfer(proposal)[2] == Decimal(50)


def test_a_chunk_goes_where_nothing_is_left_to_move() -> None:
    """Without spare USDT, or where it must not be moved, margin is freed by a chunk."""
    for strategy, world in (
        (carry(), pair_world("300", "0")),
        (carry(moves_usdt=False), pair_world("300", "4000")),
    ):
        (proposal,) = asked(strategy, world)
        assert isinstance(proposal.intent, PlaceOrder)
        assert proposal.intent.is_reduction


def test_a_refused_transfer_rests() -> None:
    """After a refusal no transfer is tried for the pause, and a chunk is freed."""
    refused = Setback(
        at=NOW,
        intent=Transfer(source=SPOT, target=FUTURES, coin="USDT", amount=Decimal(1)),
        reason="no permission",
    )
    world = pair_world("300", "4000")
    held = World(
        balances=world.balances,
        positions=world.positions,
        setbacks={("carry", "USDT"): refused},
    )
    (proposal,) = asked(carry(), held)
    assert isinstance(proposal.intent, PlaceOrder)


@pytest.mark.parametrize("moves_usdt", [True, False])
def test_a_floor_of_nought_is_none(moves_usdt: bool) -> None:
    """However thin the margin is, it is left to the guard."""
    strategy = carry(margin_floor=0, moves_usdt=moves_usdt)
    assert asked(strategy, pair_world("10", "4000")) == []


@pytest.mark.parametrize("wallet", ["334", "500", "2000"])
def test_enough_margin_moves_nothing(wallet: str) -> None:
    """Between the floor and any surplus a whole pair of full size is left alone."""
    assert asked(carry(), pair_world(wallet, "4000")) == []


def test_a_pair_that_grows_gets_what_its_old_half_lacks_too() -> None:
    """Margin between floor and share is filled for all that will stand there."""
    half = pair_world("200", "4000", lots=-50)
    coins = {"SOL": balance("5"), "USDT": balance("4000")}
    world = World(balances={**half.balances, SPOT: coins}, positions=half.positions)
    (first,) = asked(carry(), world)
    assert transfer(first) == (SPOT, FUTURES, Decimal(305))

    shadow = done(world.shadow(), [first])
    (leg,) = carry().decide(view_of(shadow), NOW)
    assert isinstance(leg.intent, PlaceOrder)


def owing(coins: str, cash: str, futures: str) -> Shadow:
    """Ten coins sold short in cross margin against a hundred lots."""
    balances: dict[AccountId, Mapping[str, Balance]] = {
        MARGIN_CROSS: {"SOL": balance("0", owed=coins), "USDT": balance(cash)},
        FUTURES: {"USDT": balance(futures)},
    }
    return World(
        balances=balances, positions=[position("SOLUSDTM", 100)], rate="-0.001"
    ).shadow()


def test_a_short_leg_gets_what_stands_behind_its_loan() -> None:
    """Equity under the floor behind a loan is filled from the perpetuals' surplus."""
    found = list(short().decide(view_of(owing("10", "1300", "5000")), NOW))
    (proposal,) = found
    assert transfer(proposal) == (FUTURES, MARGIN_CROSS, Decimal(200))


def test_a_margin_account_that_owes_spares_only_what_is_beyond_sixty_percent() -> None:
    """What leaves a margin account leaves a debt ratio under the exchange's 60 %."""
    shadow = owing("10", "1900", "300")
    (proposal,) = short().decide(view_of(shadow), NOW)
    source, target, amount = transfer(proposal)
    assert (source, target, amount) == (MARGIN_CROSS, FUTURES, Decimal(200))
    assert Decimal(1000) / (Decimal(1900) - amount) <= Decimal("0.6")
