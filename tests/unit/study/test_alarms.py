"""False alarms: an episode after which the unguarded twin was never in danger."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.study.cost import cost, false_alarms, is_false
from bot.study.replay import Episode, Outcome

_START = datetime(2025, 1, 1, tzinfo=UTC)
_PARTS = dict.fromkeys(
    ("fees", "slippage", "liquidation", "funding", "interest"), Decimal(0)
)


def _hour(number: int) -> datetime:
    return _START + timedelta(hours=number)


def _episode(first: int, last: int, paid: str = "10") -> Episode:
    return Episode(start=_hour(first), end=_hour(last), actions=2, cost=Decimal(paid))


def _outcome(
    *episodes: Episode,
    nearest: dict[int, str] | None = None,
    lost: int | None = None,
) -> Outcome:
    return Outcome(
        liquidations=0 if lost is None else 1,
        equity_start=Decimal(100),
        equity_end=Decimal(100),
        parts=_PARTS,
        requests=0,
        instants=1,
        episodes=episodes,
        nearest={_hour(h): Decimal(d) for h, d in (nearest or {}).items()},
        lost_at=None if lost is None else _hour(lost),
    )


@pytest.mark.parametrize(
    ("nearest", "lost", "expected"),
    [
        ({2: "0.12", 20: "0.08"}, None, True),
        ({2: "0.12", 20: "0.05"}, None, False),
        ({1: "0.04", 20: "0.12"}, None, True),
        ({2: "0.12", 28: "0.01"}, None, True),
        ({2: "0.12", 27: "0.01"}, None, False),
        ({2: "0.12"}, 10, False),
        ({2: "0.12"}, 40, True),
    ],
    ids=[
        "never near",
        "at 5 % in the day",
        "near only before",
        "near only after the day",
        "near in its last hour",
        "liquidated in the day",
        "liquidated later",
    ],
)
def test_an_alarm_is_false_when_the_twin_stays_away_for_a_day(
    nearest: dict[int, str], lost: int | None, expected: bool
) -> None:
    """From the episode's start to 24 h after its end, here from hour 2 to 27."""
    twin = _outcome(nearest=nearest, lost=lost)
    assert is_false(_episode(2, 3), twin) is expected


def test_false_alarms_are_counted_with_their_cost_a_month() -> None:
    """One false alarm in fifteen days is two a month at twice its cost."""
    guarded = _outcome(_episode(2, 3, "7"), _episode(100, 101, "9"))
    twin = _outcome(nearest={2: "0.2", 110: "0.02"})
    alarms = false_alarms(guarded, twin, timedelta(days=15))
    assert (alarms.episodes, alarms.false, alarms.cost) == (2, 1, Decimal(7))
    assert alarms.per_month == 2
    assert alarms.cost_per_month == 14


def test_interest_that_is_saved_is_no_gain() -> None:
    """A policy that gave up its exposure is not paid for the debt it no longer has."""
    parts = {**_PARTS, "fees": Decimal(-3), "interest": Decimal(-1)}
    assert cost(parts, untouched=Decimal(-20)) == 3


def test_carry_that_is_lost_is_a_cost() -> None:
    """What the untouched pair would have earned more is counted in full."""
    parts = {**_PARTS, "funding": Decimal(4)}
    assert cost(parts, untouched=Decimal(10)) == 6
