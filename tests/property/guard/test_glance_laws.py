"""The glance against the judge: it may miss what is safe and never what is not."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.guard.buffer import ErrorTrack
from bot.guard.glance import is_quiet, levels_of
from bot.guard.judge import VerdictKind, judge
from bot.guard.limits import GuardLimits
from bot.guard.state import GuardState
from bot.risk.kernel import Kernel
from bot.risk.measure import measure_subjects
from bot.shadow.state import Shadow
from tests.property.guard.drawn import shadows
from tests.property.risk.drawn import decimals
from tests.property.risk.drawn_shadow import shadows as any_shadows
from tests.unit.guard.bench import cross_long, marked

LIMITS = GuardLimits()
SECOND = timedelta(seconds=1)


def opened(shadow: Shadow) -> GuardState:
    """The guard's state after it first saw an account."""
    return judge(GuardState(), measure_subjects(shadow), LIMITS, shadow.at).state


def moved(shadow: Shadow, factor: Decimal) -> Shadow:
    """The shadow a second later with every mark so many times what it was."""
    return replace(
        shadow,
        at=shadow.at + SECOND,
        margin_marks={c: m * factor for c, m in shadow.margin_marks.items()},
        futures_marks={s: m * factor for s, m in shadow.futures_marks.items()},
    )


def is_true_of(state: GuardState, shadow: Shadow) -> bool:
    """Whether the glance, if it says quiet, says what the judge does."""
    if not is_quiet(levels_of(state), Kernel(shadow).numbers()):
        return True
    found = judge(state, measure_subjects(shadow), LIMITS, shadow.at)
    kinds = {(v.kind, v.reason) for v in found.verdicts}
    return (
        found.state == state and not found.emptied and kinds <= {(VerdictKind.SAFE, "")}
    )


@given(
    shadow=st.one_of(shadows(), any_shadows()),
    factor=decimals("0.7", "1.4", 3),
    buffer=decimals("0", "0.05", 3),
)
def test_a_quiet_glance_is_a_quiet_judgement(
    shadow: Shadow, factor: Decimal, buffer: Decimal
) -> None:
    """Where it says quiet, the judge calls all safe and changes nothing."""
    state = opened(shadow)
    later = moved(shadow, factor)
    tracks = {name: ErrorTrack(buffer=buffer) for name in state.subjects}
    assert is_true_of(state, later)
    assert is_true_of(replace(state, parity=tracks), later)


@given(before=any_shadows(), after=any_shadows())
def test_new_and_vanished_accounts_are_for_the_judge(
    before: Shadow, after: Shadow
) -> None:
    """An account that is new to the guard, or gone, is never glanced over."""
    assert is_true_of(opened(before), after)


def test_a_calm_account_is_glanced_over_and_one_near_its_threshold_is_not() -> None:
    """At 50000 a debt of 40000 is judged; at a debt of 20000 a glance will do."""
    for owed, is_calm in (("20000", True), ("42000", False)):
        shadow = cross_long("1", owed)
        state = opened(shadow)
        fallen = marked(shadow, {"BTC": "46500"}, 1)
        assert is_quiet(levels_of(state), Kernel(shadow).numbers())
        assert is_quiet(levels_of(state), Kernel(fallen).numbers()) is is_calm
        assert is_true_of(state, fallen)
