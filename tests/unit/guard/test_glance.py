"""Worked examples of the glance: where it is certain, and where it leaves the judge."""

from dataclasses import replace

import pytest

from bot.guard.glance import Levels, is_quiet, levels_of
from bot.guard.state import GuardState
from bot.risk.kernel_row import KernelNumbers
from tests.unit.guard.bench import subject_state

LEVELS = {"margin_cross": Levels(act=0.15, backstop=0.85)}
CALM = KernelNumbers(
    subject="margin_cross",
    requirement=50.0,
    margin=100.0,
    ratio=0.5,
    down=-0.3,
    up=None,
    gross=150.0,
    ratio_error=1e-11,
    distance_error=1e-11,
)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (CALM, True),
        (replace(CALM, ratio=0.8499), True),
        (replace(CALM, ratio=0.85), False),
        (replace(CALM, ratio=0.85 - 5e-12), False),
        (replace(CALM, ratio=0.84, ratio_error=0.02), False),
        (replace(CALM, ratio=None), False),
        (replace(CALM, down=-0.1501), True),
        (replace(CALM, down=-0.15), False),
        (replace(CALM, down=-0.15 - 5e-12), False),
        (replace(CALM, down=None, up=0.1), False),
        (replace(CALM, down=-0.2, distance_error=0.06), False),
        (replace(CALM, down=None, distance_error=0.0), True),
        (replace(CALM, down=None), True),
        (replace(CALM, down=None, distance_error=float("inf")), False),
        (replace(CALM, subject="futures:USDT"), False),
    ],
    ids=[
        "calm",
        "under the backstop",
        "at the backstop",
        "within the error of the backstop",
        "a ratio that is hardly known",
        "unknown",
        "beyond the act distance",
        "at the act distance",
        "within the error of the act distance",
        "near above",
        "a distance that is hardly known",
        "no move liquidates it",
        "none but a fall to nothing",
        "a distance that is not known",
        "an account that is not guarded yet",
    ],
)
def test_it_is_quiet_where_no_error_can_reach_a_threshold(
    numbers: KernelNumbers, expected: bool
) -> None:
    """Each account is beyond its thresholds by more than its errors, or it is not."""
    assert is_quiet(LEVELS, (numbers,)) is expected


def test_an_account_that_is_gone_is_for_the_judge() -> None:
    """The judge forgets it or ends its episode, so the state may change."""
    assert not is_quiet(LEVELS, ())


def test_an_episode_is_for_the_judge() -> None:
    """While one account is being cured there are no levels to be beyond of."""
    state = GuardState(subjects={"margin_cross": subject_state()})
    assert state.is_acting
    assert levels_of(state) is None
