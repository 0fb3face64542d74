"""A beta hedge on recorded prices: within its band at the end, books that agree."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bot.compose import NullJournal, plan_run, simulate
from bot.risk.betas import BetaModel, estimate_betas
from bot.risk.hedging import HedgePolicy, beta_exposure
from bot.risk.view import ShadowView
from bot.settings import settings_from
from bot.shadow.drift import compare
from connectors.markets.recorded import open_market
from connectors.system.clock import FreePacer
from connectors.venue.account_file import load_account

ACCOUNT = """
[spot]
SOL = "@20000"
[margin_cross]
leverage = "3"
balance = {DOGE = "@10000", USDT = "5000"}
principal = {USDT = "4000"}
[futures]
wallet = {USDT = "30000"}
[[futures.position]]
symbol = "XRPUSDTM"
mode = "cross"
base = "@-5000"
leverage = 3
"""
HEDGE = {"kind": "beta_hedge", "schedule": "every 10m", "more_hedges": ["ETHUSDTM"]}


async def test_spot_margin_and_futures_are_hedged_together(
    shared_data: Path, tmp_path: Path
) -> None:
    """After three recorded hours the net of each factor is about its band at most."""
    path = tmp_path / "account.toml"
    path.write_text(ACCOUNT, encoding="utf-8")
    market = open_market(
        shared_data / "data" / "windows" / "2025-02-crash.toml",
        start=datetime(2025, 2, 1, 6, tzinfo=UTC),
        end=datetime(2025, 2, 1, 9, tzinfo=UTC),
        coins={"BTC", "ETH", "SOL", "DOGE", "XRP"},
    )
    limits = {"max_gross_usdt": "500000", "max_order_usdt": "50000"}
    plan = plan_run(
        world="replay",
        market=market,
        account=load_account(path),
        settings=settings_from({}, {"limits": limits, "strategy": {"hedge": HEDGE}}),
        seed=1,
    )
    run = await simulate(plan, NullJournal(), FreePacer(), lambda _: [])
    await run.finish()

    shadow = run.engine.state.shadow
    view = ShadowView(shadow, timedelta(days=1))
    lots = {p.symbol: Decimal(p.lots) for p in shadow.positions.values()}
    worth = {
        symbol: shadow.rules.contracts[symbol].value(held, shadow.futures_marks[symbol])
        for symbol, held in lots.items()
    }
    coins = {"XRP": worth["XRPUSDTM"]}
    for account, coin in (("spot", "SOL"), ("margin_cross", "DOGE")):
        balance = shadow.balances[account][coin]  # type: ignore[index] # plain names
        coins[coin] = balance.total * shadow.margin_marks[coin]
    closes = {c: view.returns(c) for c in ("BTC", "ETH", *coins)}
    betas = estimate_betas(closes, list(coins), ["BTC", "ETH"], BetaModel())
    assert betas is not None
    found = beta_exposure(coins, betas)
    band = HedgePolicy().band(found.gross, Decimal(0)) * Decimal("1.2")
    for net, symbol in zip(found.net, ("XBTUSDTM", "ETHUSDTM"), strict=True):
        assert abs(net + worth.get(symbol, Decimal(0))) <= band
    assert sum(abs(net) for net in found.net) > 5 * band
    assert compare(shadow, run.venue.snapshot()) == ()
