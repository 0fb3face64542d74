"""What must be known before new risk is taken, one sentence for each doubt.

Sources that are silent, differences that no booking explains, and ratios on which
the exchange and the shadow disagree: in each the account may be another than the
one that is measured. Nothing here approves anything.
"""

from bot.domain.money import short
from bot.guard.buffer import Standing
from bot.guard.state import GuardState
from bot.shadow.state import Shadow

__all__ = ["apart_sentence", "doubt_sentence"]


def doubt_sentence(shadow: Shadow, guard: GuardState) -> str | None:
    """Why no new risk may be taken on what is known, None when all is in order."""
    return _silence(shadow) or _unexplained(shadow) or _disagreement(guard)


def apart_sentence(guard: GuardState) -> str | None:
    """The account on which the two sides are so far apart that only reductions go."""
    for subject, track in sorted(guard.parity.items()):
        if track.standing is Standing.APART:
            return _numbers(guard, subject) + "; only reductions are sent"
    return None


def _silence(shadow: Shadow) -> str | None:
    for feed, reason in sorted(shadow.silent_feeds.items()):
        return f"the feed {feed} is silent: {reason}"
    return None


def _unexplained(shadow: Shadow) -> str | None:
    found = shadow.unexplained
    if not found:
        return None
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return (
        f"not explained, until a reconciliation finds no difference: {found[0]}{more}"
    )


def _disagreement(guard: GuardState) -> str | None:
    for subject, track in sorted(guard.parity.items()):
        if track.standing is Standing.DRIFTING:
            return _numbers(guard, subject) + "; no new risk until three reports agree"
    return apart_sentence(guard)


def _numbers(guard: GuardState, subject: str) -> str:
    track = guard.parity[subject]
    own = "unknown" if track.own is None else short(track.own)
    return f"the exchange states {short(track.stated)} for {subject}, ours is {own}"
