"""The smallest share that cures: worked examples and a comparison by brute force."""

from dataclasses import replace
from decimal import ROUND_CEILING, Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import MARGIN_CROSS
from bot.guard.sizing import is_at_target, smallest_share
from bot.risk.measure import SubjectMeasure
from tests.unit.guard.bench import THRESHOLDS

GRID = 4096


def measure(distance: Decimal | None, ratio: Decimal | None) -> SubjectMeasure:
    """An account that is this far away and this indebted."""
    return SubjectMeasure(
        subject="margin_cross",
        account=MARGIN_CROSS,
        settle=None,
        ratio=ratio,
        warning=Decimal("0.95"),
        liquidation=Decimal("0.97"),
        down=None if distance is None else -distance,
        up=None,
        exposure_usdt={},
    )


@given(st.integers(0, 40), st.integers(1, 60), st.integers(0, 97), st.integers(0, 97))
def test_it_is_the_first_share_of_a_fine_grid_that_cures(
    start: int, gain: int, owed: int, paid: int
) -> None:
    """Bisection finds what trying every 4096th finds, for any lever that only helps."""

    def after(share: Decimal) -> SubjectMeasure:
        distance = (Decimal(start) + gain * share) / 100
        ratio = max(Decimal(owed) - paid * share, Decimal(0)) / 100
        return measure(distance, ratio)

    tried = (Decimal(n) / GRID for n in range(1, GRID + 1))
    cures = (share for share in tried if is_at_target(after(share), THRESHOLDS))
    assert smallest_share(after, THRESHOLDS) == next(cures, Decimal(1))


@given(st.integers(77, 82), st.integers(1, 5_000), st.sampled_from(("0.25", "0.21")))
def test_a_cure_is_found_in_few_measures(debt: int, lots: int, target: str) -> None:
    """The first share of the grid; on a stair at most four tries for each halving."""
    thresholds = replace(THRESHOLDS, target=Decimal(target), backstop=Decimal("0.99"))
    tried: list[Decimal] = []

    def after(share: Decimal) -> SubjectMeasure:
        tried.append(share)
        sold = (share * lots).to_integral_value(rounding=ROUND_CEILING) * 100 / lots
        owed = max(debt - sold, Decimal(0))
        ratio = owed / max(100 - sold, Decimal(1))
        return measure(1 - ratio / Decimal("0.97") if owed else None, ratio)

    found = smallest_share(after, thresholds, after(Decimal(0)))
    assert is_at_target(after(found), thresholds)
    assert not is_at_target(after(found - Decimal(1) / GRID), thresholds)
    measures = len(dict.fromkeys(tried)) - 1
    assert measures <= (10 if lots > GRID else 4 * 12)


def test_what_is_not_enough_is_used_whole() -> None:
    """A lever that cannot reach the target is used as far as it goes."""
    never = measure(Decimal("0.1"), Decimal("0.5"))
    assert smallest_share(lambda share: never, THRESHOLDS) == 1


def test_what_is_at_the_target() -> None:
    """Nothing left to lose is; an unknown ratio, or one at the backstop, is not."""
    assert is_at_target(None, THRESHOLDS)
    assert is_at_target(measure(None, Decimal("0.84")), THRESHOLDS)
    assert is_at_target(measure(Decimal("0.25"), Decimal(0)), THRESHOLDS)
    assert not is_at_target(measure(Decimal("0.25"), None), THRESHOLDS)
    assert not is_at_target(measure(None, Decimal("0.85")), THRESHOLDS)
    assert not is_at_target(measure(Decimal("0.2499"), Decimal(0)), THRESHOLDS)
