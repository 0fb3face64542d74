"""A core with a lookout beside one without: the same rows, whatever happens."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.events import Event, MarksTicked, RatioReported, RulesRead
from bot.engine.core import State, Step
from bot.engine.lookout import Lookout
from bot.report.recorder import Recorder
from bot.report.tally import Tally
from bot.risk.measure import measure_subject
from bot.shadow.state import empty_shadow
from tests.property.engine.naive import CHOICES, Bench
from tests.unit.venue.builders import rules


@dataclass
class Watched:
    """One way to run: a state, and the readers of its steps."""

    state: State
    tally: Tally
    recorder: Recorder
    quiet: int = 0

    @classmethod
    def new(cls) -> "Watched":
        """Before anything was read."""
        shadow = empty_shadow(rules())
        return cls(
            state=State(shadow=shadow), tally=Tally(shadow), recorder=Recorder(shadow)
        )

    def take(self, told: Sequence[Event], step: Step) -> Step:
        """Go on, and show the step to its readers."""
        self.state = step.state
        self.tally(told, step)
        self.recorder(told, step)
        self.quiet += bool(step.numbers)
        return step

    def told(self) -> dict[str, Any]:
        """What the readers would say."""
        recorder, tally = self.recorder, self.tally
        return {
            "debt ratio": tally.max_debt_ratio,
            "risk rate": tally.max_risk_rate,
            "equity": (tally.equity_min, tally.equity_end),
            "subjects": recorder.subjects,
            "main": recorder.main_subject,
            "exposed": recorder.exposed,
            "ratios": recorder.ratios(),
            "distances": recorder.distances(),
        }


@dataclass
class Twice(Bench):
    """Every moment is told to a core alone and to one with a lookout."""

    lookout: Lookout = field(default_factory=Lookout)
    exact: Watched = field(default_factory=Watched.new)
    glanced: Watched = field(default_factory=Watched.new)

    def tell(self, moment: Sequence[Event]) -> None:
        """One step of both; they must come to the same."""
        told = tuple(moment)
        super().tell(told)
        if not told:
            return
        one = self.exact.take(told, self.core.step(self.exact.state, told))
        step = self.core.step(self.glanced.state, told, self.lookout)
        other = self.glanced.take(told, step)
        assert other.entries == one.entries
        assert other.approved == one.approved
        assert other.lookups == one.lookups
        same = replace(other.state, own_readings=one.state.own_readings)
        assert same == one.state
        assert not (other.numbers and other.measures)


class Both(RuleBasedStateMachine):
    """A bot on a small exchange, run both ways at once."""

    bench: Twice

    @initialize(is_guarding=st.booleans(), is_parity_kept=st.booleans())
    def begin(self, *, is_guarding: bool, is_parity_kept: bool) -> None:
        """An account, guarded or not, live or simulated."""
        opened = Bench.opened()
        core = replace(
            opened.core, is_guarding=is_guarding, is_parity_kept=is_parity_kept
        )
        self.bench = Twice(sim=opened.sim, core=core, state=Watched.new().state)
        self.bench.tell(opened.opening)

    @rule(seconds=st.integers(1, 90), btc=st.integers(36_000, 62_000))
    def tick(self, seconds: int, btc: int) -> None:
        """The market moves, by a lot if it likes."""
        self.bench.tick(seconds, str(btc))

    @rule(cents=st.lists(st.integers(-40_000, 40_000), min_size=1, max_size=20))
    def wander(self, cents: Sequence[int]) -> None:
        """The market moves a little, many times."""
        for each in cents:
            self.bench.tick(2, str(Decimal(50_000) + Decimal(each) / 100))

    @rule(job=st.sampled_from(sorted(CHOICES)))
    def ask(self, job: str) -> None:
        """A strategy wants something."""
        self.bench.ask(job)

    @rule(fate=st.sampled_from(("answered", "answered", "answer lost", "request lost")))
    def arrive(self, fate: str) -> None:
        """A request meets its fate."""
        self.bench.arrive(fate)

    @rule()
    def look_up(self) -> None:
        """A doubt is resolved."""
        self.bench.look_up()

    @rule(hours=st.integers(1, 3))
    def sleep(self, hours: int) -> None:
        """Interest is charged and funding settled."""
        self.bench.tick(3600 * hours, "50000")

    @rule(off=st.sampled_from(("0", "0.00004", "-0.0002", "0.003", "0.2")))
    def report(self, off: str) -> None:
        """The exchange states a ratio, near ours or far from it."""
        shadow = self.bench.exact.state.shadow
        ours = measure_subject(shadow, MARGIN_CROSS)
        now = shadow.at + timedelta(milliseconds=300)
        own = Decimal(0) if ours is None or ours.ratio is None else ours.ratio
        stated = Decimal(f"{own + Decimal(off):.4f}")
        event = RatioReported(at=now, account=MARGIN_CROSS, value=stated)
        self.bench.tell((event,))

    @rule(
        waits=st.lists(st.integers(1, 20), min_size=1, max_size=6),
        btc=st.sampled_from((None, 49_000, 44_000)),
    )
    def freeze(self, waits: Sequence[int], btc: int | None) -> None:
        """Time passes without a mark of the contracts, or without any at all."""
        for seconds in waits:
            at = self.bench.exact.state.shadow.at + timedelta(seconds=seconds)
            marks = {} if btc is None else {"BTC": Decimal(btc)}
            self.bench.tell((MarksTicked(at=at, margin_marks=marks),))

    @rule(coefficient=st.sampled_from(("1", "0.98", "0.9")))
    def change_rules(self, coefficient: str) -> None:
        """The exchange weighs BTC differently."""
        shadow = self.bench.exact.state.shadow
        coins = dict(shadow.rules.margin_coins)
        if "BTC" in coins:
            coins["BTC"] = replace(coins["BTC"], coefficient=Decimal(coefficient))
        changed = replace(shadow.rules, margin_coins=coins)
        self.bench.tell((RulesRead(at=shadow.at, rules=changed),))

    @invariant()
    def the_readers_say_the_same(self) -> None:
        """Extremes, curves and names do not show which way a run went."""
        assert self.bench.glanced.told() == self.bench.exact.told()


TestBoth = Both.TestCase
TestBoth.settings = settings(stateful_step_count=30)


def test_most_marks_of_a_calm_market_are_glanced_over() -> None:
    """A thousand small moves: only the samples of every 30 s are measured exactly."""
    opened = Bench.opened()
    bench = Twice(sim=opened.sim, core=opened.core, state=Watched.new().state)
    bench.tell(opened.opening)
    before = bench.glanced.quiet
    for n in range(1_000):
        bench.tick(1, str(50_000 + 7 * (n % 90)))
    assert bench.glanced.quiet - before > 900
    assert bench.exact.quiet == 0
    assert bench.glanced.told() == bench.exact.told()
