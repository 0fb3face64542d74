"""The carry study's fast replay beside the whole machine, on the same five days."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bot.compose import NullJournal, plan_run, simulate
from bot.domain.accounts import FUTURES, SPOT
from bot.domain.events import Cause, Event, LedgerBooked
from bot.engine.core import Step
from bot.risk.futures import unrealised_pnl
from bot.settings import settings_from
from bot.shadow.state import Shadow
from bot.study.carry_data import carry_data
from bot.study.carry_policies import POLICIES
from bot.study.carry_replay import CarrySize, replay_carry
from connectors.markets.hourly_market import open_hourly
from connectors.markets.recorded import open_market
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account

START = datetime(2021, 3, 1, tzinfo=UTC)
END = datetime(2021, 3, 6, tzinfo=UTC)
CAPITAL = 12_000
ACCOUNT = """
[spot]
USDT = "7700"
[futures]
wallet = {USDT = "4300"}
"""
STRATEGY = {
    "kind": "funding_arbitrage",
    "coins": ["BTC"],
    "notional_usdt": 7000,
    "total_usdt": 7000,
    "max_pairs": 1,
    "margin_share": "0.3",
    "margin_floor": "0.2",
    "leverage": 5,
}


class _Funding:
    """Adds up what the venue paid."""

    def __init__(self) -> None:
        self.usdt = Decimal(0)

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Look at every booking of a moment."""
        del step
        for event in moment:
            if isinstance(event, LedgerBooked) and event.cause is Cause.FUNDING:
                self.usdt += sum(posting.amount for posting in event.postings)


def _equity(shadow: Shadow) -> Decimal:
    """USDT over both accounts at the marks."""
    total = shadow.balance(FUTURES, "USDT").total + shadow.balance(SPOT, "USDT").total
    total += shadow.balance(SPOT, "BTC").total * shadow.margin_marks["BTC"]
    for position in shadow.positions.values():
        contract = shadow.rules.contracts[position.symbol]
        mark = shadow.futures_marks[position.symbol]
        total += unrealised_pnl(contract, position, mark)
    return total


async def test_the_fast_replay_agrees_with_the_engine(
    shared_data: Path, tmp_path: Path
) -> None:
    """On 7,000 USDT of BTC both collect the same funding and end alike.

    The engine grows in chunks of 500 USDT and whole lots, and again by half a chunk
    when the price has fallen: its funding agrees within 3 %, its gain within 5 bp of
    the capital. Its futures account is larger, so that the guard has nothing to do.
    """
    path = shared_data / "data" / "windows" / "carry-2020-2022.toml"
    account = tmp_path / "account.toml"
    account.write_text(ACCOUNT, encoding="utf-8")
    plan = plan_run(
        world="simulated",
        market=open_market(
            path, start=START, end=END, step_s=600, coins=frozenset({"BTC"})
        ),
        account=load_account(account),
        settings=settings_from(
            {}, {"guard": {"resting_stops": False}, "strategy": {"carry": STRATEGY}}
        ),
        seed=5,
    )
    paid = _Funding()
    run = await simulate(plan, NullJournal(), FreePacer(), lambda _: [paid])
    await run.finish()
    market = open_hourly(path, START, END)
    data = carry_data(market, START.year, is_derived=False)
    fast = replay_carry(
        data, POLICIES["gnomon"], CarrySize(capital=7000 * 1.3, margin_floor=0.2)
    )

    gain = float(_equity(run.engine.state.shadow)) - CAPITAL

    assert float(paid.usdt) == pytest.approx(fast.parts["funding"], rel=0.03)
    assert gain == pytest.approx(sum(fast.parts.values()), abs=CAPITAL * 0.0005)
