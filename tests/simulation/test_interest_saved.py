"""The proof of interest saved against the same run without the sweep, to the digit."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.domain.accounts import AccountId
from bot.domain.events import Bucket, Cause, Event, LedgerBooked
from bot.domain.intents import Approved, Repay, Transfer
from bot.engine.core import Step
from bot.engine.loop import Engine, Observer
from bot.report.interest_book import InterestBook, SavedInterest
from bot.settings import settings_from
from bot.shadow.state import Shadow
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account
from tests.simulation.small import drive

Key = tuple[AccountId, str]


def _account(chance: np.random.Generator) -> str:
    """A levered account with idle and owed coins anywhere."""

    def amount(most: int) -> str:
        return f"{chance.integers(most * 100_000_000) / 100_000_000:.8f}"

    owed = (amount(4000), "0")[chance.integers(2)]
    coins = (amount(3), "0")[chance.integers(2)]
    return f"""
[spot]
USDT = "{amount(1500)}"
SOL = "{amount(2)}"
[margin_cross]
leverage = "5"
balance = {{BTC = "@6000", USDT = "{amount(3000)}", SOL = "{amount(4)}"}}
principal = {{USDT = "{owed}", SOL = "{coins}"}}
interest = {{USDT = "{("0", "0.00000001", "0.3")[chance.integers(3)]}"}}
[margin_isolated."ETH-USDT"]
leverage = "3"
balance = {{ETH = "@2000", USDT = "{amount(900)}"}}
principal = {{USDT = "{amount(1200)}"}}
[margin_isolated."SOL-USDT"]
leverage = "3"
balance = {{SOL = "{amount(2)}", USDT = "{amount(400)}"}}
"""


@dataclass
class Watch:
    """Sums the interest charged by loan, and keeps what was repaid and owed."""

    book: InterestBook | None = None
    charged: dict[Key, Decimal] = field(default_factory=dict)
    sent: list[tuple[Repay, Decimal]] = field(default_factory=list)
    moved_from: set[AccountId] = field(default_factory=set)
    last: Shadow | None = None

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Look at the bookings and requests of a moment."""
        shadow = step.state.shadow
        for event in moment:
            if self.book is not None:
                self.book.see(event.at, event)
            if isinstance(event, LedgerBooked) and event.cause is Cause.INTEREST:
                self._charge(event)
        for approved in step.approved:
            self._approved(approved, shadow)
        self.last = shadow

    def _charge(self, event: LedgerBooked) -> None:
        for posting in event.postings:
            if posting.bucket in {Bucket.PRINCIPAL, Bucket.INTEREST}:
                key = posting.account, posting.coin
                self.charged[key] = self.charged.get(key, Decimal(0)) + posting.amount

    def _approved(self, approved: Approved, shadow: Shadow) -> None:
        if self.book is not None:
            self.book.see(shadow.at, approved)
        if isinstance(approved.intent, Transfer):
            self.moved_from.add(approved.intent.source)
        if isinstance(approved.intent, Repay):
            intent = approved.intent
            held = shadow.balance(intent.account, intent.coin)
            self.sent.append((intent, held.liability))


def _plan(account: Path, seed: int, hours: float, *, sweeps: bool) -> Plan:
    sweep = {"kind": "auto_repay", "sweep_spot": seed % 2 == 0, "least_usdt": "5"}
    return plan_run(
        world="simulated",
        market=open_scenario(
            "funding-flip",
            seed,
            duration=timedelta(hours=hours),
            mark_interval_s=240,
            coins=("BTC", "ETH", "SOL"),
        ),
        account=load_account(account),
        settings=settings_from({}, {"strategy": {"sweep": sweep}}),
        seed=seed,
        is_guarded=False,
        has_strategies=sweeps,
    )


async def _run(plan: Plan, watch: Watch) -> tuple[SavedInterest, ...]:
    def observers(engine: Engine) -> list[Observer]:
        watch.book = InterestBook.opened(engine.state.shadow)
        return [watch]

    run = await simulate(plan, NullJournal(), FreePacer(), observers)
    await run.finish()
    assert watch.book is not None
    return watch.book.rows(plan.market.description.end)


@pytest.mark.parametrize("seed", range(12))
def test_the_proof_is_the_difference_between_two_runs(
    tmp_path: Path, seed: int
) -> None:
    """Interest without the sweep less interest with it is the proof, loan by loan.

    No repayment is more than was owed, and what the sweep ends leaves no dust.
    """
    chance = np.random.default_rng(seed)
    path = tmp_path / "account.toml"
    path.write_text(_account(chance), encoding="utf-8")
    hours = 5 + int(chance.integers(180)) / 60
    ours, bare = Watch(), Watch()
    proof = asyncio.run(_run(_plan(path, seed, hours, sweeps=True), ours))
    nothing = asyncio.run(_run(_plan(path, seed, hours, sweeps=False), bare))

    assert nothing == ()
    saved = {(row.account, row.coin): row.saved for row in proof}
    keys = set(ours.charged) | set(bare.charged) | set(saved)
    for key in keys:
        without = bare.charged.get(key, Decimal(0))
        assert without - ours.charged.get(key, Decimal(0)) == saved.get(key, Decimal(0))
    assert all(row.unknown_hours == 0 for row in proof)
    assert all(intent.amount <= owed for intent, owed in ours.sent)
    assert all(row.saved > 0 for row in proof if row.swept > 1)
    assert ours.last is not None
    for row in proof:
        left = ours.last.balance(row.account, row.coin)
        assert left.liability == 0 or left.liability > Decimal("0.00001")


def test_the_journal_proves_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``gnomon guard report`` reads the summary's proof out of the rows."""
    account, settings = tmp_path / "account.toml", tmp_path / "gnomon.toml"
    account.write_text(_account(np.random.default_rng(0)), encoding="utf-8")
    settings.write_text('[strategy.sweep]\nkind = "auto_repay"\n', encoding="utf-8")
    journal = tmp_path / "journal.sqlite"
    run = drive(
        capsys,
        *("paper", "--scenario", "calm", "--seed", "3", "--account", account),
        *("--config", settings, "--journal", journal, "--speed", "0", "--json"),
    )
    told = drive(capsys, "guard", "report", "--journal", journal, "--json")

    assert (run.code, told.code) == (0, 0), run.err + told.err
    saved = json.loads(told.out)["interest_saved"]
    assert saved == json.loads(run.out)["interest_saved"]
    assert any(float(row["interest_saved"]) > 0 for row in saved)
