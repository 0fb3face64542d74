"""What was measured is not measured again, and nothing is taken over that changed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, PositionKey
from bot.domain.events import MarksTicked
from bot.domain.intents import PlaceOrder, Repay
from bot.domain.orders import Side
from bot.risk.measure import measure_subjects
from bot.shadow.apply import apply
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.unit.guard.bench import shadow_of
from tests.unit.risk.test_subjects import EVERYTHING

BEFORE = shadow_of(EVERYTHING)
PROJECTED = (
    Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(10)),
    PlaceOrder(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.BUY,
        qty=Decimal(1),
        reduce_only=True,
    ),
    PlaceOrder(
        account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.SELL, qty=Decimal("0.01")
    ),
)


@pytest.mark.parametrize("intent", PROJECTED, ids=("repay", "futures", "sale"))
def test_after_an_intent_it_is_as_if_all_were_new(
    intent: Repay | PlaceOrder,
) -> None:
    """What is taken over equals what measuring everything again would say."""
    after = project(BEFORE, intent)
    known = (BEFORE, measure_subjects(BEFORE))
    assert measure_subjects(after, known) == measure_subjects(after)
    assert measure_subjects(after) != measure_subjects(BEFORE)


def taken_over(after: Shadow) -> set[str]:
    """The subjects whose very measures of before were used."""
    measures = measure_subjects(BEFORE)
    found = measure_subjects(after, (BEFORE, measures))
    assert found == measure_subjects(after)
    return {m.subject for m in found if any(m is old for old in measures)}


def test_only_what_an_intent_touches_is_measured_again() -> None:
    """A repayment in cross margin leaves the pair and the futures alone."""
    assert taken_over(project(BEFORE, PROJECTED[0])) == {
        "margin_isolated:BTC-USDT",
        "futures:BTC",
        "futures:USDT",
    }


def test_a_new_mark_is_never_overlooked() -> None:
    """Margin marks value everything; contract marks leave the margin accounts alone."""
    at = BEFORE.at
    coin = MarksTicked(at=at, margin_marks={"BTC": Decimal(59_000)}, futures_marks={})
    contract = MarksTicked(
        at=at, margin_marks={}, futures_marks={"XBTUSDTM": Decimal(59_000)}
    )
    assert taken_over(apply(BEFORE, coin)) == set()
    assert taken_over(apply(BEFORE, contract)) == {
        "margin_cross",
        "margin_isolated:BTC-USDT",
    }


def test_other_rules_positions_and_orders_are_new_inputs() -> None:
    """The same content in another object counts as changed; orders use up margin."""
    key = next(iter(BEFORE.positions))
    assert isinstance(key, PositionKey)
    less = {k: p for k, p in BEFORE.positions.items() if k != key}
    assert taken_over(replace(BEFORE, rules=replace(BEFORE.rules))) == set()
    for after in (replace(BEFORE, positions=less), replace(BEFORE, orders={})):
        assert not {s for s in taken_over(after) if s.startswith("futures")}
