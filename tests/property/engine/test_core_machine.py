"""Whatever happens, in whatever order: the laws of the engine's one step."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.domain.events import Bucket
from bot.domain.intents import AdjustMargin, Approved, Borrow, PlaceOrder, Transfer
from bot.guard.admit import is_reduction
from bot.guard.state import GUARD, GuardState
from bot.risk.measure import measure_subject, measure_subjects
from bot.shadow.drift import compare
from bot.shadow.project import project
from bot.shadow.state import Request, Shadow
from tests.property.engine.naive import CHOICES, Bench

COST = Decimal("0.004")
"""Fee and depth of a trade, as a share of an account's distance."""


class Engine(RuleBasedStateMachine):
    """A bot on a small exchange, with lost requests and lost answers."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench.opened()

    @rule(seconds=st.integers(1, 90), btc=st.integers(36_000, 62_000))
    def tick(self, seconds: int, btc: int) -> None:
        """The market moves, by a lot if it likes."""
        self.bench.tick(seconds, str(btc))

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

    @invariant()
    def the_shadow_is_the_naive_ledger(self) -> None:
        """Balances and debts are the sums of all postings, and the exchange's own."""
        shadow = self.bench.state.shadow
        for (account, coin, bucket), amount in self.bench.naive.sums.items():
            balance = shadow.balance(account, coin)
            found = {
                Bucket.BALANCE: balance.total,
                Bucket.PRINCIPAL: balance.principal,
                Bucket.INTEREST: balance.interest,
            }
            assert bucket is Bucket.MARGIN or found[bucket] == amount
        told = {k: p.lots for k, p in self.bench.naive.positions.items() if p.lots}
        assert {k: p.lots for k, p in shadow.positions.items()} == told
        assert compare(shadow, self.bench.sim.snapshot()) == ()

    @invariant()
    def nothing_is_executed_that_was_not_remembered(self) -> None:
        """Each approval is an entry of the same step, in the order of execution."""
        if self.bench.last is None:
            return
        _, _, step = self.bench.last
        written = [e.body for e in step.entries if isinstance(e.body, Approved)]
        assert written == list(step.approved)

    @invariant()
    def every_id_is_used_once(self) -> None:
        """No two requests share an id, and none is sent twice."""
        ids = [approved.intent_id for approved in self.bench.sent]
        assert len(ids) == len(set(ids))

    @invariant()
    def a_step_is_a_function(self) -> None:
        """The same state and facts lead to the same step, and change nothing else."""
        if self.bench.last is not None:
            before, told, step = self.bench.last
            assert self.bench.core.step(before, told) == step

    @invariant()
    def the_guard_only_reduces(self) -> None:
        """What the guard asks for is a reduction, and shortens no account's distance.

        A trade may cost its fee and its depth, in the account's own distance too.
        Money between two accounts lengthens a distance under cure, and pushes no
        other account under its act distance.
        """
        if self.bench.last is None:
            return
        before, told, step = self.bench.last
        shadow = self.bench.core.step(before, told).state.shadow
        for approved in step.approved:
            if approved.owner != GUARD:
                continue
            plain = step.state.shadow
            others = {
                k: r for k, r in plain.requests.items() if k != approved.intent_id
            }
            if not is_reduction(_without(plain, others), approved.intent):
                _is_relief(shadow, step.state.guard, approved)
                continue
            _no_nearer(shadow, approved)

    @invariant()
    def new_risk_waits_for_the_cure(self) -> None:
        """While an account is being cured no strategy adds risk."""
        if self.bench.last is None:
            return
        _, _, step = self.bench.last
        if not step.state.guard.is_acting:
            return
        for approved in step.approved:
            if approved.owner == GUARD:
                continue
            shadow = step.state.shadow
            rest = {k: r for k, r in shadow.requests.items() if k != approved.intent_id}
            assert is_reduction(_without(shadow, rest), approved.intent)

    @invariant()
    def what_is_remembered_is_bounded(self) -> None:
        """Nothing grows without an end: requests, subjects, pairs, setbacks."""
        state = self.bench.state
        unanswered = len(self.bench.flying) + len(self.bench.doubted)
        resting = len(state.shadow.orders)
        assert len(state.shadow.requests) <= unanswered + resting
        assert len(state.guard.subjects) <= 3
        assert len(state.guard.pairs) <= 1
        assert len(state.shadow.setbacks) <= len(CHOICES) * 4


def _without(shadow: Shadow, requests: Mapping[str, Request]) -> Shadow:
    """The shadow before a request of this step was registered."""
    return replace(shadow, requests=requests)


def _is_relief(shadow: Shadow, guard: GuardState, approved: Approved) -> None:
    """Money that the guard moves helps an account under cure and endangers none."""
    intent = approved.intent
    assert isinstance(intent, Borrow | Transfer | AdjustMargin), approved
    after = project(shadow, intent)
    helped = isinstance(intent, Borrow)
    for was in measure_subjects(shadow):
        now, known = measure_subject(after, was.subject), guard.subjects[was.subject]
        if now is None or now.distance is None or was.distance is None:
            helped = helped or known.is_acting
            continue
        helped = helped or (known.is_acting and now.distance > was.distance)
        is_safe = now.distance >= known.thresholds.act
        assert is_safe or now.distance >= was.distance, (approved, was, now)
    assert helped, approved


def _no_nearer(shadow: Shadow, approved: Approved) -> None:
    """After it, no endangered account is nearer by more than the trade's cost."""
    after = project(shadow, approved.intent)
    for was in measure_subjects(shadow):
        now = measure_subject(after, was.subject)
        if now is None or was.distance is None or now.distance is None:
            continue
        slack = COST if isinstance(approved.intent, PlaceOrder) else Decimal(0)
        assert now.distance >= was.distance - slack, (approved, was, now)


TestEngine = Engine.TestCase
TestEngine.settings = settings(stateful_step_count=40)
