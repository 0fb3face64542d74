"""Laws of the backtest: no look ahead, and figures that sum up."""

import asyncio
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.compose import NullJournal, plan_run, simulate
from bot.domain.entries import Entry, RunStarted
from bot.engine.loop import Engine, Observer
from bot.report.backtest import BacktestMeter
from bot.report.tally import Tally
from bot.settings import settings_from
from connectors.markets.recorded import open_market
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account
from tests.simulation.small import market, write
from tests.unit.markets.build import START_MS

MINUTES = 40
STRATEGY = '''
from bot.strategy import SPOT, Scheduled, dataclass, trade


@dataclass(frozen=True, kw_only=True)
class Momentum(Scheduled):
    """Buys what rose since the last hour's close, sells what fell."""

    schedule: str = "every 3m"

    def decide(self, view, due_at):
        mark = view.mark("BTC")
        if mark is None or view.in_flight(self.name):
            return []
        coins = (mark - 100) / 10
        order = trade(view, SPOT, "BTC-USDT", coins)
        return [] if order is None else [self.propose(order, f"at {mark}")]
'''
ACCOUNT = """
[spot]
USDT = "5000"
BTC = "10"
[margin_cross]
leverage = "5"
balance = {BTC = "@3000"}
principal = {USDT = "2000"}
"""
prices = st.lists(
    st.integers(8000, 12500).map(lambda n: n / 100),
    min_size=MINUTES + 1,
    max_size=MINUTES + 1,
)


def ran(folder: Path, closes: list[float]) -> tuple[list[Entry], BacktestMeter]:
    """The rows of a backtest over these closes, and its figures."""
    write(folder / "momentum.py", STRATEGY)
    plan = plan_run(
        world="replay",
        market=open_market(market(folder / "market", {"BTC": closes})),
        account=load_account(write(folder / "account.toml", ACCOUNT)),
        settings=settings_from(
            {}, {"strategy": {"own": {"path": "momentum.py"}}}, folder
        ),
        seed=3,
    )
    rows: list[Entry] = []
    meters: list[BacktestMeter] = []

    async def run() -> None:
        def observers(engine: Engine) -> list[Observer]:
            tally = Tally(engine.state.shadow)
            meters.append(BacktestMeter(tally))
            return [tally, meters[0], lambda _, step: rows.extend(step.entries)]

        simulation = await simulate(plan, NullJournal(), FreePacer(), observers)
        await simulation.finish()

    asyncio.run(run())
    return rows, meters[0]


@settings(max_examples=15, deadline=None)
@given(prices, prices, st.integers(1, MINUTES - 1))
def test_the_future_changes_no_row_of_the_past(
    closes: list[float], others: list[float], minute: int
) -> None:
    """Other prices from any minute on leave every earlier row as it was."""
    told = START_MS // 1000 + minute * 60
    forked = [*closes[: minute + 1], *others[minute + 1 :]]
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        first, _ = ran(Path(one), closes)
        second, _ = ran(Path(other), forked)
    before = [[r for r in rows if r.at.timestamp() <= told] for rows in (first, second)]
    assert before[0] == before[1]
    assert not [r for r in before[0] if isinstance(r.body, RunStarted)]


@settings(max_examples=10, deadline=None)
@given(prices)
def test_the_parts_sum_to_the_change_in_equity(closes: list[float]) -> None:
    """Price, funding, interest, fees, slippage and liquidation are all there is."""
    with TemporaryDirectory() as folder:
        _, meter = ran(Path(folder), closes)
    answer = meter.answer()
    parts, years = answer["pnl"], answer["years"]
    assert isinstance(parts, dict)
    assert isinstance(years, list)
    change = Decimal(str(answer["equity_end"])) - Decimal(str(answer["equity_start"]))
    assert abs(sum(map(Decimal, parts.values())) - change) < Decimal("1e-15")
    assert [row["pnl"] for row in years] == [parts]
    assert 0 <= Decimal(str(answer["drawdown"])) <= 1
