"""What a strategy is given can be read and never changed, however deep."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from bot.domain.accounts import MARGIN_CROSS, SPOT
from bot.domain.events import FundingQuoted, LiquidityQuoted
from bot.domain.intents import Approved, Borrow
from bot.risk.view import ShadowView, strategy_view
from bot.shadow.apply import apply, opening_closes, register
from bot.shadow.state import Shadow
from tests.unit.guard.bench import START, shadow_of
from tests.unit.venue.builders import opening

FRESH = timedelta(seconds=3)
LOAN = Approved(
    intent_id="1",
    owner="mine",
    intent=Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1)),
    reason="to buy",
    measured={"distance": "0.3"},
)


def known() -> Shadow:
    """A shadow in which every answer of the view holds something."""
    books = opening({"margin_cross": {"BTC": "1", "USDT": "5"}, "spot": {"BTC": "2"}})
    shadow = register(shadow_of(books), LOAN, START)
    for event in (
        FundingQuoted(
            at=START,
            symbol="XBTUSDTM",
            funding_rate=Decimal("0.0001"),
            settlement_at=START + timedelta(hours=8),
            funding_interval_h=Decimal(8),
        ),
        LiquidityQuoted(
            at=START,
            symbol="BTC-USDT",
            half_spread=Decimal("0.0001"),
            sigma_1m=Decimal("0.001"),
            volume_1m=Decimal(10),
        ),
    ):
        shadow = apply(shadow, event)
    closes = opening_closes({"BTC": ((START, Decimal(50000)),)})
    return replace(shadow, closes=closes)


def changeable(value: object, path: str) -> Iterator[str]:
    """The paths of everything reachable that can be changed in place."""
    if isinstance(value, dict | list | set | bytearray):
        yield path
    if isinstance(value, MappingProxyType | dict):
        for key, each in value.items():
            yield from changeable(each, f"{path}[{key!r}]")
    elif isinstance(value, tuple | list):
        for place, each in enumerate(value):
            yield from changeable(each, f"{path}[{place}]")
    elif is_dataclass(value):
        for field in fields(value):
            yield from changeable(getattr(value, field.name), f"{path}.{field.name}")


def test_nothing_that_a_view_reaches_can_be_changed() -> None:
    """Books, rules, marks and requests: read-only mappings, tuples, frozen records."""
    assert list(changeable(strategy_view(known(), FRESH), "view")) == []


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("balances", (MARGIN_CROSS,)),
        ("balances", ("nowhere",)),
        ("accounts", ()),
        ("positions", ()),
        ("funding_past", ("XBTUSDTM",)),
        ("returns", ("BTC",)),
        ("open_orders", ()),
        ("in_flight", ("mine",)),
        ("pairs_in_flight", ()),
        ("fee_rates", ("BTC-USDT",)),
    ],
)
def test_no_answer_of_a_view_can_be_changed(
    method: str, arguments: tuple[Any, ...]
) -> None:
    """Neither what is there nor an answer that holds nothing."""
    answer = getattr(strategy_view(known(), FRESH), method)(*arguments)
    assert list(changeable(answer, method)) == []


def test_the_answers_are_those_of_the_shadow() -> None:
    """A read-only view differs from a plain one in nothing that is read."""
    shadow = known()
    given, plain = strategy_view(shadow, FRESH), ShadowView(shadow, FRESH)
    assert (
        given.balances(SPOT)
        == plain.balances(SPOT)
        == {"BTC": plain.balance(SPOT, "BTC")}
    )
    assert given.rules == plain.rules
    assert given.in_flight("mine") == plain.in_flight("mine") == (LOAN,)
    assert given.debt_ratio(MARGIN_CROSS) == plain.debt_ratio(MARGIN_CROSS)


def test_the_books_stay_when_a_strategy_reaches_for_them() -> None:
    """A wallet of 5 USDT is 5 USDT after every try to take it out of the books."""
    shadow = known()
    view = strategy_view(shadow, FRESH)
    held: Any = view.balances(MARGIN_CROSS)
    contracts: Any = view.rules.contracts
    with pytest.raises(AttributeError, match="pop"):
        held.pop("USDT", None)
    with pytest.raises(AttributeError, match="clear"):
        contracts.clear()
    assert shadow.balance(MARGIN_CROSS, "USDT").total == Decimal(5)
    assert isinstance(shadow.rules.contracts, Mapping)
    assert "XBTUSDTM" in shadow.rules.contracts
