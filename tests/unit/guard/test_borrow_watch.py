"""Loans that become dearer or scarcer: said once, and only where they are owed."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.events import BorrowRateQuoted
from bot.domain.instruments import MarginCoinRules
from bot.guard.borrow_watch import BORROW_TOPIC, borrow_notes
from bot.report.alerts import WARNING
from bot.shadow.state import Shadow
from tests.unit.engine.steps import after, opened
from tests.unit.report.test_alerts import Person
from tests.unit.strategies.bench import World, balance
from tests.unit.venue.builders import opening


def _owing(rate: str, available: str | None = None, owed: str = "100") -> Shadow:
    """So many SOL owed in cross margin, at this rate, with this much to lend."""
    return World(
        balances={MARGIN_CROSS: {"SOL": balance("0", owed)}},
        borrow=rate,
        available=available,
    ).shadow()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [("0.08", "0.12", True), ("0.08", "0.11", False), ("0.005", "0.012", False)],
    ids=["half as much again", "less", "from next to nothing"],
)
def test_a_jump_of_the_rate_is_told_with_its_cost(
    old: str, new: str, *, told: bool
) -> None:
    """From 8 to 12 % on 100 coins: 0.00045662 coins an hour more."""
    notes = borrow_notes(_owing(old), _owing(new))

    assert bool(notes) is told
    if told:
        assert notes[0].topic == BORROW_TOPIC
        assert "costs 12.0% a year, it was 8.0%" in notes[0].text
        assert "0.00045662 SOL an hour more" in notes[0].text


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [("2000", "900", "10"), ("1200", "99", "1"), ("900", "500", None)],
    ids=["under ten times", "through all", "none crossed"],
)
def test_a_shrinking_stock_is_told_where_it_crosses(
    before: str, after: str, level: str | None
) -> None:
    """Stock of 10, 3 and 1 times what is owed are the steps that are told."""
    notes = borrow_notes(_owing("0.08", before), _owing("0.08", after))

    assert [f"under {level} times the 100 owed" in note.text for note in notes] == (
        [] if level is None else [True]
    )


def test_an_unknown_stock_says_nothing_false() -> None:
    """Where the stock is not stated, nothing is said about it."""
    assert borrow_notes(_owing("0.08", "500"), _owing("0.08", None)) == []


def test_what_is_not_owed_is_no_news() -> None:
    """A coin without debt may cost what it likes."""
    assert borrow_notes(_owing("0.08", owed="0"), _owing("0.9", owed="0")) == []


def test_a_debt_near_its_cap_is_told_once() -> None:
    """79 of at most 100 are silent, 80 are told, 81 are not told again."""

    def owing(owed: str) -> Shadow:
        shadow = _owing("0.08", owed=owed)
        capped = MarginCoinRules(
            coin="SOL", coefficient=Decimal(1), borrow_max=Decimal(100)
        )
        coins = {**shadow.rules.margin_coins, "SOL": capped}
        return replace(shadow, rules=replace(shadow.rules, margin_coins=coins))

    assert borrow_notes(owing("78"), owing("79")) == []
    (note,) = borrow_notes(owing("79"), owing("80"))
    assert "80 SOL of at most 100" in note.text
    assert borrow_notes(owing("80"), owing("81")) == []


def test_a_person_is_told() -> None:
    """A loan that doubles its rate is a warning on the telephone."""
    person = Person()
    owed = {"margin_cross": {"USDT": "1000"}}
    person.state = opened(person.core, opening({}, debts=owed))
    first, then = (
        BorrowRateQuoted(at=after(second), coin="USDT", annual_rate=Decimal(rate))
        for second, rate in ((1, "0.1"), (2, "0.2"))
    )
    assert list(person.see(first)) == []
    [(level, sentence)] = person.see(then)
    assert level == WARNING
    assert sentence.startswith("Borrow watch: borrowing USDT costs 20.0% a year")
