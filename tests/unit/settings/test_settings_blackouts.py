"""``guard.blackouts``: read, sorted, told apart, and refused with a sentence."""

from datetime import UTC, datetime

import pytest

from bot.compose import settings_digest
from bot.domain.errors import UsageError
from bot.settings import settings_from

NIGHT = "2025-10-11T02:00:00Z/2025-10-11T03:00:00Z"


def test_blackouts_reach_the_guard_in_order() -> None:
    """Earliest first, in UTC, and they tell two sets of settings apart."""
    early = "2025-10-10T02:00:00+02:00/2025-10-10T03:00:00+02:00"
    found = settings_from({}, {"guard": {"blackouts": [NIGHT, early]}})

    starts = [each.start for each in found.guard.blackouts]
    assert starts == [
        datetime(2025, 10, 10, tzinfo=UTC),
        datetime(2025, 10, 11, 2, tzinfo=UTC),
    ]
    assert settings_digest(found) != settings_digest(settings_from({}, {}))


@pytest.mark.parametrize(
    "bad",
    [
        "soon",
        [NIGHT, 3],
        ["2025-10-11T02:00:00/2025-10-11T03:00:00"],
        ["2025-10-11T03:00:00Z/2025-10-11T02:00:00Z"],
        [NIGHT] * 101,
    ],
    ids=["no list", "no text", "no zone", "ends first", "too many"],
)
def test_what_is_no_list_of_times_is_refused(bad: object) -> None:
    """The sentence names the setting."""
    with pytest.raises(UsageError, match=r"guard\.blackouts"):
        settings_from({}, {"guard": {"blackouts": bad}})
