"""Worked examples of the judge: when a cure begins, goes on, ends and rests."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.accounts import MARGIN_CROSS
from bot.guard.judge import Judgement, VerdictKind, judge
from bot.guard.limits import GuardLimits
from bot.guard.state import GuardState
from bot.risk.measure import SubjectMeasure
from tests.unit.guard.bench import START

LIMITS = GuardLimits()
NAME = "margin_cross"


def at_distance(distance: str | None, ratio: str | None = "0.5") -> SubjectMeasure:
    """A BTC account this far from liquidation."""
    return SubjectMeasure(
        subject=NAME,
        account=MARGIN_CROSS,
        settle=None,
        ratio=None if ratio is None else Decimal(ratio),
        warning=Decimal("0.95"),
        liquidation=Decimal("0.97"),
        down=None if distance is None else -Decimal(distance),
        up=None,
        exposure_usdt={"BTC": Decimal(30000)},
        missing=() if ratio is not None else ("no price of BTC",),
    )


def told(*measures: tuple[float, SubjectMeasure | None]) -> list[Judgement]:
    """The judgements of an account measured at these seconds."""
    state, found = GuardState(), []
    for seconds, measure in measures:
        seen = () if measure is None else (measure,)
        found.append(judge(state, seen, LIMITS, START + timedelta(seconds=seconds)))
        state = found[-1].state
    return found


def kinds(judgements: list[Judgement]) -> list[VerdictKind]:
    """The kind of each verdict."""
    return [verdict.kind for each in judgements for verdict in each.verdicts]


SAFE, CURE, UNKNOWN = VerdictKind.SAFE, VerdictKind.CURE, VerdictKind.UNKNOWN


def test_a_cure_goes_on_until_the_target() -> None:
    """It begins under 15 % and does not stop between 15 and 25 %."""
    found = told(
        (0, at_distance("0.30")),
        (1, at_distance("0.1499")),
        (2, at_distance("0.16")),
        (3, at_distance("0.2499")),
        (4, at_distance("0.25")),
    )
    assert kinds(found) == [SAFE, CURE, CURE, CURE, SAFE]
    assert [v.is_new_episode for j in found for v in j.verdicts] == [
        False,
        True,
        False,
        False,
        False,
    ]
    assert found[-1].verdicts[0].is_end_of_episode
    assert found[-1].state.subjects[NAME].episode == 1


def test_the_reason_names_the_number_and_its_limit() -> None:
    """A person reads how far it is and what it was held to."""
    found = told((0, at_distance("0.3")), (1, at_distance("0.1411")))
    assert found[-1].verdicts[0].reason == (
        "a move of 14.1 % liquidates margin_cross, under the act distance of 15.0 %"
    )


def test_after_an_episode_it_rests_unless_it_gets_urgent() -> None:
    """For 300 seconds only a distance under four fifths of 15 % starts anew."""
    done = [
        (0.0, at_distance("0.3")),
        (1.0, at_distance("0.14")),
        (2.0, at_distance("0.26")),
    ]
    assert kinds(told(*done, (10, at_distance("0.13"))))[-1] is SAFE
    assert kinds(told(*done, (10, at_distance("0.12"))))[-1] is SAFE
    assert kinds(told(*done, (10, at_distance("0.1199"))))[-1] is CURE
    assert kinds(told(*done, (302, at_distance("0.13"))))[-1] is CURE


def test_a_ratio_that_climbs_beyond_its_backstop_does_not_rest() -> None:
    """A spread that no uniform move liquidates is urgent a fifth of the way on.

    From the backstop at 0.85 to liquidation at 0.97: from 0.874.
    """
    done = [
        (0.0, at_distance(None)),
        (1.0, at_distance(None, "0.86")),
        (2.0, at_distance(None, "0.84")),
    ]
    assert kinds(told(*done))[1] is CURE
    assert kinds(told(*done, (10, at_distance(None, "0.873"))))[-1] is SAFE
    assert kinds(told(*done, (10, at_distance(None, "0.875"))))[-1] is CURE


def test_the_target_is_reached_only_under_the_backstop() -> None:
    """Far away by distance, but still at the backstop: the cure goes on."""
    found = told(
        (0, at_distance(None)),
        (1, at_distance(None, "0.86")),
        (2, at_distance("0.4", "0.85")),
        (3, at_distance("0.4", "0.8499")),
    )
    assert kinds(found) == [SAFE, CURE, CURE, SAFE]


def test_an_unknown_number_is_neither_safe_nor_cured() -> None:
    """It is said with what is missing; an episode goes on through it."""
    found = told((0, at_distance("0.3")), (1, at_distance("0.1")), (2, UNMEASURED))
    assert found[-1].verdicts[0].kind is UNKNOWN
    assert found[-1].verdicts[0].reason == "unknown: no price of BTC"
    assert found[-1].state.subjects[NAME].is_acting


UNMEASURED = at_distance(None, None)


def test_an_account_is_opened_when_it_is_first_known() -> None:
    """A mark that comes late must not rob an account of its own thresholds."""
    found = told((0, UNMEASURED), (1, at_distance("0.10")))
    assert kinds(found) == [UNKNOWN, SAFE]
    assert found[-1].state.subjects[NAME].thresholds.is_adapted


def test_an_account_that_opened_near_is_as_any_other_once_it_is_far() -> None:
    """Opened at 10 %, it acts at 5 % until it has been 25 % away; then at 15 %.

    A market that has come a long way back must not find the guard asleep.
    """
    near = [(0.0, at_distance("0.10")), (1.0, at_distance("0.2499"))]
    far = [*near, (2.0, at_distance("0.25")), (3.0, at_distance("0.149"))]
    assert kinds(told(*near, (2, at_distance("0.0501")))) == [SAFE] * 3
    found = told(*far)
    assert kinds(found) == [SAFE, SAFE, SAFE, CURE]
    assert found[1].state.subjects[NAME].thresholds.is_adapted
    assert found[3].verdicts[0].thresholds.act == LIMITS.act_distance


def test_an_account_that_no_move_ends_any_more_is_as_any_other() -> None:
    """It opened near and was hedged: what comes later is judged by the defaults."""
    found = told(
        (0, at_distance("0.10")), (1, at_distance(None)), (2, at_distance("0.149"))
    )
    assert kinds(found) == [SAFE, SAFE, CURE]


def test_an_emptied_account_ends_its_episode() -> None:
    """A cure that paid the whole debt is over, and it rests before it is forgotten."""
    found = told(
        (0, at_distance("0.3")),
        (1, at_distance("0.1")),
        (2, None),
        (3, None),
        (400, None),
    )
    assert [each.emptied for each in found] == [(), (), (NAME,), (), ()]
    assert not found[2].state.is_acting
    assert NAME in found[3].state.subjects
    assert found[4].state.subjects == {}


def test_an_account_that_comes_back_at_once_keeps_its_thresholds() -> None:
    """A debt that vanished for a second is not a new account at its new distance."""
    found = told(
        (0, at_distance("0.3")),
        (1, at_distance("0.1")),
        (2, None),
        (3, at_distance("0.05")),
    )
    assert kinds(found)[-1] is CURE
    assert found[-1].state.subjects[NAME].episode == 2


@pytest.mark.parametrize("ratio", ["Infinity", "1e30", "0.97"])
def test_a_ratio_without_bound_is_a_sentence_not_an_error(ratio: str) -> None:
    """Something is owed against nothing, and no distance can be told."""
    far = replace(at_distance("0.3"), ratio=Decimal("0.5"))
    found = told((0, far), (1, at_distance(None, ratio)))
    assert kinds(found)[-1] is CURE
    assert "at its backstop of 0.85" in found[-1].verdicts[0].reason
