"""A plan fixes everything that decides a run, and refuses what cannot be run."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.cli.runner import RunOptions, run
from bot.compose import (
    NullJournal,
    Plan,
    open_journal,
    paper_account,
    plan_run,
    simulate,
)
from bot.domain.accounts import MAIN
from bot.domain.errors import UsageError
from bot.domain.market import PathOrder
from bot.settings import settings_from
from connectors.markets.recorded import open_market
from connectors.system.clock import FreePacer, WallPacer
from connectors.venue.account_file import load_account
from tests.simulation.small import LEVERED, market, write
from tests.unit.markets.build import candles, flat, manifest

_SHORT = """
[futures]
wallet = {USDT = "9000"}
[[futures.position]]
symbol = "XBTUSDTM"
base = "@-9000"
leverage = 3
"""
_MIXED = """
[margin_cross]
balance = {USDT = "9000", BTC = "@2000"}
principal = {ETH = "@1000"}
"""
_PRICES = {"BTC": [50000.0] * 6, "ETH": [3000.0] * 6}


def _plan(
    folder: Path,
    account: str = LEVERED,
    document: dict[str, object] | None = None,
    **options: Any,
) -> Plan:
    path = folder / "m" / "market.toml"
    if not path.exists():
        market(folder / "m", _PRICES)
    chosen: dict[str, Any] = {"world": "replay", "seed": 1, **options}
    return plan_run(
        market=open_market(path),
        account=load_account(write(folder / "a.toml", account)),
        settings=settings_from({}, document or {}),
        **chosen,
    )


def test_a_plan_is_told_apart_by_every_input(tmp_path: Path) -> None:
    """Another account, setting, seed, switch or market is another identity."""
    one = _plan(tmp_path)
    others = [
        _plan(tmp_path, LEVERED + "# another text\n"),
        _plan(tmp_path, document={"guard": {"act_distance": "0.14"}}),
        _plan(tmp_path, document={"strategy": {"auto_repay": {"enabled": False}}}),
        _plan(tmp_path, seed=2),
        _plan(tmp_path, is_guarded=False),
    ]
    market(tmp_path / "m", {**_PRICES, "ETH": [3000.0] * 5 + [3001.0]})
    others.append(_plan(tmp_path))
    identities = [json.dumps(dict(p.header.identity)) for p in (one, *others)]
    assert len(set(identities)) == len(identities)


def test_the_same_inputs_are_the_same_plan(tmp_path: Path) -> None:
    """Planned twice, the header is equal, and names no file of this machine."""
    one, two = _plan(tmp_path), _plan(tmp_path)
    assert one.header == two.header
    assert str(tmp_path) not in repr(one.header)


@pytest.mark.parametrize("world", ["live", "", "PAPER"])
def test_a_world_without_a_connector_is_refused(tmp_path: Path, world: str) -> None:
    """Only the worlds that can be built are."""
    with pytest.raises(UsageError, match="has no connector yet"):
        _plan(tmp_path, world=world)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "nope"}, "kind 'nope' is not known; those that are: auto_repay"),
        ({"kind": "auto_repay", "schedule": "every blue moon"}, "is not understood"),
        ({"kind": "auto_repay", "schedule": "every 0s"}, "'0s' is not understood"),
        ({"kind": "auto_repay", "schedule": "cron 99 * * * *"}, "is not a crontab"),
        ({"kind": "auto_repay", "coinz": []}, "coinz"),
    ],
)
def test_a_strategy_is_checked_before_the_run(
    tmp_path: Path, table: dict[str, object], words: str
) -> None:
    """An unknown kind, schedule or parameter is found while planning."""
    with pytest.raises(UsageError, match=words):
        _plan(tmp_path, document={"strategy": {"x": table}})


def test_strategies_can_be_off(tmp_path: Path) -> None:
    """One that is not enabled is not built; ``--no-strategies`` builds none."""
    tables = {"auto_repay": {}, "b": {"kind": "auto_repay", "enabled": False}}
    document: dict[str, object] = {"strategy": tables}
    assert [s.name for s in _plan(tmp_path, document=document).strategies] == [
        "auto_repay"
    ]
    off = _plan(tmp_path, document=document, has_strategies=False)
    assert off.strategies == ()


@pytest.mark.parametrize(
    ("account", "btc", "eth"),
    [
        (LEVERED, PathOrder.LOW_FIRST, PathOrder.LOW_FIRST),
        (
            _SHORT,
            PathOrder.HIGH_FIRST,
            PathOrder.HIGH_FIRST,
        ),
        (
            _MIXED,
            PathOrder.LOW_FIRST,
            PathOrder.HIGH_FIRST,
        ),
        ("", PathOrder.LOW_FIRST, PathOrder.LOW_FIRST),
    ],
)
def test_the_adverse_extreme_comes_first(
    tmp_path: Path, account: str, btc: PathOrder, eth: PathOrder
) -> None:
    """What is owned falls first, what is owed rises first, the rest goes along."""
    plan = _plan(tmp_path, account)
    assert (plan.path_order["BTC"], plan.path_order["ETH"]) == (btc, eth)
    assert json.loads(plan.header.facts["path_order"])["BTC"] == btc.value
    assert plan.path_order == _plan(tmp_path, account, is_guarded=False).path_order


def test_the_fee_level_is_the_account_s_or_the_setting_s(tmp_path: Path) -> None:
    """An account's own level wins; else the setting decides."""
    document: dict[str, object] = {"costs": {"vip": 3}}
    assert _plan(tmp_path).vip == 0
    assert _plan(tmp_path, document=document).vip == 3
    assert _plan(tmp_path, "vip = 5\n" + LEVERED, document).vip == 5
    dear, cheap = _plan(tmp_path), _plan(tmp_path, document=document)
    taker = [p.rules.spot_fee_rates["BTC-USDT"][1] for p in (dear, cheap)]
    assert taker[0] > taker[1]


def test_assumptions_tell_the_latency(tmp_path: Path) -> None:
    """What a request's delay is taken to be stands in the assumptions."""
    document: dict[str, object] = {"depth": {"latency_min_ms": 7, "latency_max_ms": 9}}
    plan = _plan(tmp_path, document=document)
    assert any("7 to 9 ms" in line for line in plan.assumptions)
    assert plan.header.facts["assumptions"] == json.dumps(plan.assumptions)


@pytest.mark.parametrize(
    ("name", "stale"),
    [("1m", 60), ("5m", 300), ("1h", 3600), ("4h", 14_400), ("1d", 86_400)],
)
def test_a_mark_is_stale_after_a_bar(tmp_path: Path, name: str, stale: int) -> None:
    """Three missed updates are one bar: after it new risk is refused."""
    minutes = stale // 60
    files = {kind: f"X_BTCUSDT_{kind}_{name}.parquet" for kind in ("spot", "perp")}
    for file in files.values():
        candles(tmp_path / file, flat(2880 // minutes, 50000.0), minutes=minutes)
    path = manifest(tmp_path, {"BTC": files}, end="2025-01-03T00:00:00Z")
    plan = plan_run(
        world="replay",
        market=open_market(path),
        account=load_account(write(tmp_path / "a.toml", "")),
        settings=settings_from({}, {}),
        seed=1,
    )
    simulation = asyncio.run(simulate(plan, NullJournal(), FreePacer()))
    core = simulation.engine.core
    assert core.risk_limits.mark_stale_after == timedelta(seconds=stale)


def test_the_paper_account_is_a_file_that_ships() -> None:
    """The built-in account loads, is levered and has a reserve."""
    account = paper_account()
    assert account.margin_cross is not None
    assert account.main["USDT"].number > 0
    assert account.positions


def test_a_run_opens_with_the_account_s_own_balances(tmp_path: Path) -> None:
    """After the first moment the shadow holds what the account file says."""
    plan = _plan(tmp_path)
    simulation = asyncio.run(simulate(plan, NullJournal(), FreePacer()))
    shadow = simulation.engine.state.shadow
    assert shadow.is_open
    assert shadow.balance(MAIN, "USDT").total == 2000
    assert shadow.at == datetime(2025, 1, 1, tzinfo=UTC)


def test_a_pacer_set_free_slows_down_again() -> None:
    """A paced run that was resumed passes its past at once and the rest in time."""

    async def waits() -> list[float]:
        loop = asyncio.get_running_loop()
        pacer = WallPacer(1000)
        start = datetime(2025, 1, 1, tzinfo=UTC)
        took = []
        for is_free in (True, False):
            begun = loop.time()
            for second in range(5):
                pacer.set_free(is_free=is_free)
                await pacer.wait_until(start + timedelta(seconds=10 * second))
            took.append(loop.time() - begun)
        return took

    free, paced = asyncio.run(waits())
    assert free < 0.02
    assert paced >= 0.039


def test_a_resumed_paper_run_keeps_its_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the stored past is passed at full speed."""
    frees: list[bool] = []
    monkeypatch.setattr(
        WallPacer, "set_free", lambda self, *, is_free: frees.append(is_free)
    )
    plan = _plan(tmp_path)
    path = tmp_path / "m" / "market.toml"
    options = RunOptions(
        world="paper",
        market=str(path),
        scenario=None,
        account=tmp_path / "a.toml",
        config=None,
        journal=tmp_path / "j.sqlite",
        start=None,
        end=None,
        seed=1,
        speed=1e9,
        borrow_x=None,
        is_guarded=True,
        has_strategies=True,
        force=False,
        as_json=True,
    )
    _cut_short(replace(plan, world="paper"), tmp_path / "j.sqlite")
    run(options)
    assert frees[0] is True
    assert frees[-1] is False
    assert frees == sorted(frees, reverse=True)


def _cut_short(plan: Plan, path: Path) -> None:
    """Leave the journal of a run that died in the middle."""
    header = replace(plan.header, world="paper")
    journal = open_journal(replace(plan, header=header), path, force=False)

    async def half() -> None:
        simulation = await simulate(replace(plan, header=header), journal, FreePacer())
        count = 0
        async for moment in simulation.world.moments():
            simulation.engine.handle(moment)
            count += 1
            if count == 20:
                return

    asyncio.run(half())
    journal.close()


def test_amounts_stay_exact_from_file_to_shadow(tmp_path: Path) -> None:
    """A balance of eight decimals, bare in the file, is that very number."""
    plan = _plan(tmp_path, "[spot]\nUSDT = 0.10000001\n")
    simulation = asyncio.run(simulate(plan, NullJournal(), FreePacer()))
    balances = simulation.venue.snapshot().balances
    amounts = [b["USDT"].total for b in balances.values() if "USDT" in b]
    assert Decimal("0.10000001") in amounts
