"""``guard.delistings``: read, sorted, told apart, and refused with a sentence."""

from datetime import UTC, datetime

import pytest

from bot.compose import settings_digest
from bot.domain.announced import Delisting
from bot.domain.errors import UsageError
from bot.settings import settings_from

ABC = "ABC 2025-10-11T08:00:00Z"


def test_delistings_reach_the_guard_in_order() -> None:
    """Earliest first, in UTC, and they tell two sets of settings apart."""
    early = "XYZUSDTM 2025-10-10T02:00:00+02:00"
    found = settings_from({}, {"guard": {"delistings": [ABC, early]}})

    assert found.guard.delistings == (
        Delisting(datetime(2025, 10, 10, tzinfo=UTC), "XYZUSDTM"),
        Delisting(datetime(2025, 10, 11, 8, tzinfo=UTC), "ABC"),
    )
    assert settings_digest(found) != settings_digest(settings_from({}, {}))


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("ABC", "must be a list of at most 100"),
        ([3], r"delistings\[0\] must be NAME TIME"),
        ([ABC, "abc 2025-10-11T08:00:00Z"], r"delistings\[1\] must be NAME TIME"),
        (["ABC 2025-10-11T08:00:00"], "a time with a zone"),
        (["ABC soon"], "a time with a zone"),
        (["ABC"], "a time with a zone"),
        ([ABC, "ABC 2025-10-12T08:00:00Z"], "names ABC twice"),
        (["USDT 2025-10-11T08:00:00Z"], "cannot be USDT"),
        ([f"A{n} 2025-10-11T08:00:00Z" for n in range(101)], "at most 100"),
    ],
)
def test_what_is_no_list_of_names_and_times_is_refused(
    bad: object, sentence: str
) -> None:
    """The sentence names the setting and the entry."""
    with pytest.raises(UsageError, match=sentence):
        settings_from({}, {"guard": {"delistings": bad}})
