"""Sizing in the whole machine: a strategy takes its room and is refused nothing."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from bot.compose import NullJournal, plan_run, simulate
from bot.domain.accounts import SPOT
from bot.domain.entries import Entry, Noted
from bot.domain.events import Event
from bot.domain.intents import Approved, Refused
from bot.engine.core import State, Step
from bot.engine.loop import Engine, Observer
from bot.engine.memory import recall
from bot.guard.size_results import SIZING
from bot.risk.pairs import read_pair
from bot.risk.view import ShadowView
from bot.settings import settings_from
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account

COINS = ("SOL", "ETH")
ACCOUNT = """
[spot]
USDT = "30000"
[futures]
wallet = {USDT = "12000"}
"""
CARRY = {
    "kind": "funding_arbitrage",
    "coins": list(COINS),
    "spot_account": SPOT,
    "notional_usdt": 200_000,
    "chunk_usdt": 20_000,
    "hold_h": 8760,
    "min_carry": 0,
    "margin_share": "0.2",
    "leverage": 10,
    "maker_s": 0,
    "moves_usdt": False,
}
"""It wants far more than the account carries, at a fifth of margin."""


class Record:
    """What a run wrote, and its last state."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.state: State | None = None
        self.peak_usdt = Decimal(0)

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Keep the rows of each moment."""
        self.entries += step.entries
        self.state = step.state
        if step.state.shadow.is_open:
            self.peak_usdt = max(self.peak_usdt, self.hedged_usdt())

    def approved(self) -> list[str]:
        """What admission approved of the strategy's."""
        found = (entry.body for entry in self.entries)
        return [
            b.reason for b in found if isinstance(b, Approved) and b.owner == "carry"
        ]

    def refused(self) -> list[str]:
        """Why admission refused the strategy something."""
        found = (entry.body for entry in self.entries)
        return [
            b.reason for b in found if isinstance(b, Refused) and b.owner == "carry"
        ]

    def hedged_usdt(self) -> Decimal:
        """The hedged notional of all pairs now."""
        assert self.state is not None
        view = ShadowView(self.state.shadow, timedelta(days=1))
        total = Decimal(0)
        for coin in COINS:
            pair = read_pair(view, coin, SPOT)
            if pair is not None and pair.mark is not None:
                total += pair.hedged * pair.mark
        return total


async def play(folder: Path, sizing: dict[str, object]) -> Record:
    """One run of some hours under a table of sizing."""
    path = folder / "account.toml"
    path.write_text(ACCOUNT, encoding="utf-8")
    market = open_scenario(
        "funding-flip",
        5,
        duration=timedelta(hours=5),
        mark_interval_s=30,
        coins=("BTC", *COINS),
    )
    plan = plan_run(
        world="simulated",
        market=market,
        account=load_account(path),
        settings=settings_from({}, {"sizing": sizing, "strategy": {"carry": CARRY}}),
        seed=5,
    )
    record = Record()

    def observers(engine: Engine) -> list[Observer]:
        return [record]

    run = await simulate(plan, NullJournal(), FreePacer(), observers)
    await run.finish()
    return record


async def test_the_pair_is_cut_to_its_room_and_never_refused(tmp_path: Path) -> None:
    """It trades what fits; the scale and the reserve make it smaller."""
    free: dict[str, object] = {
        "target_volatility": 1,
        "stable_reserve": 0,
        "min_bets_share": 0,
    }
    large = await play(tmp_path, free)
    small = await play(tmp_path, {"target_volatility": "0.02", "stable_reserve": "0.3"})
    assert 0 < small.peak_usdt < large.peak_usdt * Decimal("0.9")
    for record in (small, large):
        assert record.approved()
        assert record.refused() == []


async def test_the_results_of_a_run_come_back_from_its_rows(tmp_path: Path) -> None:
    """The journal of a run knows what its engine knew when it was cut off."""
    record = await play(tmp_path, {"gain_step": "0.001", "gain_hold_h": 1})
    assert record.state is not None
    rows = [
        entry.body
        for entry in record.entries
        if isinstance(entry.body, Noted) and entry.body.topic == SIZING
    ]
    assert len(rows) >= 5
    assert recall(record.entries).results == record.state.results
    again = await play(tmp_path, {"gain_step": "0.001", "gain_hold_h": 1})
    assert again.entries == record.entries
