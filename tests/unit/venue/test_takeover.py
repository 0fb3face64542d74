"""The keeper of the margin accounts: warned at 95 %, taken over at 97 %."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import MAIN, MARGIN_CROSS, AccountId, isolated_account
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Cause,
    Event,
    Filled,
    LedgerBooked,
    OrderChanged,
    RatioReported,
)
from bot.domain.intents import Borrow, Intent, PlaceOrder, Repay, Transfer
from bot.domain.orders import OrderState, OrderType, Outcome, Side
from connectors.venue.takeover import TAKEOVER_DELAY
from connectors.venue.venue import Venue
from tests.unit.venue.builders import (
    DEEP,
    approved,
    instant,
    later,
    opening,
    rules,
    settled,
    venue,
)

PAIR = isolated_account("BTC-USDT")
FREEZE = int(TAKEOVER_DELAY.total_seconds())


def _statuses(events: Sequence[Event]) -> list[AccountStatus]:
    return [e.status for e in events if isinstance(e, AccountStatusChanged)]


def _causes(events: Sequence[Event]) -> list[Cause]:
    return [e.cause for e in events if isinstance(e, LedgerBooked)]


def _long(account: AccountId = MARGIN_CROSS) -> Venue:
    """1 BTC at 50000 against 38000 USDT of debt: warned at 40000, taken at 39175."""
    return venue(opening({account: {"BTC": "1"}}, debts={account: {"USDT": "38000"}}))


def test_a_falling_account_is_warned_once_and_again_after_it_recovered() -> None:
    """The warning is not repeated while it lasts; recovery says NORMAL."""
    sim = _long()
    path = ("45000", "40000", "39900", "41000", "39950")

    told = [
        _statuses(sim.tick(instant(later(n), btc=price)))
        for n, price in enumerate(path)
    ]

    warned, normal = AccountStatus.WARNED, AccountStatus.NORMAL
    assert told == [[], [warned], [], [normal], [warned]]


def test_the_takeover_sells_repays_charges_and_returns_the_rest() -> None:
    """At 97 % everything is sold, debts are paid, 1 % is kept, USDT remains."""
    sim = _long()

    frozen = sim.tick(instant(later(30), btc="39170", liquidity=DEEP))
    assert _statuses(frozen) == [AccountStatus.LIQUIDATING]
    assert sim.next_timer() == later(30 + FREEZE)
    events = sim.advance(later(30 + FREEZE))

    assert _causes(events) == [
        Cause.LIQUIDATION,
        Cause.REPAY,
        Cause.LIQUIDATION_FEE,
    ]
    assert _statuses(events) == [AccountStatus.LIQUIDATED, AccountStatus.NORMAL]
    fill = next(e for e in events if isinstance(e, Filled))
    assert fill.forced == "liquidation"
    assert fill.side is Side.SELL
    assert fill.qty == 1
    assert fill.price == Decimal(39170) * (1 - Decimal("0.0002") - Decimal("0.00001"))
    left = sim.snapshot().balances[MARGIN_CROSS]
    assert list(left) == ["USDT"]
    interest = Decimal(38000) * Decimal("0.11") / 8760
    rest = fill.price - 38000 - Decimal("391.7")
    assert left["USDT"].total == pytest.approx(rest - interest, abs=Decimal("1e-6"))
    assert left["USDT"].liability == 0
    assert sim.next_timer() is None


def test_a_frozen_account_refuses_everything_and_its_orders_are_gone() -> None:
    """Orders are cancelled; orders, loans and transfers are refused until the end."""
    sim = venue(
        opening(
            {"main": {"USDT": "9000"}, "margin_cross": {"BTC": "1", "USDT": "100"}},
            debts={"margin_cross": {"USDT": "38000"}},
        )
    )
    order = PlaceOrder(
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=Side.SELL,
        qty=Decimal("0.1"),
        type=OrderType.LIMIT,
        price=Decimal(60000),
    )
    sim.submit(later(1), approved(order, "rests"))

    events = sim.tick(instant(later(2), btc="39000"))

    cancelled = next(e for e in events if isinstance(e, OrderChanged))
    assert cancelled.state is OrderState.CANCELLED
    assert sim.snapshot().balances[MARGIN_CROSS]["BTC"].hold == 0
    ten = Decimal(10)
    refused: list[tuple[Intent, str]] = [
        (order, "130309"),
        (Borrow(account=MARGIN_CROSS, coin="USDT", amount=ten), "130202"),
        (Repay(account=MARGIN_CROSS, coin="USDT", amount=ten), "130202"),
        (
            Transfer(source=MAIN, target=MARGIN_CROSS, coin="USDT", amount=ten),
            "130202",
        ),
        (
            Transfer(source=MARGIN_CROSS, target=MAIN, coin="USDT", amount=ten),
            "130202",
        ),
    ]
    for number, (intent, code) in enumerate(refused):
        answer = settled(sim.submit(later(3), approved(intent, f"i-{number}")))
        assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    sim.advance(later(2 + FREEZE))
    last = Transfer(source=MAIN, target=MARGIN_CROSS, coin="USDT", amount=ten)
    answer = settled(sim.submit(later(2 + FREEZE), approved(last, "after")))
    assert answer.outcome is Outcome.DONE


def test_a_bankrupt_account_is_absorbed_and_ends_at_zero() -> None:
    """What the sale cannot pay is carried by the exchange; nothing is negative."""
    sim = _long()
    sim.tick(instant(later(30), btc="30000", liquidity=DEEP))

    events = sim.advance(later(30 + FREEZE))

    assert _causes(events) == [Cause.LIQUIDATION, Cause.INSURANCE, Cause.REPAY]
    assert _statuses(events) == [
        AccountStatus.BANKRUPT,
        AccountStatus.LIQUIDATED,
        AccountStatus.NORMAL,
    ]
    assert sim.snapshot().balances.get(MARGIN_CROSS, {}) == {}
    assert sim.equity_usdt() == 0


def test_the_price_of_the_takeover_is_that_of_its_own_moment() -> None:
    """The market may move on during the freeze; the later price counts."""
    sim = _long()
    sim.tick(instant(later(30), btc="39000", liquidity=DEEP))
    sim.tick(instant(later(32), btc="45000", liquidity=DEEP))

    events = sim.advance(later(30 + FREEZE))

    fill = next(e for e in events if isinstance(e, Filled))
    assert fill.reference_price == 45000
    assert sim.snapshot().balances[MARGIN_CROSS]["USDT"].total > 6000


def test_a_short_is_bought_back() -> None:
    """A borrowed coin that is missing is bought, dearer than its mark."""
    sim = venue(
        opening(
            {"margin_cross": {"USDT": "60000"}}, debts={"margin_cross": {"BTC": "1"}}
        )
    )
    sim.tick(instant(later(30), btc="58300", liquidity=DEEP))

    events = sim.advance(later(30 + FREEZE))

    fill = next(e for e in events if isinstance(e, Filled))
    assert fill.side is Side.BUY
    assert fill.qty == Decimal("1.00000457")
    assert fill.price > 58300
    left = sim.snapshot().balances[MARGIN_CROSS]
    assert list(left) == ["USDT"]
    assert 0 < left["USDT"].total < 1700


def test_a_pair_is_taken_over_at_its_own_ratio() -> None:
    """An isolated pair at 0.9 is frozen at 90 %, and its coins pay its debts."""
    pair = rules().isolated_pairs["BTC-USDT"]
    market = replace(
        rules(),
        isolated_pairs={
            "BTC-USDT": replace(pair, liquidation_debt_ratio=Decimal("0.9"))
        },
    )
    sim = venue(
        opening(
            {PAIR: {"BTC": "1"}, "margin_cross": {"USDT": "77"}},
            debts={PAIR: {"USDT": "38000"}},
        ),
        with_rules=market,
    )
    assert _statuses(sim.tick(instant(later(1), btc="42300"))) == []

    assert _statuses(sim.tick(instant(later(2), btc="42200"))) == [
        AccountStatus.LIQUIDATING
    ]
    sim.advance(later(2 + FREEZE))

    after = sim.snapshot().balances
    assert after[PAIR]["USDT"].liability == 0
    assert after[PAIR]["USDT"].total > 3000
    assert after[MARGIN_CROSS]["USDT"].total == 77


def test_the_ratio_is_reported_every_four_seconds_while_in_debt() -> None:
    """Four decimals, cut off, no more often than every four seconds."""
    sim = _long()

    events = [e for s in range(9) for e in sim.tick(instant(later(s), btc="45000"))]

    reports = [e for e in events if isinstance(e, RatioReported)]
    assert [e.at for e in reports] == [later(0), later(4), later(8)]
    assert {e.value for e in reports} == {Decimal("0.8444")}
    free = venue(opening({"margin_cross": {"BTC": "1"}}))
    assert not [e for e in free.tick(instant(later(1))) if isinstance(e, RatioReported)]


def test_owing_against_nothing_is_taken_over_without_a_ratio() -> None:
    """An infinite ratio is not printed, but it is past every threshold."""
    sim = venue(opening({}, debts={"margin_cross": {"BTC": "1"}}))

    events = sim.tick(instant(later(1)))

    status = next(e for e in events if isinstance(e, AccountStatusChanged))
    assert (status.status, status.ratio) == (AccountStatus.LIQUIDATING, None)
    assert not [e for e in events if isinstance(e, RatioReported)]
    sim.advance(later(10))
    assert sim.equity_usdt() == 0


def test_a_market_without_volume_is_taken_over_at_the_cautious_price() -> None:
    """No volume does not mean no impact: the unknown market's cost is charged."""
    dead = replace(DEEP, volume_1m=Decimal(0))
    sim = _long()
    sim.tick(instant(later(30), btc="39170", liquidity=dead))

    events = sim.advance(later(30 + FREEZE))

    fill = next(e for e in events if isinstance(e, Filled))
    assert fill.price < Decimal(39170) * Decimal("0.998")
