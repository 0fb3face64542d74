"""Funding arbitrage: worked examples of entering, mending and leaving a pair."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT, AccountId, Balance
from bot.domain.errors import UsageError
from bot.domain.events import FundingQuoted
from bot.domain.intents import Borrow, PlaceOrder, Proposal, Repay
from bot.domain.orders import Side
from bot.domain.strategy import Setback, Strategy
from strategies import KINDS
from tests.unit.strategies.bench import (
    NOW,
    World,
    balance,
    done,
    position,
    usdt,
    view_of,
)


def carry(**changes: object) -> Strategy:
    """A strategy on SOL with chunks of 5 coins and pairs of 10."""
    values: Mapping[str, object] = {
        "coins": ["SOL"],
        "notional_usdt": 1000,
        "chunk_usdt": 500,
        "maker_s": 0,
        **changes,
    }
    return KINDS["funding_arbitrage"]("carry", None, values)


def short(**changes: object) -> Strategy:
    """The same with its spot leg in cross margin, so that it can sell short."""
    return carry(spot_account="margin_cross", **changes)


def asked(strategy: Strategy, world: World) -> list[Proposal]:
    """What a strategy proposes in a world."""
    return list(strategy.decide(world.view(), NOW))


def order(proposal: Proposal) -> PlaceOrder:
    """The order of a proposal."""
    assert isinstance(proposal.intent, PlaceOrder)
    return proposal.intent


def margin(coins: Mapping[str, Balance], futures: str = "10000") -> World:
    """A world whose spot legs lie in cross margin, with negative funding."""
    balances: dict[AccountId, Mapping[str, Balance]] = {
        MARGIN_CROSS: coins,
        FUTURES: {"USDT": balance(futures)},
    }
    return World(balances=balances, rate="-0.001")


def test_positive_funding_begins_with_the_dearer_leg() -> None:
    """One chunk of the leg with the wider spread goes first, the other not yet."""
    (proposal,) = asked(carry(), World(balances=usdt()))

    assert order(proposal).symbol == "SOL-USDT"
    assert order(proposal).side is Side.BUY
    assert order(proposal).qty == 5
    assert proposal.pair == "SOL"
    assert proposal.owner == "carry"


def test_the_perpetual_goes_first_where_it_is_dearer() -> None:
    """With the wider spread on the perpetual the chunk is 50 lots of 0.1 short."""
    world = World(balances=usdt(), half_spread="0.0001", perp_half_spread="0.005")
    (proposal,) = asked(carry(), world)

    assert (order(proposal).symbol, int(order(proposal).qty)) == ("SOLUSDTM", 50)
    assert order(proposal).side is Side.SELL


def test_the_other_leg_follows_the_fill() -> None:
    """After 5 coins were bought the next decision sells 50 lots, no more, no less."""
    shadow = World(balances=usdt()).shadow()
    shadow = done(shadow, carry().decide(view_of(shadow), NOW))
    (proposal,) = carry().decide(view_of(shadow), NOW)

    assert (order(proposal).symbol, int(order(proposal).qty)) == ("SOLUSDTM", 50)
    assert order(proposal).side is Side.SELL
    assert not order(proposal).is_reduction


def test_it_grows_to_its_notional_and_rests() -> None:
    """Two chunks make 10 coins against 100 lots; then nothing more is proposed."""
    shadow = World(balances=usdt()).shadow()
    for _ in range(4):
        shadow = done(shadow, carry().decide(view_of(shadow), NOW))

    assert shadow.balance(SPOT, "SOL").total == 10
    assert [p.lots for p in shadow.positions.values()] == [-100]
    assert list(carry().decide(view_of(shadow), NOW)) == []


def test_negative_funding_borrows_sells_and_buys_the_perpetual() -> None:
    """The mirror: 5 coins borrowed, sold in margin, 50 lots long; and nothing after."""
    world = margin({"USDT": balance("10000")})
    strategy = short(notional_usdt=500)
    shadow, seen = world.shadow(), list[object]()
    for _ in range(3):
        (proposal,) = strategy.decide(view_of(shadow), NOW)
        seen.append(proposal.intent)
        shadow = done(shadow, [proposal])

    loan, sale, future = seen
    assert loan == Borrow(account=MARGIN_CROSS, coin="SOL", amount=Decimal(5))
    assert isinstance(sale, PlaceOrder)
    assert (sale.side, int(sale.qty), sale.account) == (Side.SELL, 5, MARGIN_CROSS)
    assert isinstance(future, PlaceOrder)
    assert (future.side, int(future.qty), future.account) == (Side.BUY, 50, FUTURES)
    assert list(strategy.decide(view_of(shadow), NOW)) == []


@pytest.mark.parametrize(
    "world",
    [
        World(balances=usdt(), rate=None),
        World(balances=usdt(), mark=None),
        World(balances=usdt(), futures_mark=None),
        World(balances=usdt(), half_spread=None),
        World(balances=usdt(), rate="0.00001"),
        World(balances=usdt(), halted=frozenset({"SOLUSDTM"})),
        World(balances=usdt(), halted=frozenset({"SOL-USDT"})),
        World(balances=usdt(spot="400")),
        World(balances=usdt(futures="200")),
    ],
    ids=[
        *("no rate", "no mark", "no futures mark", "no depth", "rate too low"),
        *("perp halted", "spot halted", "too little USDT", "too little margin"),
    ],
)
def test_what_is_unknown_or_lacking_begins_nothing(world: World) -> None:
    """Without a number, a market or the means for both legs no leg is sent."""
    assert asked(carry(moves_usdt=False), world) == []


@pytest.mark.parametrize(
    ("borrow", "available"),
    [(None, None), ("0.05", "4"), ("5", None)],
    ids=["no rate", "too little to lend", "interest over funding"],
)
def test_a_loan_needs_a_rate_an_inventory_and_a_profit(
    borrow: str | None, available: str | None
) -> None:
    """Nothing is borrowed at an unknown or too high rate, or from too little."""
    world = margin({"USDT": balance("10000")})
    world = replace(world, borrow=borrow, available=available)

    assert asked(short(), world) == []


def test_a_quote_whose_settlement_has_passed_is_unknown() -> None:
    """A funding rate that has settled says nothing about the next one."""
    shadow = World(balances=usdt()).shadow()
    quote = replace(shadow.funding["SOLUSDTM"], settlement_at=NOW)
    stale: dict[str, FundingQuoted] = {"SOLUSDTM": quote}

    assert list(carry().decide(view_of(replace(shadow, funding=stale)), NOW)) == []


def hedged(**changes: object) -> World:
    balances = {SPOT: {"SOL": balance("10"), "USDT": balance("9000")}}
    world = World(
        balances={**balances, FUTURES: {"USDT": balance("10000")}},
        positions=(position("SOLUSDTM", -100),),
    )
    return replace(world, **changes)  # type: ignore[arg-type] # fields by name


def test_negative_carry_leaves_in_chunks() -> None:
    """Funding that turned is left: half of ten coins, the dearer leg first."""
    (proposal,) = asked(carry(), hedged(rate="-0.0005"))

    assert (order(proposal).symbol, int(order(proposal).qty)) == ("SOL-USDT", 5)
    assert order(proposal).side is Side.SELL
    assert order(proposal).is_reduction


@pytest.mark.parametrize(
    ("coins", "first"),
    [("5", "5"), ("5.2", "2.6"), ("7.4", "3.7"), ("7.5", "5"), ("0.1", "0.1")],
)
def test_no_leg_of_leaving_is_more_than_a_chunk(coins: str, first: str) -> None:
    """Chunks are five coins; what is a little more than one goes in two halves."""
    lots = -int(Decimal(coins) * 10)
    spot = {"SOL": balance(coins), "USDT": balance("9000")}
    world = hedged(
        rate="-0.0005",
        balances={SPOT: spot, FUTURES: {"USDT": balance("10000")}},
        positions=(position("SOLUSDTM", lots),),
    )
    (proposal,) = asked(carry(), world)

    assert order(proposal).qty == Decimal(first)


def test_leaving_ends_flat() -> None:
    """Four legs later nothing is held, and nothing is proposed."""
    shadow = hedged(rate="-0.0005").shadow()
    for _ in range(4):
        shadow = done(shadow, carry().decide(view_of(shadow), NOW))

    assert shadow.balance(SPOT, "SOL").total == 0
    assert shadow.positions == {}
    assert list(carry().decide(view_of(shadow), NOW)) == []


def test_a_high_adl_rank_leaves() -> None:
    """At four lights the pair is taken down though its carry is good."""
    ranked = (position("SOLUSDTM", -100, adl_rank=4),)
    (proposal,) = asked(carry(), hedged(positions=ranked))

    assert order(proposal).is_reduction
    assert "deleveraging rank is 4" in proposal.reason


@pytest.mark.parametrize("symbol", ["SOL-USDT", "SOLUSDTM"])
def test_a_whole_pair_with_a_halted_leg_is_left_alone(symbol: str) -> None:
    """Selling the leg that trades would make the halted one naked."""
    assert asked(carry(), hedged(rate="-1", halted=frozenset({symbol}))) == []


def test_a_deleveraged_leg_is_completed_while_it_pays() -> None:
    """The exchange closed 40 of 100 lots: they are sold again."""
    (proposal,) = asked(carry(), hedged(positions=(position("SOLUSDTM", -60),)))

    assert (order(proposal).symbol, int(order(proposal).qty)) == ("SOLUSDTM", 40)
    assert order(proposal).side is Side.SELL


def test_a_deleveraged_leg_is_unwound_when_it_does_not_pay() -> None:
    """With the carry gone the four coins without a hedge are sold."""
    (proposal,) = asked(
        carry(), hedged(positions=(position("SOLUSDTM", -60),), rate="-0.0005")
    )

    assert (order(proposal).symbol, int(order(proposal).qty)) == ("SOL-USDT", 4)
    assert order(proposal).is_reduction


def _setback(intent: PlaceOrder, seconds: int) -> Setback:
    at = NOW - timedelta(seconds=seconds)
    return Setback(at=at, intent=intent, reason="refused")


def test_a_refused_completion_is_unwound_at_once() -> None:
    """After a refusal ten seconds ago the gap is closed by a sale instead."""
    tried = PlaceOrder(
        account=FUTURES, symbol="SOLUSDTM", side=Side.SELL, qty=Decimal(40)
    )
    world = hedged(
        positions=(position("SOLUSDTM", -60),),
        setbacks={("carry", "SOLUSDTM"): _setback(tried, 10)},
    )
    (proposal,) = asked(carry(), world)

    assert (order(proposal).symbol, int(order(proposal).qty)) == ("SOL-USDT", 4)
    assert order(proposal).is_reduction


def test_a_refused_reduction_waits_before_it_is_sent_again() -> None:
    """The same sale, refused a second ago, is repeated only after five."""
    tried = PlaceOrder(
        account=SPOT,
        symbol="SOL-USDT",
        side=Side.SELL,
        qty=Decimal(4),
        is_reduction=True,
    )
    world = hedged(positions=(position("SOLUSDTM", -60),), rate="-0.0005")
    key = ("carry", "SOL-USDT")

    assert asked(carry(), replace(world, setbacks={key: _setback(tried, 1)})) == []
    assert len(asked(carry(), replace(world, setbacks={key: _setback(tried, 5)}))) == 1


def test_an_unknown_mark_still_lets_a_gap_be_unwound() -> None:
    """A reduction needs no price: nothing is completed, the naked coins are sold."""
    (proposal,) = asked(
        carry(), hedged(positions=(position("SOLUSDTM", -60),), futures_mark=None)
    )

    assert order(proposal).is_reduction
    assert order(proposal).symbol == "SOL-USDT"


@pytest.mark.parametrize("rate", ["0.001", "-0.0005"])
def test_coins_that_cannot_be_sold_arehedged(rate: str) -> None:
    """While the coins' market is halted the perpetual is sold, paying or not."""
    world = hedged(
        positions=(position("SOLUSDTM", -60),),
        rate=rate,
        halted=frozenset({"SOL-USDT"}),
    )
    (proposal,) = asked(carry(), world)

    assert (order(proposal).symbol, int(order(proposal).qty)) == ("SOLUSDTM", 40)
    assert order(proposal).side is Side.SELL


def test_one_lot_alone_does_not_stay() -> None:
    """A single lot without coins is closed, though it is no more than one lot."""
    world = World(balances=usdt(), positions=(position("SOLUSDTM", -1),), rate="-1")
    (proposal,) = asked(carry(), world)

    assert order(proposal).reduce_only
    assert order(proposal).qty == 1


def test_a_loan_that_lies_idle_is_repaid_when_it_does_not_pay() -> None:
    """Borrowed, and the funding turned before the sale: it goes back."""
    world = margin({"USDT": balance("10000"), "SOL": balance("5", "5", "0.00003")})
    (proposal,) = asked(short(), replace(world, rate="0.0001"))

    assert proposal.intent == Repay(account=MARGIN_CROSS, coin="SOL", amount=Decimal(5))


def test_the_last_of_a_loan_is_bought_back_rounded_up() -> None:
    """5.00003 coins are owed: 5.01 are bought, 5.00003 repaid, and no debt stays."""
    world = margin({"USDT": balance("10000"), "SOL": balance("0", "5", "0.00003")})
    world = replace(world, positions=(position("SOLUSDTM", 50),), rate="0.001")
    strategy = short(notional_usdt=500, allow_long=False)
    shadow = world.shadow()
    for _ in range(3):
        shadow = done(shadow, strategy.decide(view_of(shadow), NOW))

    assert shadow.balance(MARGIN_CROSS, "SOL").liability == 0
    assert shadow.balance(MARGIN_CROSS, "SOL").total == Decimal("0.00997")
    assert shadow.positions == {}


def test_an_inventory_that_is_gone_leaves_the_short() -> None:
    """Nothing left to lend is a reason to close, as the loan may be called."""
    world = margin({"USDT": balance("10000"), "SOL": balance("0", "5")})
    world = replace(world, positions=(position("SOLUSDTM", 50),), available="0")
    (proposal,) = asked(short(), world)

    assert order(proposal).is_reduction
    assert "nothing left to borrow" in proposal.reason


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "[strategy.carry] coins must name"),
        ({"coins": ["USDT"]}, "[strategy.carry] coins must name"),
        ({"coins": "SOL"}, "[strategy.carry] coins must be a list"),
        (
            {"coins": ["SOL"], "chunk": 5},
            "chunk is not known; did you mean chunk_usdt?",
        ),
        ({"coins": ["SOL"], "chunk_usdt": 0}, "chunk_usdt must be a number over 0"),
        ({"coins": ["SOL"], "max_pairs": Decimal("1.5")}, "max_pairs must be a whole"),
        ({"coins": ["SOL"], "allow_short": True}, "allow_short needs spot_account"),
        ({"coins": ["SOL"], "allow_long": False}, "must not both be false"),
        ({"coins": ["SOL"], "spot_account": "main"}, "spot_account must be spot or"),
        ({"coins": ["SOL"], "leverage": 1}, "leverage must be at least 1"),
        ({"coins": ["SOL"], "min_carry": True}, "min_carry must be a number"),
    ],
)
def test_wrong_parameters_name_their_key(
    parameters: Mapping[str, object], said: str
) -> None:
    """What is wrong in ``[strategy.carry]`` is said with the key and what fits."""
    with pytest.raises(UsageError) as error:
        KINDS["funding_arbitrage"]("carry", None, parameters)
    assert said in str(error.value)
