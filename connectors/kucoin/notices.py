"""Notices that name what is held, for a person to read; nothing is decided by them.

Two questions of one page each, of what is delisted and of maintenance; what cannot be
read is a sentence. A title that names a held coin is shown with its time and its link,
and says that nobody has read it for its meaning: the date goes into
``guard.delistings`` or ``guard.blackouts`` by hand.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.domain.errors import UnreachableError, UsageError
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.checks import Check, CheckState
from connectors.kucoin.parse.announcements import Announcement, announcements

__all__ = ["announced_checks", "notice_checks"]

_KINDS: Final = ("delistings", "maintenance-updates")
_PAGE: Final = "50"
_BACK: Final = timedelta(days=60)
_MOST: Final = 10
"""Notices of a kind that are shown."""

_CASH: Final = frozenset({"USDT"})
_BY_HAND: Final = {
    "delistings": "Read it; put the time into guard.delistings.",
    "maintenance-updates": "Read it; put the time into guard.blackouts.",
}


async def notice_checks(
    rest: Rest, held: Iterable[str], now: datetime
) -> tuple[Check, ...]:
    """A check for each notice of the last 60 days that names something held.

    Args:
        rest: The exchange; two requests.
        held: Coins and contracts.
        now: The exchange's time.
    """
    names = sorted(set(held) - _CASH)
    found: list[Check] = []
    for kind in _KINDS:
        asked = {
            "annType": kind,
            "lang": "en_US",
            "pageSize": _PAGE,
            "startTime": str(int((now - _BACK).timestamp() * 1000)),
        }
        try:
            told = announcements(await rest.read("announcements", asked))
        except (ExchangeRefusedError, UnreachableError, UsageError) as error:
            found.append(_unread(kind, error))
            continue
        found += _named(kind, told, names)
    return tuple(found)


def _named(
    kind: str, told: Sequence[Announcement], names: Sequence[str]
) -> list[Check]:
    checks = []
    for notice in told:
        mine = [name for name in names if notice.names(name)]
        if mine:
            link = f", {notice.url}" if notice.url else ""
            checks.append(
                Check(
                    name=f"notice of {', '.join(mine)}",
                    state=CheckState.WARN,
                    sentence=f"{notice.at:%Y-%m-%d}: {notice.title!r}{link} "
                    "(shown as it is, not read for its meaning).",
                    advice=_BY_HAND[kind],
                )
            )
    return checks[:_MOST]


def _unread(kind: str, error: Exception) -> Check:
    return Check(
        name="notices",
        state=CheckState.WARN,
        sentence=f"KuCoin's notices of {kind} could not be read: {error}",
        advice="Look at kucoin.com/announcement yourself.",
    )


def announced_checks(sentences: Iterable[str]) -> tuple[Check, ...]:
    """A check for each change that the exchange states in its own fields.

    Example:
        >>> announced_checks(["KuCoin settles ABCUSDTM for good."])[0].name
        'announced'
    """
    return tuple(
        Check(
            name="announced",
            state=CheckState.WARN,
            sentence=sentence,
            advice="A live bot prepares for it by itself.",
        )
        for sentence in sentences
    )
