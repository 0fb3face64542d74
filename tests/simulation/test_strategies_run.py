"""The strategies in the whole machine: engine, guard, venue, lost answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.compose import NullJournal, Plan, plan_run, simulate
from bot.domain.accounts import MARGIN_CROSS, SPOT, AccountId
from bot.domain.events import Cause, Event, Filled, LedgerBooked
from bot.domain.intents import Approved, Repay
from bot.engine.core import Step
from bot.engine.loop import Engine, Observer
from bot.risk.pairs import read_pair
from bot.risk.view import ShadowView
from bot.settings import settings_from
from bot.shadow.drift import compare
from bot.shadow.state import Shadow
from connectors.markets.synthetic import open_scenario
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account
from connectors.venue.world import FaultDice

COINS = ("SOL", "ETH")
CHUNK = Decimal(500)
LONG = """
[spot]
USDT = "6000"
[futures]
wallet = {USDT = "4000"}
"""
SHORT = """
[margin_cross]
leverage = "5"
balance = {USDT = "6000"}
[futures]
wallet = {USDT = "4000"}
"""
IDLE = """
[spot]
USDT = "700"
[margin_cross]
leverage = "5"
balance = {BTC = "@3000", USDT = "400"}
principal = {USDT = "1000"}
"""


class Watch:
    """Measures how long and how far each pair is open on one side."""

    def __init__(self, account: AccountId) -> None:
        self.account = account
        self.spans: list[float] = []
        self.worst_usdt = Decimal(0)
        self.approved: list[Approved] = []
        self.interest = Decimal(0)
        self.fills_as_maker = 0
        self._since: dict[str, datetime] = {}

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Look at every pair after each moment."""
        self.approved += step.approved
        for event in moment:
            if isinstance(event, Filled):
                self.fills_as_maker += event.is_maker
            if isinstance(event, LedgerBooked) and event.cause is Cause.INTEREST:
                self.interest += sum(posting.amount for posting in event.postings)
        shadow = step.state.shadow
        if shadow.is_open:
            for coin in COINS:
                self._look(shadow, coin)

    def _look(self, shadow: Shadow, coin: str) -> None:
        pair = read_pair(ShadowView(shadow, timedelta(days=1)), coin, self.account)
        if pair is None:
            return
        if pair.is_gapped:
            self._since.setdefault(coin, shadow.at)
            value = abs(pair.gap) * (pair.mark or Decimal(0))
            self.worst_usdt = max(self.worst_usdt, value)
        elif coin in self._since:
            span = shadow.at - self._since.pop(coin)
            self.spans.append(span.total_seconds())

    @property
    def is_whole(self) -> bool:
        """Whether no pair is open on one side now."""
        return not self._since


def _plan(
    folder: Path,
    account: str,
    strategies: dict[str, object],
    lost: float,
    *,
    has_stops: bool = True,
) -> Plan:
    path = folder / "account.toml"
    path.write_text(account, encoding="utf-8")
    market = open_scenario(
        "funding-flip",
        5,
        duration=timedelta(hours=20),
        mark_interval_s=30,
        coins=("BTC", *COINS),
    )
    return plan_run(
        world="simulated",
        market=market,
        account=load_account(path),
        settings=settings_from(
            {}, {"guard": {"resting_stops": has_stops}, "strategy": strategies}
        ),
        seed=5,
        faults=FaultDice(lost_answer=lost, lost_request=lost, lost_lookup=lost),
    )


def _carry(account: str, maker_s: int = 0) -> dict[str, object]:
    return {
        "maker_s": maker_s,
        "kind": "funding_arbitrage",
        "coins": list(COINS),
        "spot_account": account,
        "notional_usdt": 1500,
        "chunk_usdt": CHUNK,
        "hold_h": 8760,
        "min_carry": 0,
    }


@pytest.mark.parametrize(
    ("account", "spot_account", "lost", "maker_s"),
    [
        (LONG, SPOT, 0.0, 0),
        (SHORT, MARGIN_CROSS, 0.0, 0),
        (SHORT, MARGIN_CROSS, 0.1, 0),
        (LONG, SPOT, 0.0, 90),
        (SHORT, MARGIN_CROSS, 0.1, 90),
    ],
    ids=[
        *("spot", "margin", "margin with lost answers"),
        *("spot that rests", "margin that rests with lost answers"),
    ],
)
async def test_a_pair_is_never_left_open(
    tmp_path: Path, account: str, spot_account: AccountId, lost: float, maker_s: int
) -> None:
    """Through a flip of the funding no leg stays alone, and none beyond a chunk.

    With a tenth of all requests, answers and look-ups lost it takes longer, as each
    loss is found out only after its time-out.
    """
    watch = Watch(spot_account)

    def observers(engine: Engine) -> list[Observer]:
        return [watch]

    plan = _plan(tmp_path, account, {"carry": _carry(spot_account, maker_s)}, lost)
    run = await simulate(plan, NullJournal(), FreePacer(), observers)
    await run.finish()

    assert len(watch.spans) >= 4
    assert watch.is_whole
    assert watch.worst_usdt <= CHUNK * Decimal("1.5")
    assert max(watch.spans) <= (60 if lost else 30)
    assert (watch.fills_as_maker > 0) is (maker_s > 0)
    assert compare(run.engine.state.shadow, run.venue.snapshot()) == ()


async def test_idle_money_repays_the_loan_to_the_last_digit(tmp_path: Path) -> None:
    """400 USDT there and what is fetched from spot end a loan and its interest."""
    watch = Watch(MARGIN_CROSS)
    strategies: dict[str, object] = {
        "sweep": {"kind": "auto_repay", "sweep_spot": True}
    }
    plan = _plan(tmp_path, IDLE, strategies, 0.0, has_stops=False)
    run = await simulate(plan, NullJournal(), FreePacer(), lambda _: [watch])
    await run.finish()

    repaid = [a.intent for a in watch.approved if isinstance(a.intent, Repay)]
    assert run.engine.state.shadow.balance(MARGIN_CROSS, "USDT").liability == 0
    assert sum(each.amount for each in repaid) == 1000 + watch.interest
    assert watch.interest > 0
    assert compare(run.engine.state.shadow, run.venue.snapshot()) == ()
