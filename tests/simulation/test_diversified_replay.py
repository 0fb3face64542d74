"""A diversified book on recorded prices: built, within its limits, books that agree."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bot.compose import NullJournal, plan_run, simulate
from bot.settings import settings_from
from bot.shadow.drift import compare
from connectors.markets.recorded import open_market
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account

CAPITAL = Decimal(50_000)
ACCOUNT = """
[futures]
wallet = {USDT = "50000"}
"""
BOOK = {
    "kind": "diversified_beta",
    "schedule": "every 1h",
    "capital_usdt": str(CAPITAL),
    "candidates": ["SOLUSDTM", "XRPUSDTM", "DOGEUSDTM", "BNBUSDTM"],
    "max_satellites": 2,
}


async def test_a_recorded_night_builds_the_book(
    shared_data: Path, tmp_path: Path
) -> None:
    """Two of core and two satellites at most, none over its cap, books equal."""
    account = tmp_path / "account.toml"
    account.write_text(ACCOUNT, encoding="utf-8")
    market = open_market(
        shared_data / "data" / "windows" / "2025-02-crash.toml",
        start=datetime(2025, 2, 2, 18, tzinfo=UTC),
        end=datetime(2025, 2, 2, 22, tzinfo=UTC),
        coins={"BTC", "ETH", "SOL", "XRP", "DOGE", "BNB"},
    )
    limits = {"max_gross_usdt": "500000", "max_order_usdt": "50000"}
    plan = plan_run(
        world="replay",
        market=market,
        account=load_account(account),
        settings=settings_from({}, {"limits": limits, "strategy": {"book": BOOK}}),
        seed=1,
    )
    run = await simulate(plan, NullJournal(), FreePacer(), lambda _: [])
    await run.finish()

    shadow = run.engine.state.shadow
    worth = {
        position.symbol: shadow.rules.contracts[position.symbol].value(
            Decimal(position.lots), shadow.futures_marks[position.symbol]
        )
        for position in shadow.positions.values()
        if position.lots
    }
    core = {"XBTUSDTM", "ETHUSDTM"}
    satellites = worth.keys() - core
    assert "ETHUSDTM" in worth
    assert 1 <= len(satellites) <= 2
    assert all(0 < worth[symbol] <= CAPITAL for symbol in satellites)
    assert sum(worth.values()) <= CAPITAL * Decimal("1.55")
    assert compare(shadow, run.venue.snapshot()) == ()
