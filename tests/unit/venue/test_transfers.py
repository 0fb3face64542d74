"""Transfers: what may move between the accounts, and what may not."""

from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
)
from bot.domain.events import Cause, LedgerBooked
from bot.domain.intents import PlaceOrder, Transfer
from bot.domain.orders import OrderType, Outcome, Side
from connectors.venue.venue import Venue
from tests.unit.venue.builders import approved, instant, later, opening, settled, venue

PAIR = isolated_account("BTC-USDT")


def _move(
    source: AccountId, target: AccountId, amount: str, coin: str = "USDT"
) -> Transfer:
    return Transfer(source=source, target=target, coin=coin, amount=Decimal(amount))


def _rich() -> Venue:
    names = ("main", "spot", "margin_cross", "futures", PAIR)
    return venue(opening({name: {"USDT": "1000", "BTC": "1"} for name in names}))


@pytest.mark.parametrize("source", [MAIN, SPOT, MARGIN_CROSS, FUTURES, PAIR])
@pytest.mark.parametrize("target", [MAIN, SPOT, MARGIN_CROSS, FUTURES, PAIR])
def test_coins_move_between_any_two_accounts(
    source: AccountId, target: AccountId
) -> None:
    """Without debt and positions everything may leave, in one balanced entry."""
    sim = _rich()

    events = sim.submit(later(1), approved(_move(source, target, "1000")))

    answer = settled(events)
    if source == target:
        assert (answer.outcome, answer.code) == (Outcome.REFUSED, "400100")
        return
    assert answer.done_amount == 1000
    (entry,) = [e for e in events if isinstance(e, LedgerBooked)]
    assert entry.cause is Cause.TRANSFER
    assert sum(p.amount for p in entry.postings) == 0
    after = sim.snapshot().balances
    assert "USDT" not in after[source]
    assert after[target]["USDT"].total == 2000


@pytest.mark.parametrize(
    ("intent", "code"),
    [
        (_move(MAIN, SPOT, "1000.00000001"), "200004"),
        (_move(MARGIN_CROSS, SPOT, "1001"), "130203"),
        (_move(FUTURES, SPOT, "1001"), "200004"),
        (_move(MAIN, SPOT, "0"), "400100"),
        (_move(MAIN, SPOT, "-1"), "400100"),
        (_move(MAIN, SPOT, "NaN"), "400100"),
        (_move(MAIN, SPOT, "1e40"), "400100"),
        (_move(MAIN, SPOT, "0.000000001"), "400100"),
        (_move(MAIN, FUTURES, "1", "ETH"), "400100"),
        (_move(MAIN, PAIR, "1", "ETH"), "400100"),
        (_move(MAIN, MARGIN_CROSS, "1", "XRP"), "400100"),
        (_move(MAIN, isolated_account("ETH-USDT"), "1"), "400100"),
        (_move(MAIN, AccountId("moon"), "1"), "400100"),
    ],
    ids=[
        "too much",
        "margin",
        "futures",
        "zero",
        "negative",
        "no number",
        "absurd",
        "too fine",
        "no settle coin",
        "not of the pair",
        "no margin coin",
        "no such pair",
        "no such account",
    ],
)
def test_a_refused_transfer_changes_nothing(intent: Transfer, code: str) -> None:
    """Each refusal has its code and leaves the books alone."""
    sim = _rich()
    before = sim.snapshot()

    answer = settled(sim.submit(later(1), approved(intent)))

    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert sim.snapshot() == before


def test_coins_held_by_orders_stay() -> None:
    """Only what is available can leave."""
    sim = _rich()
    order = PlaceOrder(
        account=SPOT,
        symbol="BTC-USDT",
        side=Side.SELL,
        qty=Decimal("0.4"),
        type=OrderType.LIMIT,
        price=Decimal(60000),
    )
    sim.submit(later(1), approved(order, "o"))

    too_much = _move(SPOT, MAIN, "0.6001", "BTC")
    enough = _move(SPOT, MAIN, "0.6", "BTC")

    assert settled(sim.submit(later(2), approved(too_much, "a"))).code == "200004"
    assert settled(sim.submit(later(3), approved(enough, "b"))).code is None


def test_debt_keeps_coins_in_the_margin_account() -> None:
    """6000 owed need 10000 of collateral: of 50000 and 1000, 41000 may leave."""
    sim = venue(
        opening(
            {"margin_cross": {"BTC": "1", "USDT": "1000"}},
            debts={"margin_cross": {"USDT": "6000"}},
        )
    )
    too_much = _move(MARGIN_CROSS, MAIN, "0.821", "BTC")
    enough = _move(MARGIN_CROSS, MAIN, "0.82", "BTC")

    assert settled(sim.submit(later(1), approved(too_much, "a"))).code == "130203"
    assert settled(sim.submit(later(2), approved(enough, "b"))).code is None


def test_futures_keep_what_positions_need() -> None:
    """10 lots at 50000 and 10x need 50 USDT; a loss lowers what may leave."""
    sim = venue(opening({"futures": {"USDT": "1000"}}))
    buy = PlaceOrder(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.BUY,
        qty=Decimal(10),
        leverage=Decimal(10),
    )
    assert settled(sim.submit(later(1), approved(buy, "o"))).code is None
    sim.tick(instant(later(2), btc="49000"))

    answers = [
        settled(sim.submit(later(3), approved(_move(FUTURES, MAIN, amount), amount)))
        for amount in ("970", "840", "700")
    ]

    assert [a.code for a in answers] == ["200004", None, "200004"]


def test_a_transfer_is_done_once_for_its_client_id() -> None:
    """A resent transfer is refused, and the look-up tells that the first was done."""
    sim = _rich()
    intent = approved(_move(MAIN, SPOT, "10"))
    sim.submit(later(1), intent)

    again = settled(sim.submit(later(2), intent))

    assert (again.outcome, again.code) == (Outcome.REFUSED, "400100")
    assert sim.snapshot().balances[SPOT]["USDT"].total == 1010
    assert sim.find(later(3), intent).done_amount == 10
