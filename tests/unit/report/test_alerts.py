"""What a person is told, and how often."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import Noted
from bot.domain.events import (
    AccountStatus,
    AccountStatusChanged,
    Event,
    FeedChanged,
    IntentSettled,
    OperatorAsked,
)
from bot.domain.intents import Repay
from bot.domain.money import ZERO
from bot.domain.orders import Outcome
from bot.engine.core import Core, State
from bot.engine.operator_requests import proposals_for
from bot.report.alerts import ALARM, INFO, WARNING, Alerts
from tests.unit.engine.steps import after, opened, ticked

FEEDS = ("spot orders", "spot balances", "futures wallet")


@dataclass
class Person:
    """Somebody who is told, with a core to step."""

    told: list[tuple[str, str]] = field(default_factory=list)
    core: Core = field(default_factory=lambda: Core(is_guarding=False))
    state: State = field(init=False)
    alerts: Alerts = field(init=False)

    def __post_init__(self) -> None:
        self.state = opened(self.core)
        self.alerts = Alerts(self)

    def notify(self, level: str, sentence: str) -> None:
        """A notifier's."""
        self.told.append((level, sentence))

    def see(self, *moment: Event) -> Sequence[tuple[str, str]]:
        """Step one moment; what was told of it."""
        before = len(self.told)
        step = self.core.step(self.state, moment)
        self.state = step.state
        self.alerts(moment, step)
        return self.told[before:]

    def levels(self, *moment: Event) -> list[str]:
        """The levels that one moment led to."""
        return [level for level, _ in self.see(*moment)]


def feed(seconds: float, name: str, *, is_live: bool) -> FeedChanged:
    """A feed changes."""
    return FeedChanged(at=after(seconds), feed=name, is_live=is_live, reason="a test")


def test_a_start_is_one_sentence() -> None:
    """Feeds that are being connected are no news; that all deliver is."""
    person = Person()
    for name in FEEDS:
        assert person.see(feed(1, name, is_live=False)) == []
    for name in FEEDS[:-1]:
        assert person.see(feed(2, name, is_live=True)) == []
    assert person.see(feed(2, FEEDS[-1], is_live=True)) == [
        (INFO, "Every feed delivers.")
    ]


def test_a_feed_that_never_connects_is_one_warning_after_a_minute() -> None:
    """Named, once, and not before a minute of the exchange's time."""
    person = Person()
    person.see(*(feed(1, name, is_live=False) for name in FEEDS))
    person.see(feed(2, FEEDS[0], is_live=True))
    assert person.see(ticked(59, "60000")) == []
    ((level, sentence),) = person.see(ticked(62, "60000"))
    assert level == WARNING
    assert all(name in sentence for name in FEEDS[1:])
    assert FEEDS[0] not in sentence
    assert person.see(ticked(200, "60000")) == []


def test_a_disk_is_told_in_its_own_words() -> None:
    """It is no feed that is connected at a start, and no feed that delivers."""
    person = Person()
    assert person.see(feed(1, "disk", is_live=False)) == [
        (WARNING, "Disk: a test. New risk waits.")
    ]
    assert person.see(feed(2, FEEDS[0], is_live=False)) == []
    assert person.see(feed(3, FEEDS[0], is_live=True)) == [
        (INFO, "Every feed delivers.")
    ]
    assert person.see(feed(4, "disk", is_live=True)) == [
        (INFO, "Disk: a test. New risk may be taken.")
    ]


def test_an_outage_is_one_warning_and_one_end() -> None:
    """However many feeds it takes with it; a later outage is news again."""
    person = Person()
    person.see(feed(1, FEEDS[0], is_live=False))
    person.see(feed(2, FEEDS[0], is_live=True))
    for start in (10, 100):
        fell = [person.levels(feed(start, n, is_live=False)) for n in FEEDS]
        assert fell == [[WARNING], [INFO], [INFO]]
        back = [person.levels(feed(start + 1, n, is_live=True)) for n in FEEDS]
        assert back == [[], [], [INFO]]


def test_a_stuck_guard_is_an_alarm_every_ten_minutes() -> None:
    """Its numbers change with each mark; it is the same alarm all the same."""
    person = Person()
    for seconds in range(0, 1260, 60):
        text = f"selling {seconds} BTC would not help"
        person.alerts.note(after(seconds), Noted(topic="guard stuck", text=text))
    assert [level for level, _ in person.told] == [ALARM, ALARM, ALARM]


def test_notes_that_are_no_news_say_nothing() -> None:
    """Bookkeeping stays in the journal; the same failure is told once."""
    person = Person()
    person.alerts.note(after(1), Noted(topic="pre-image", text="before i1"))
    assert person.told == []
    for seconds in (1, 2, 3):
        note = Noted(topic="poll failed", text="funding could not be read")
        person.alerts.note(after(seconds), note)
    assert person.told == [(WARNING, "Poll failed: funding could not be read.")]


def test_the_exchanges_own_warning_is_an_alarm() -> None:
    """With its account and its ratio."""
    event = AccountStatusChanged(
        at=after(1), account=MARGIN_CROSS, status=AccountStatus.WARNED, ratio=None
    )
    assert Person().see(event) == [(ALARM, "KuCoin says: cross margin is warned.")]


def test_a_request_is_logged_and_its_refusal_is_a_warning() -> None:
    """Done is no news after it was said that it was sent."""
    person = Person()
    words = {"do": "repay", "coin": "USDT", "amount": "5"}
    proposals = proposals_for(words, person.state.shadow)
    assert isinstance(proposals[0].intent, Repay)
    ((level, sent),) = person.see(
        OperatorAsked(at=after(1), proposals=tuple(proposals))
    )
    assert (level, sent.startswith("operator: repay 5 USDT")) == (INFO, True)
    (name,) = person.state.shadow.requests
    doubt = IntentSettled(at=after(2), intent_id=name, outcome=Outcome.IN_DOUBT)
    assert person.levels(doubt) == [WARNING]
    answer = IntentSettled(
        at=after(3),
        intent_id=name,
        outcome=Outcome.REFUSED,
        done_amount=ZERO,
        reason="Too little balance.",
    )
    ((level, refused),) = person.see(answer)
    assert (level, refused.endswith("is refused: Too little balance.")) == (
        WARNING,
        True,
    )
    assert person.see(answer) == []
