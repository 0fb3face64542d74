"""The guard's episodes out of rows: what is joined, what is summed, what is said."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import Decided, Entry, EntryBody, Noted
from bot.domain.events import AccountStatus, AccountStatusChanged, IntentSettled
from bot.domain.intents import Approved, Repay
from bot.domain.orders import Outcome
from bot.report.episodes import EpisodeBook
from bot.report.episodes_view import (
    episode_document,
    episode_sentence,
    totals_sentences,
)
from bot.report.figures import NBSP
from tests.unit.venue.builders import START


def at(hours: float) -> datetime:
    """That many hours after the start."""
    return START + timedelta(hours=hours)


def decided(hours: float, verdict: str, ratio: str = "0.8") -> Entry:
    """A cure begins or ends."""
    body = Decided(
        decision_id=f"g1-d{int(hours * 10):07d}",
        owner="guard",
        subject=MARGIN_CROSS,
        verdict=verdict,
        reason="a move of 14 % liquidates it",
        inputs={"subject": MARGIN_CROSS, "ratio": ratio, "distance": "0.14"},
    )
    return Entry(at=at(hours), body=body)


def sent(hours: float, name: str, owner: str = "guard") -> Entry:
    """A request leaves."""
    intent = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1))
    body = Approved(intent_id=name, owner=owner, intent=intent, reason=f"repay {name}")
    return Entry(at=at(hours), body=body)


def settled(hours: float, name: str) -> Entry:
    """A request is done."""
    body = IntentSettled(at=at(hours), intent_id=name, outcome=Outcome.DONE)
    return Entry(at=at(hours), body=body)


def looked_back(hours: float, since: float, **numbers: str) -> Entry:
    """A verdict; without an outcome the twin as it stands."""
    inputs: Mapping[str, str] = {
        "subject": MARGIN_CROSS,
        "since": at(since).isoformat(),
        "fees": "1",
        "slippage": "2",
        "carry": "0.5",
        **numbers,
    }
    topic = "counterfactual" if "outcome" in numbers else "twin"
    return Entry(at=at(hours), body=Noted(topic=topic, text="x", inputs=inputs))


def other(hours: float, body: EntryBody) -> Entry:
    """Any other row."""
    return Entry(at=at(hours), body=body)


def early(worth: str, **more: str) -> dict[str, str]:
    """A verdict of a cure that came too early."""
    return {
        "outcome": "too early", "nearest": "0.1", "nearest_at": at(3).isoformat(),
        "worth": worth, "difference": worth, "loss": "0", **more,
    }  # fmt: skip


CURE = [
    decided(1, "cure"),
    sent(1, "a"),
    sent(1, "b", owner="carry"),
    looked_back(1, 1, intents=f"a@{at(1).isoformat()}"),
    settled(1.1, "a"),
    decided(2, "cured", ratio="0.7"),
]


def test_a_cure_is_told_with_its_steps_and_numbers() -> None:
    """Trigger, what was done, before and after; requests of others are not in it."""
    book = EpisodeBook.of([*CURE, looked_back(26, 1, **early("-12.5"))])
    [episode] = book.episodes()
    assert episode.decision_id == "g1-d0000010"
    assert (episode.begun_at, episode.ended_at) == (at(1), at(2))
    assert (episode.before["ratio"], episode.after["ratio"]) == (
        Decimal("0.8"),
        Decimal("0.7"),
    )
    assert [(s.what, s.outcome) for s in episode.steps] == [("repay a", "done")]
    told = episode_sentence(episode).replace(NBSP, " ")
    assert told == (
        "Without it cross margin stayed 10.0 % from liquidation; it cost 12.50 USDT."
    )
    document = episode_document(episode)
    assert document["worth_usdt"] == "-12.5"
    assert document["cost"] == {"fees": "1", "slippage": "2", "carry": "0.5"}


def test_a_cure_that_the_journal_does_not_outlive_is_open() -> None:
    """No verdict is made up; what is known so far is said."""
    far = looked_back(3, 1, nearest="0.09", nearest_at=at(3).isoformat())
    [episode] = EpisodeBook.of([*CURE, far]).episodes()
    assert (episode.outcome, episode.worth) == ("open", None)
    told = episode_sentence(episode).replace(NBSP, " ")
    assert told.endswith("so far 9.0 % from liquidation at the nearest.")


def test_sums_count_what_speaks_for_itself() -> None:
    """A cure in the shadow of an older verdict is shown and not summed."""
    rows = [*CURE, looked_back(26, 1, **early("-12.5"))]
    rows += [
        decided(20, "cure"),
        decided(21, "cured"),
        looked_back(45, 20, follows="true", **early("-100")),
        decided(50, "cure"),
        looked_back(51, 50, outcome="saved", worth="900", difference="100", loss="800"),
    ]
    book = EpisodeBook.of(rows)
    totals = book.totals()
    assert [each.is_counted for each in book.episodes()] == [True, False, True]
    assert (totals.saved, totals.too_early) == (Decimal(900), Decimal("12.5"))
    assert (totals.counts["saved"], totals.counts["too early"]) == (1, 1)
    month_h = Decimal("365.25") * 24 / 12
    a_month = totals.too_early_a_month
    assert a_month is not None
    assert round(a_month, 6) == round(Decimal("12.5") * month_h / 50, 6)
    told = totals_sentences(totals)
    assert told[0] == "Episodes: 1 saved, 1 too early."
    assert told[1].startswith("Liquidations prevented: 900.00 USDT at the moments")


def test_an_account_that_is_fed_again_and_again_is_saved_once_a_day() -> None:
    """Three cures in two hours and one a day later: two liquidations prevented.

    Each cure alone saved what stood there then; their sum would be money that the
    account never had.
    """
    rows: list[Entry] = []
    for begun in (0.0, 1.0, 2.0, 30.0):
        rows += [
            decided(begun, "cure"),
            looked_back(begun + 0.5, begun, outcome="saved", worth="900"),
            decided(begun + 0.6, "cured"),
        ]
    book = EpisodeBook.of(rows)

    assert [each.is_counted for each in book.episodes()] == [True, False, False, True]
    assert book.totals().saved == 1800
    assert book.totals().counts["saved"] == 2


def test_a_liquidation_all_the_same_is_no_success() -> None:
    """What the twin would have lost is not counted as saved then, and it is said."""
    taken = AccountStatusChanged(
        at=at(3), account=MARGIN_CROSS, status=AccountStatus.LIQUIDATING
    )
    rows = [*CURE, looked_back(2, 1, outcome="saved", worth="9", loss="9")]
    book = EpisodeBook.of([*rows, other(3, taken)])
    totals = book.totals()
    assert (totals.saved, totals.others) == (Decimal(0), Decimal(9))
    assert (totals.counts["saved"], totals.counts["in vain"]) == (0, 1)
    [episode] = book.episodes()
    assert "The account was liquidated at" in episode_sentence(episode)
    late = AccountStatusChanged(
        at=at(40), account=MARGIN_CROSS, status=AccountStatus.LIQUIDATING
    )
    assert EpisodeBook.of([*rows, other(40, late)]).totals().counts["saved"] == 1


def test_a_journal_without_a_cure_has_nothing_to_tell() -> None:
    """Rows of an older version, or of a quiet month."""
    book = EpisodeBook.of([sent(1, "a"), looked_back(2, 1), decided(3, "cured")])
    assert book.episodes() == ()
    totals = book.totals()
    assert totals.unknown == 0
    assert totals_sentences(totals) == ["Episodes: none."]
    assert EpisodeBook().totals().too_early_a_month is None
