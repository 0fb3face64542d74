"""The twin against the truth: the same account on the same market without a guard."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.domain.entries import Entry, Noted
from bot.domain.events import AccountStatus, AccountStatusChanged, Event, MarksTicked
from bot.engine.core import Step
from bot.engine.loop import Engine
from bot.engine.memory import recall
from bot.guard.twin import Twin
from bot.guard.twin_rows import COUNTERFACTUAL
from bot.risk.measure import equity_usdt, measure_subject
from bot.settings import settings_from
from connectors.markets.recorded import open_market
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account
from tests.simulation.small import LEVERED, market, write

CARRY = """
[margin_cross]
leverage = "5"
balance = {BTC = "@30000"}
principal = {USDT = "20000"}

[futures]
wallet = {USDT = "8000"}

[[futures.position]]
symbol = "XBTUSDTM"
base = "@-30000"
leverage = 3
"""


@dataclass
class Watch:
    """What is seen at each tick of a run: the bare account, or the first twin."""

    equities: dict[datetime, Decimal] = field(default_factory=dict)
    ratios: dict[datetime, Decimal] = field(default_factory=dict)
    taken_at: datetime | None = None
    entries: list[Entry] = field(default_factory=list)
    twins: list[tuple[Twin, ...]] = field(default_factory=list)
    subject: str = ""

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Keep equity and ratio of the oldest twin, or of the account itself."""
        self.entries += step.entries
        for event in moment:
            match event:
                case AccountStatusChanged(status=AccountStatus.LIQUIDATING):
                    self.taken_at = self.taken_at or event.at
                case _:
                    pass
        open_twins = step.state.twins.open
        self.twins.append(open_twins)
        if not any(isinstance(event, MarksTicked) for event in moment):
            return
        shadow = step.state.shadow
        if open_twins and not open_twins[0].follows:
            self.subject = open_twins[0].subject
            shadow = open_twins[0].seen(shadow)
        equity = equity_usdt(shadow)
        measure = measure_subject(shadow, self.subject) if self.subject else None
        if equity is not None and (open_twins or not self.is_twin):
            self.equities[shadow.at] = equity
            if measure is not None and measure.ratio is not None:
                self.ratios[shadow.at] = measure.ratio

    is_twin: bool = False

    def verdicts(self) -> list[Noted]:
        """The verdicts of the run."""
        notes = [e.body for e in self.entries if isinstance(e.body, Noted)]
        return [note for note in notes if note.topic == COUNTERFACTUAL]


async def watched(plan: Plan, watch: Watch) -> Watch:
    """The run to its end."""

    def observers(engine: Engine) -> list[Watch]:
        return [watch]

    simulation = await simulate(plan, NullJournal(), FreePacer(), observers)
    await simulation.finish()
    return watch


def planned(folder: Path, account: str, closes: Sequence[float]) -> Plan:
    """A guarded run on a small market."""
    return plan_run(
        world="replay",
        market=open_market(market(folder / "market", {"BTC": closes})),
        account=load_account(write(folder / "account.toml", account)),
        settings=settings_from({}, {}),
        seed=1,
    )


async def both(plan: Plan) -> tuple[Watch, Watch]:
    """The guarded run with its twin, and the bare one."""
    guarded = await watched(plan, Watch(is_twin=True))
    bare = Watch(subject=guarded.subject)
    return guarded, await watched(replace(plan, is_guarded=False), bare)


FALL_AND_REST = [*range(60_000, 45_000, -300), *([45_000.0] * 200)]
RISE_AND_REST = [*range(60_000, 80_000, 250), *([80_000.0] * 150)]
DEEP = [*range(60_000, 36_000, -300), *([36_000.0] * 30)]


@pytest.mark.parametrize(
    ("account", "closes"),
    [(LEVERED, FALL_AND_REST), (CARRY, RISE_AND_REST)],
    ids=["long in margin and futures", "carry pair in a rise"],
)
async def test_the_twin_is_the_account_without_a_guard(
    tmp_path: Path, account: str, closes: Sequence[float]
) -> None:
    """At every tick its equity and its ratio are those of the bare run.

    Interest is rounded up each hour on each side, so a few 1e-8 coins lie between;
    and the exchange books it some seconds after the hour, the twin at the hour.
    """
    guarded, bare = await both(planned(tmp_path, account, closes))
    assert guarded.equities, "the guard acted"
    assert any(twins and not twins[0].given.is_empty for twins in guarded.twins)
    until = bare.taken_at or max(bare.equities)
    compared = [at for at in guarded.equities if at < until and at.minute]
    assert len(compared) > 50
    for at in compared:
        assert abs(guarded.equities[at] - bare.equities[at]) < Decimal("1e-5")
        assert abs(guarded.ratios[at] - bare.ratios[at]) < Decimal("1e-8")


async def test_a_saved_account_is_told_when_the_bare_one_is_taken(
    tmp_path: Path,
) -> None:
    """The verdict comes at the mark at which the bare account is liquidated."""
    guarded, bare = await both(planned(tmp_path, LEVERED, DEEP))
    first = guarded.verdicts()[0]
    assert first.inputs["outcome"] == "saved"
    assert bare.taken_at is not None
    decided = next(e.at for e in guarded.entries if e.body is first)
    assert abs(decided - bare.taken_at) <= timedelta(seconds=1)
    assert Decimal(first.inputs["ratio"]) >= Decimal("0.97")
    assert Decimal(first.inputs["loss"]) > 0


async def test_the_parts_sum_to_the_difference(tmp_path: Path) -> None:
    """Fees, slippage, carry and price make the whole difference, to the last digit."""
    plan = planned(tmp_path, LEVERED, DEEP)
    guarded = await watched(plan, Watch(is_twin=True))
    for verdict in guarded.verdicts():
        number = {k: Decimal(v) for k, v in verdict.inputs.items() if k in _NUMBERS}
        parts = number["price"] + number["carry"]
        parts -= number["fees"] + number["slippage"]
        assert parts == number["difference"]
        assert number["equity"] - number["twin_equity"] == number["difference"]
        assert number["worth"] == number["difference"] + number["loss"]


_NUMBERS = frozenset(
    [
        "price",
        "carry",
        "fees",
        "slippage",
        "difference",
        "equity",
        "twin_equity",
        "loss",
        "worth",
    ]
)


async def test_a_restart_goes_on_with_every_open_twin(tmp_path: Path) -> None:
    """What the rows say after any moment of the run is the twin as it stood then.

    Only its nearest distance may be up to an hour old.
    """
    guarded = await watched(planned(tmp_path, LEVERED, DEEP), Watch(is_twin=True))
    for number in (len(guarded.entries) // 2, len(guarded.entries)):
        known = recall(guarded.entries[:number]).twins
        assert all(twin.intents or twin.given.is_empty for twin in known)
    last = recall(guarded.entries).twins
    real = guarded.twins[-1]
    assert [(t.subject, t.since) for t in last] == [(t.subject, t.since) for t in real]
    for kept, twin in zip(last, real, strict=True):
        assert kept.given.balances == twin.given.balances
        assert kept.costs == twin.costs
        assert kept.ended_at == twin.ended_at
        assert {k: _plain(s) for k, s in kept.given.positions.items()} == {
            k: _plain(s) for k, s in twin.given.positions.items()
        }


def _plain(share: object) -> tuple[object, ...]:
    names = ("lots", "entry_value", "margin")
    return tuple(getattr(share, name) for name in names)


async def test_two_runs_leave_the_same_rows(tmp_path: Path) -> None:
    """Twins are a function of the facts: entry for entry the same."""
    plan = plan_run(
        world="paper",
        market=open_scenario("crash", 7),
        account=load_account(write(tmp_path / "a.toml", LEVERED)),
        settings=settings_from({}, {}),
        seed=7,
    )
    one = await watched(plan, Watch(is_twin=True))
    other = await watched(plan, Watch(is_twin=True))
    assert one.entries == other.entries
    assert any(
        isinstance(e.body, Noted) and e.body.topic == "twin" for e in one.entries
    )
