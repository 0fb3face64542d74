"""The curve that stays short: what it may forget and what it may not."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report.curve_buffer import CurveBuffer
from tests.unit.report.sample_report import NOON

values = st.none() | st.decimals(allow_nan=True, allow_infinity=True)


@given(points=st.lists(values, max_size=300), most=st.integers(16, 40))
def test_what_a_picture_needs_survives(points: list[Decimal | None], most: int) -> None:
    """Ends, extremes and gaps survive; order holds, and the length is bounded."""
    buffer = CurveBuffer(most=most)
    for index, value in enumerate(points):
        buffer.add(NOON + timedelta(minutes=index), value)
    series = buffer.series()

    known = [v for v in points if v is not None and not v.is_nan()]
    kept = [v for _, v in series if v is not None]
    assert len(series) <= most
    assert [at for at, _ in series] == sorted(at for at, _ in series)
    assert (len(known) < len(points)) == (None in [v for _, v in series])
    if known:
        assert (min(kept), max(kept)) == (min(known), max(known))
    if points:
        assert series[0][0] == NOON
        assert series[-1][0] == NOON + timedelta(minutes=len(points) - 1)


def test_a_buffer_has_room_for_a_picture() -> None:
    """A buffer too short to draw is refused by name."""
    with pytest.raises(ValueError, match="at least 16"):
        CurveBuffer(most=3)
