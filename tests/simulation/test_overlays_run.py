"""Overlays in the whole machine: they close what loses, rest, and replay alike."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.domain.accounts import SPOT
from bot.domain.entries import Entry, Noted
from bot.domain.intents import Approved, PlaceOrder, Refused
from bot.engine.core import State
from bot.engine.loop import Engine, Observer
from bot.guard.overlay_rows import FIRED, KEPT, state_from
from bot.report.tally import Tally
from bot.risk.strategy_book import profit
from bot.settings import settings_from
from connectors.markets.recorded import open_market
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account
from tests.simulation.small import market, write

HOLD = '''
from bot.strategy import SPOT, Scheduled, dataclass, trade


@dataclass(frozen=True, kw_only=True)
class Hold(Scheduled):
    """Ten coins, and nothing against them."""

    @property
    def claims(self):
        return frozenset({"BTC-USDT in spot"})

    def decide(self, view, due_at):
        if view.mark("BTC") is None or view.in_flight(self.name):
            return []
        order = trade(view, SPOT, "BTC-USDT", 10 - view.balance(SPOT, "BTC").total)
        return [] if order is None else [self.propose(order, "holds ten")]
'''
ACCOUNT = '[spot]\nUSDT = "10000"\n[futures]\nwallet = {USDT = "10000"}\n'


@dataclass
class Ran:
    """A finished run: its rows, its last state, its figures."""

    plan: Plan
    rows: list[Entry] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)

    def notes(self, topic: str) -> list[tuple[float, Noted]]:
        """Minutes since the start, and the note."""
        start = self.plan.market.description.start
        return [
            ((row.at - start).total_seconds() / 60, row.body)
            for row in self.rows
            if isinstance(row.body, Noted) and row.body.topic == topic
        ]

    def asked(self, kind: type[Approved | Refused]) -> list[Approved | Refused]:
        """What was let pass or refused of the strategy."""
        return [
            row.body
            for row in self.rows
            if isinstance(row.body, kind) and row.body.owner != "guard"
        ]


def played(plan: Plan) -> Ran:
    """Run a plan to its end."""
    ran = Ran(plan)

    async def run() -> None:
        def observers(engine: Engine) -> list[Observer]:
            ran.tallies.append(Tally(engine.state.shadow))
            return [ran.tallies[0], lambda _, step: ran.rows.extend(step.entries)]

        simulation = await simulate(plan, NullJournal(), FreePacer(), observers)
        await simulation.finish()
        ran.states.append(simulation.engine.state)
        ran.tallies[0].close(simulation.engine.state.shadow)

    asyncio.run(run())
    return ran


def held(folder: Path, closes: list[float], overlay: dict[str, object]) -> Ran:
    """Ten coins held on a small market under an overlay."""
    folder.mkdir(exist_ok=True)
    write(folder / "hold.py", HOLD)
    table = {"path": "hold.py", "overlay": {"capital_usdt": "1000", **overlay}}
    plan = plan_run(
        world="replay",
        market=open_market(market(folder / "market", {"BTC": closes}, volume=60000)),
        account=load_account(write(folder / "account.toml", ACCOUNT)),
        settings=settings_from({}, {"strategy": {"hold": table}}, folder),
        seed=2,
    )
    return played(plan)


FALL = [100.0] * 10 + [100.0 - n for n in range(11)] + [90.0] * 100
RISE_AND_FALL = [100.0] * 5 + [100.0 + n for n in range(11)] + [105.0] * 20


@pytest.mark.parametrize(
    ("overlay", "closes", "words"),
    [
        ({"stop_loss": "0.05"}, FALL, "lost"),
        ({"take_profit": "0.05"}, RISE_AND_FALL, "earned"),
        ({"trail": "0.03"}, RISE_AND_FALL, "fell by"),
        ({"drawdown": "0.05"}, FALL, "from its peak"),
        ({"stop_loss": "0.05", "scope": "pair"}, FALL, "BTC of hold lost"),
    ],
)
def test_what_fires_closes_the_legs_and_rests(
    tmp_path: Path, overlay: dict[str, object], closes: list[float], words: str
) -> None:
    """Once, at its threshold; then nothing is held and new risk is refused."""
    ran = held(tmp_path, closes, {"cooldown_h": "24", **overlay})
    fired = ran.notes(FIRED)
    assert len(fired) == 1
    assert words in fired[0][1].text
    state = ran.states[0]
    assert state.shadow.balance(SPOT, "BTC").total < Decimal("0.01")
    sells = [a for a in ran.asked(Approved) if "closed" in a.reason]
    assert sells
    assert all(isinstance(a.intent, PlaceOrder) for a in sells)
    refused = ran.asked(Refused)
    assert refused
    assert all("its overlay" in r.reason for r in refused)


def test_without_a_fall_nothing_fires(tmp_path: Path) -> None:
    """On a flat market the fees of the way in are all that is lost."""
    ran = held(tmp_path, [100.0] * 30, {"stop_loss": "0.05", "drawdown": "0.05"})
    assert ran.notes(FIRED) == []
    assert ran.states[0].shadow.balance(SPOT, "BTC").total > 9


def test_after_its_rest_it_may_trade_again(tmp_path: Path) -> None:
    """A rest of a quarter of an hour ends, and ten coins are bought once more."""
    ran = held(tmp_path, FALL, {"stop_loss": "0.05", "cooldown_h": "0.25"})
    assert len(ran.notes(FIRED)) == 1
    assert ran.states[0].shadow.balance(SPOT, "BTC").total > 9


def test_a_fall_makes_new_risk_smaller(tmp_path: Path) -> None:
    """At half the way from 2 % to 10 % of fall, an order is made smaller."""
    closes = [100.0] * 5 + [95.0] * 20
    whole = held(tmp_path / "a", closes, {"drawdown": "0.5"})
    small = held(
        tmp_path / "b",
        closes,
        {"drawdown": "0.5", "scale_from": "0.001", "scale_to": "0"},
    )
    scaled = [a for a in small.asked(Approved) if "overlay_scale" in a.measured]
    assert not [a for a in whole.asked(Approved) if "overlay_scale" in a.measured]
    assert len(small.asked(Approved)) >= len(whole.asked(Approved))
    assert all(Decimal(a.measured["overlay_scale"]) < 1 for a in scaled)


def test_two_runs_leave_the_same_rows_and_the_last_row_is_the_state(
    tmp_path: Path,
) -> None:
    """Byte for byte; and what a restart would read is what the run knew then."""
    first = held(tmp_path / "a", FALL, {"stop_loss": "0.05"})
    second = held(tmp_path / "b", FALL, {"stop_loss": "0.05"})
    assert first.rows == second.rows
    _, kept = first.notes(KEPT)[-1]
    restored, known = state_from(kept.inputs), first.states[0].overlays["hold"]
    assert restored.book == known.book
    assert restored.resting == known.resting
    assert restored.closing == known.closing


def test_a_strategy_that_trades_alone_has_earned_the_whole_change(
    tmp_path: Path,
) -> None:
    """The book of both legs equals the change in equity, to the last digit."""
    carry = {
        "kind": "funding_arbitrage",
        "coins": ["SOL", "ETH"],
        "notional_usdt": 1500,
        "hold_h": 8760,
        "min_carry": 0,
        "overlay": {"capital_usdt": "10000", "stop_loss": "0.5"},
    }
    plan = plan_run(
        world="simulated",
        market=open_scenario(
            "funding-flip", 5, mark_interval_s=60, coins=("BTC", "SOL", "ETH")
        ),
        account=load_account(write(tmp_path / "account.toml", ACCOUNT)),
        settings=settings_from({}, {"strategy": {"carry": carry}}),
        seed=5,
    )
    ran = played(plan)
    state, tally = ran.states[0], ran.tallies[0]
    book = state.overlays["carry"].book
    assert tally.fills > 10
    assert tally.equity_end is not None
    assert tally.equity_start is not None
    earned = profit(book, state.shadow)
    assert earned is not None
    assert abs(earned - (tally.equity_end - tally.equity_start)) < Decimal("1e-12")
    assert sum(book.funding.values()) == tally.parts["funding"] != 0
    assert abs(sum(book.fees.values()) - tally.parts["fees"]) < Decimal("1e-12")


def test_a_stop_closes_both_legs_of_a_pair_together(tmp_path: Path) -> None:
    """A gain that is as good as none ends the pair, never more than a chunk apart."""
    carry = {
        "kind": "funding_arbitrage",
        "coins": ["SOL"],
        "notional_usdt": 1500,
        "hold_h": 8760,
        "min_carry": 0,
        "maker_s": 0,
        "overlay": {"capital_usdt": "1500", "stop_loss": "0.002", "scope": "pair"},
    }
    plan = plan_run(
        world="simulated",
        market=open_scenario(
            "funding-flip", 5, mark_interval_s=60, coins=("BTC", "SOL")
        ),
        account=load_account(write(tmp_path / "account.toml", ACCOUNT)),
        settings=settings_from({}, {"strategy": {"carry": carry}}),
        seed=5,
    )
    ran = played(plan)
    assert len(ran.notes(FIRED)) >= 1
    closed = [a for a in ran.asked(Approved) if "closed" in a.reason]
    accounts = {a.intent.account for a in closed if isinstance(a.intent, PlaceOrder)}
    assert accounts == {"spot", "futures"}
    figures = ran.tallies[0].naked.figures()
    assert float(str(figures["max_s"])) <= 10
    assert float(str(figures["max_usdt"])) <= 1500
