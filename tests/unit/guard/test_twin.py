"""The verdict on an episode: worked examples, one for each way that it may end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS, Balance
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    BorrowRateQuoted,
    Event,
    MarksTicked,
)
from bot.domain.intents import Approved, Repay
from bot.engine.twins import OPEN_MAX, Acted, Twins, follow
from bot.guard.state import GuardState, SubjectState
from bot.guard.twin import NEAR, Outcome, OutcomeKind, Twin, followed, unwatched
from bot.guard.twin_rows import outcome_note, still_open, twin_note, twin_of
from bot.guard.undone import GivenBack
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from tests.unit.guard.bench import THRESHOLDS, cross_long, later
from tests.unit.venue.builders import START

SOLD = GivenBack(
    balances={
        (MARGIN_CROSS, "BTC"): Balance(total=Decimal("0.2")),
        (MARGIN_CROSS, "USDT"): Balance(principal=Decimal(10_000)),
    }
)
"""A fifth of a coin was sold at 50 000 and its money repaid."""


def account() -> Shadow:
    """What the guard left: 0.8 BTC against 30 000; it was 1 against 40 000."""
    rate = BorrowRateQuoted(at=START, coin="USDT", annual_rate=Decimal(0))
    return apply(cross_long("0.8", "30000"), rate)


def twin(shadow: Shadow) -> Twin:
    """The twin of a cure that has done its work."""
    return Twin(
        subject=MARGIN_CROSS,
        episode=1,
        since=shadow.at,
        begun_at=shadow.at,
        seen_at=shadow.at,
        given=SOLD,
    )


def walked(
    marks: Sequence[tuple[float, str]], *more: Event, is_acting: bool = False
) -> tuple[Twin, Outcome | None]:
    """The twin along marks at hours after the start, and how it ended."""
    shadow = account()
    found, outcome = twin(shadow), None
    for hours, mark in marks:
        tick = MarksTicked(
            at=START + timedelta(hours=hours), margin_marks={"BTC": Decimal(mark)}
        )
        after = apply(shadow, tick)
        moment = (tick, *more)
        found, outcome = followed(found, (shadow, after), moment, is_acting=is_acting)
        if outcome is not None:
            break
        shadow = after
    return found, outcome


def test_a_twin_that_reaches_its_liquidation_was_saved() -> None:
    """At 41 237 the coin against 40 000 is at 97 %: the rest of it would be lost."""
    _, outcome = walked([(0.1, "45000"), (0.2, "41300"), (0.3, "41230"), (0.4, "9")])
    assert outcome is not None
    assert outcome.kind is OutcomeKind.SAVED
    assert outcome.at == START + timedelta(hours=0.3)
    assert outcome.marks == {"BTC": Decimal(41230)}
    assert outcome.loss == Decimal(1230)
    # Ours: 0.8 x 41230 - 30000 = 2984; the twin before the takeover: 1230.
    assert outcome.difference == Decimal(2984) - Decimal(1230)
    assert outcome.worth == Decimal(2984)


def test_a_twin_that_stays_far_was_cured_too_early() -> None:
    """24 hours after the cure it was never within 5 %: what it cost is the verdict."""
    far = [(0.1, "49000"), (12.0, "48000"), (24.0, "52000"), (24.2, "52000")]
    _, outcome = walked(far)
    assert outcome is not None
    assert outcome.kind is OutcomeKind.TOO_EARLY
    assert outcome.at == START + timedelta(hours=24.2)
    assert outcome.loss == 0
    # A fifth of a coin was sold 2000 below the price of the verdict.
    assert outcome.worth == outcome.price == Decimal(-400)
    assert outcome.twin.nearest is not None
    assert outcome.twin.nearest > NEAR


def test_a_twin_that_came_near_was_cured_usefully() -> None:
    """Under 5 % from liquidation and not liquidated."""
    _, outcome = walked([(0.1, "43000"), (2.0, "50000"), (24.2, "50000")])
    assert outcome is not None
    assert outcome.kind is OutcomeKind.USEFUL
    assert outcome.twin.nearest_at == START + timedelta(hours=0.1)


def test_a_cure_that_goes_on_is_not_over() -> None:
    """While the guard acts the day does not begin; after a week it must end."""
    found, outcome = walked([(0.1, "49000"), (30.0, "49000")], is_acting=True)
    assert (outcome, found.ended_at) == (None, None)
    _, outcome = walked([(0.1, "49000"), (24.0 * 7, "49000")], is_acting=True)
    assert outcome is not None


def test_what_was_not_known_decides_nothing() -> None:
    """An unknown mark on the way makes the verdict unclear, with the reason."""
    _, outcome = walked([(0.1, "0"), (1.0, "49000"), (25.2, "49000")])
    assert outcome is not None
    assert outcome.kind is OutcomeKind.UNCLEAR
    assert "BTC" in outcome.reason


def test_an_account_that_is_liquidated_all_the_same_has_no_twin() -> None:
    """The comparison ends there; a warning or another account's end is no end."""
    taken = AccountStatusChanged(
        at=START, account=MARGIN_CROSS, status=AccountStatus.LIQUIDATING
    )
    _, outcome = walked([(0.1, "49000")], taken)
    assert outcome is not None
    assert outcome.reason == "margin_cross was liquidated although the guard acted"
    for other in (
        replace(taken, status=AccountStatus.WARNED),
        replace(taken, coin="USDT"),
    ):
        assert walked([(0.1, "49000")], other)[1] is None


def test_a_twin_is_read_back_from_its_row() -> None:
    """Everything that a restart needs; a verdict ends it."""
    found, _ = walked([(0.1, "45000"), (1.0, "46000")])
    found = replace(found, intents={"g1-i0000001": START}, missing=("no rate", "x"))
    note = twin_note(found)
    assert twin_of(note.inputs) == found
    known = still_open({}, note)
    assert list(known.values()) == [found]
    _, outcome = walked([(0.1, "41000")])
    assert outcome is not None
    assert still_open(known, outcome_note(outcome)) == {}


def test_a_restart_charges_the_hours_and_doubts_what_it_did_not_see() -> None:
    """Interest of the absence is charged; a long absence makes the verdict unclear."""
    shadow = apply(
        account(),
        BorrowRateQuoted(at=START, coin="USDT", annual_rate=Decimal("0.1181")),
    )
    start = later(shadow, 3 * 3600)
    tick = MarksTicked(at=start.at, margin_marks={"BTC": Decimal(50_000)})
    after = apply(start, tick)
    found, _ = followed(twin(shadow), (start, after), (tick,), is_acting=False)
    assert found.given.balances[MARGIN_CROSS, "USDT"].liability > Decimal("10000.4")
    assert found.seen_at == start.at
    known = twin(shadow)
    assert unwatched(known, START, START + timedelta(minutes=10)) == known
    [gap] = unwatched(known, START, START + timedelta(minutes=11)).missing
    assert gap.startswith("not watched from")


def test_an_unknown_number_is_no_number_of_a_row() -> None:
    """A verdict without a mark says so and holds no amount."""
    _, outcome = walked([(0.1, "41000")])
    assert outcome is not None
    note = outcome_note(replace(outcome, equity=None))
    assert "worth" not in note.inputs
    assert note.text.endswith("what the actions were worth is not known")


def acted(number: int, *, subject: str = MARGIN_CROSS) -> Acted:
    """A round of the cure that began so many seconds after the start."""
    since = START + timedelta(seconds=number)
    return Acted(subject, number, since, (f"g1-i{number:07d}",))


def approved(name: str, owner: str = "guard") -> Approved:
    """A request."""
    intent = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(1))
    return Approved(intent_id=name, owner=owner, intent=intent, reason="test")


def turned(twins: Twins, rounds: Sequence[Acted], *more: Approved) -> Twins:
    """The twins after a moment in which the guard acted."""
    shadow = account()
    known = SubjectState(thresholds=THRESHOLDS, is_acting=True, acting_since=START)
    guard = GuardState(subjects={MARGIN_CROSS: known})
    return follow(twins, (shadow, shadow), (), guard, (rounds, more)).twins


def test_one_twin_an_episode_and_every_request_in_its_place() -> None:
    """A second round joins the twin; a later cure's requests are in both."""
    twins = turned(Twins(), [acted(1)])
    twins = turned(twins, [replace_intents(acted(1), "b")])
    twins = turned(twins, [acted(2), acted(3, subject="futures:USDT")])
    twins = turned(twins, [], approved("sweep"), approved("theirs", "carry"))
    assert [(t.subject, t.episode, t.follows) for t in twins.open] == [
        (MARGIN_CROSS, 1, False),
        (MARGIN_CROSS, 2, True),
        ("futures:USDT", 3, False),
    ]
    assert [list(t.intents) for t in twins.open] == [
        ["g1-i0000001", "b", "g1-i0000002", "sweep"],
        ["g1-i0000002", "sweep"],
        ["g1-i0000003", "sweep"],
    ]


def replace_intents(each: Acted, *names: str) -> Acted:
    """The same round with other requests."""
    return replace(each, intents=names)


def test_a_round_of_which_nothing_was_approved_begins_no_twin() -> None:
    """Nothing was done, so there is nothing to be without."""
    assert turned(Twins(), [replace_intents(acted(1))]).open == ()


def test_the_number_of_twins_is_bounded() -> None:
    """The oldest ends without an answer, and a row says so."""
    twins = Twins()
    for number in range(OPEN_MAX):
        twins = turned(twins, [acted(number)])
    shadow = account()
    found = follow(twins, (shadow, shadow), (), GuardState(), ([acted(99)], ()))
    assert len(found.twins.open) == OPEN_MAX
    [verdict] = [n for n in found.notes if n.topic == "counterfactual"]
    assert verdict.inputs["outcome"] == "unclear"
    assert verdict.text.startswith("too many twins were watched at once")
