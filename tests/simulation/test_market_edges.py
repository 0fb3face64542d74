"""Markets at their edges, run whole: whatever happens there is an end and a summary.

Each market is made by hand for one misfortune. The laws: the run ends with exit 0,
the parts of the profit sum to the change in equity, the unguarded twin ends too, and
the bot's books are the exchange's.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from storage.reader import JournalReader
from tests.simulation.small import LEVERED, drive, write
from tests.unit.markets.build import (
    MINUTE_MS,
    START_MS,
    Row,
    candles,
    flat,
    funding,
    manifest,
)

_FIVE = START_MS + 5 * MINUTE_MS
_JUMP = [*flat(5, 50000.0), *flat(6, 20000.0)]
_SHORT = """
[margin_cross]
leverage = "5"
balance = {USDT = "30000"}
principal = {BTC = "@20000"}
[futures]
wallet = {USDT = "5000"}
[[futures.position]]
symbol = "XBTUSDTM"
base = "@-15000"
leverage = 3
"""


def _market(
    folder: Path,
    rows: dict[str, Sequence[Row]],
    *,
    rates: Sequence[tuple[int, str]] = (),
    volume: float = 600.0,
) -> Path:
    """Ten minutes of the given bars; ``rates`` are settlements of the first coin."""
    files: dict[str, dict[str, str]] = {}
    for coin, bars in rows.items():
        files[coin] = {}
        for kind in ("spot", "perp"):
            name = f"X_{coin}USDT_{kind}_1m.parquet"
            candles(folder / name, bars, volume=volume)
            files[coin][kind] = name
    if rates:
        funding(folder / "funding.csv.gz", rates)
        files[next(iter(rows))]["funding"] = "funding.csv.gz"
    return manifest(folder, files)


class _Bench:
    """Runs markets and holds every summary to the laws."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def run(self, market: Path, account: str = LEVERED, *words: str) -> dict[str, Any]:
        """Replay to the end; the summary."""
        said = drive(
            self._capsys,
            *("replay", "--market", market, "--json"),
            *("--account", write(self.folder / "a.toml", account)),
            *("--journal", self.folder / "j.sqlite", "--force"),
            *words,
        )
        summary: dict[str, Any] = said.answer()
        for part in (summary, summary["without_guard"]):
            gained = Decimal(part["equity_end"]) - Decimal(summary["equity_start"])
            assert sum(map(Decimal, part["pnl"].values())) == gained
            assert Decimal(part["equity_min"]) <= Decimal(part["equity_end"])
        assert self.notes("drift") == []
        return summary

    def notes(self, topic: str) -> list[str]:
        """The journal's notes on a topic."""
        return [note.text for note in self.kinds("Noted") if note.topic == topic]

    def kinds(self, kind: str) -> list[Any]:
        """The journal's entries of a kind."""
        with JournalReader.open(self.folder / "j.sqlite") as reader:
            return [stored.entry.body for stored in reader.entries(kind)]


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> _Bench:
    """A bench in a folder of its own."""
    return _Bench(tmp_path, capsys)


def test_a_fall_within_one_instant_is_the_exchange_s(bench: _Bench) -> None:
    """Down 60 % at once: the exchange liquidates first, and the summary says so."""
    summary = bench.run(_market(bench.folder, {"BTC": _JUMP}))
    twin = summary["without_guard"]
    assert summary["liquidations"] == twin["liquidations"] == 2
    assert Decimal(summary["max_debt_ratio"]) > Decimal("1.6")
    assert summary["equity_end"] == twin["equity_end"] == "2000"
    assert Decimal(summary["pnl"]["liquidation"]) > 0, "the insurance paid the rest"


def test_no_reserve_goes_into_a_liquidation(bench: _Bench) -> None:
    """While the exchange takes an account over, the guard sends nothing into it."""
    bench.run(_market(bench.folder, {"BTC": _JUMP}))
    moved = [a for a in bench.kinds("Approved") if hasattr(a.intent, "source")]
    assert moved == []


def test_funding_is_settled_in_the_instant_of_a_liquidation(bench: _Bench) -> None:
    """The settlement comes first, at the new mark; then the liquidation."""
    rates = [(START_MS - 8 * 60 * MINUTE_MS, "0.0001"), (_FIVE, "0.02")]
    path = _market(bench.folder, {"BTC": _JUMP}, rates=rates)
    summary = bench.run(path)
    assert summary["pnl"]["funding"] == "-80"
    assert summary["liquidations"] == 2


def test_funding_alone_can_liquidate(bench: _Bench) -> None:
    """A rate that eats the margin liquidates a position whose price stood still."""
    rates = [(START_MS - 8 * 60 * MINUTE_MS, "0.0001"), (_FIVE, "0.5")]
    path = _market(bench.folder, {"BTC": flat(11, 50000.0)}, rates=rates)
    account = (
        '[futures]\nwallet = {USDT = "4000"}\n[[futures.position]]\n'
        'symbol = "XBTUSDTM"\nbase = "@9000"\nleverage = 3\n'
    )
    summary = bench.run(path, account)
    assert summary["liquidations"] == 1
    assert Decimal(summary["pnl"]["funding"]) == -4500


@pytest.mark.parametrize("account", [LEVERED, _SHORT], ids=["long", "short"])
@pytest.mark.parametrize("rows", [1, 3, 7])
def test_a_coin_that_stops_trading_is_held_to_the_end(
    bench: _Bench, rows: int, account: str
) -> None:
    """Marks end midway: nothing breaks, nothing new is taken, the halt is told."""
    falling = [(50000.0 - 900 * i,) * 4 for i in range(rows)]
    path = _market(bench.folder, {"BTC": falling, "ETH": flat(11, 3000.0)})
    bench.run(path, account)
    halted = [h.symbol for h in bench.kinds("TradingHalted") if h.is_halted]
    assert sorted(halted) == ["BTC-USDT", "XBTUSDTM"]


def test_a_market_that_ends_before_its_window_ends_well(bench: _Bench) -> None:
    """When the only coin stops, time still passes to the window's end."""
    summary = bench.run(_market(bench.folder, {"BTC": flat(3, 50000.0)}))
    assert summary["end"] == "2025-01-01T00:10:00Z"


@pytest.mark.parametrize("drop", [0.9, 0.75, 0.5])
def test_a_gap_at_an_open_is_survived(bench: _Bench, drop: float) -> None:
    """A bar that opens far under the close before it is one jump."""
    rows = [*flat(4, 50000.0), *flat(7, 50000.0 * drop)]
    summary = bench.run(_market(bench.folder, {"BTC": rows}))
    assert summary["liquidations"] <= summary["without_guard"]["liquidations"]


def test_no_volume_means_no_fills(bench: _Bench) -> None:
    """Where nothing trades the guard tries, nothing fills, and the run ends."""
    falling = [(50000.0 - 1400 * i,) * 4 for i in range(11)]
    summary = bench.run(_market(bench.folder, {"BTC": falling}, volume=0.0))
    assert summary["guard_actions"] > 0
    ours = [fill for fill in bench.kinds("Filled") if fill.forced is None]
    assert ours == []


def test_an_account_that_is_lost_at_the_start(bench: _Bench) -> None:
    """Negative equity at the opening: it starts under zero and is liquidated."""
    account = (
        '[margin_cross]\nleverage = "5"\nbalance = {BTC = "@100"}\n'
        'principal = {USDT = "20000"}\n'
    )
    summary = bench.run(_market(bench.folder, {"BTC": flat(11, 50000.0)}), account)
    assert summary["equity_start"] == "-19900"
    assert summary["liquidations"] == 1


def test_a_position_that_is_lost_at_the_start(bench: _Bench) -> None:
    """What the first instant takes is part of the run: it is not the start."""
    account = (
        '[futures]\nwallet = {USDT = "10"}\n[[futures.position]]\n'
        'symbol = "XBTUSDTM"\nbase = "@10000"\nleverage = 10\n'
    )
    summary = bench.run(_market(bench.folder, {"BTC": flat(11, 50000.0)}), account)
    assert summary["equity_start"] == "10"
    assert Decimal(summary["pnl"]["liquidation"]) < -9


@pytest.mark.parametrize(
    "account",
    [
        "",
        '[spot]\nUSDT = "100"\n',
        '[main]\nUSDT = "0"\n',
        '[margin_cross]\nbalance = {USDT = "5"}\n',
        '[futures]\nwallet = {USDT = "7"}\n',
        '[spot]\nBTC = "0.1"\n',
    ],
    ids=["nothing", "spot", "zero", "margin", "futures", "coin"],
)
def test_an_account_without_debt_or_position_is_left_alone(
    bench: _Bench, account: str
) -> None:
    """Nothing can be liquidated: the guard does nothing, the summary is printed."""
    summary = bench.run(_market(bench.folder, {"BTC": _JUMP}), account)
    assert summary["guard_actions"] == summary["orders"] == summary["liquidations"] == 0
    assert (summary["max_debt_ratio"], summary["max_risk_rate"]) == ("0", "0")


def test_a_debt_in_the_coin_that_is_held(bench: _Bench) -> None:
    """USDT against USDT: no price can liquidate it, and interest is still charged."""
    account = (
        '[margin_cross]\nleverage = "5"\nbalance = {USDT = "1000"}\n'
        'principal = {USDT = "100"}\n'
    )
    summary = bench.run(_market(bench.folder, {"BTC": _JUMP}), account)
    assert summary["liquidations"] == 0
    assert Decimal(summary["pnl"]["interest"]) < 0


def test_a_coin_of_tiny_price(bench: _Bench) -> None:
    """A price of a hundred-millionth is a price like any other."""
    falling = [(1e-8 * (1 - 0.03 * i),) * 4 for i in range(11)]
    account = LEVERED.replace("XBTUSDTM", "PEPEUSDTM").replace("BTC", "PEPE")
    path = _market(bench.folder, {"PEPE": falling}, volume=1e12)
    summary = bench.run(path, account)
    assert Decimal(summary["equity_start"]) > 16000
    assert summary["fills"] > 0


def test_dust_and_fortunes(bench: _Bench) -> None:
    """A loan of a tenth of a cent, and one of 200 billion: both runs end."""
    falling = [(50000.0 - 2500 * i,) * 4 for i in range(11)]
    path = _market(bench.folder, {"BTC": falling})
    for held, owed in (("0.00000003", "0.001"), ("6000000", "200000000000")):
        account = (
            f'[margin_cross]\nleverage = "5"\nbalance = {{BTC = "{held}"}}\n'
            f'principal = {{USDT = "{owed}"}}\n'
        )
        assert bench.run(path, account)["liquidations"] == 1


def test_both_sides_of_hedge_mode(bench: _Bench) -> None:
    """Long and short of one contract are two positions and one account."""
    falling = [(50000.0 - 1500 * i,) * 4 for i in range(11)]
    account = (
        '[futures]\nwallet = {USDT = "3000"}\n'
        '[[futures.position]]\nsymbol = "XBTUSDTM"\nside = "long"\n'
        'base = "@20000"\nleverage = 10\n'
        '[[futures.position]]\nsymbol = "XBTUSDTM"\nside = "short"\n'
        'base = "@-5000"\nleverage = 10\n'
    )
    summary = bench.run(_market(bench.folder, {"BTC": falling}), account)
    assert summary["without_guard"]["liquidations"] >= 1
    assert summary["liquidations"] == 0


@pytest.mark.parametrize(("lots", "slope"), [(9000, -0.03), (-9000, 0.04)])
def test_a_coin_margined_contract(bench: _Bench, lots: int, slope: float) -> None:
    """Margin, profit and debt in BTC: an inverse position is guarded like any."""
    moving = [(50000.0 * (1 + slope * i),) * 4 for i in range(11)]
    account = (
        '[futures]\nwallet = {BTC = "0.06"}\n[[futures.position]]\n'
        f'symbol = "XBTUSDM"\nlots = {lots}\nleverage = 5\n'
    )
    summary = bench.run(_market(bench.folder, {"BTC": moving}), account)
    assert summary["equity_start"] == "3000"
    assert summary["guard_actions"] > 0
    assert summary["liquidations"] == 0
    assert any("XBTUSDM derived" in note for note in summary["derived"])


def test_isolated_accounts_fall_by_themselves(bench: _Bench) -> None:
    """An isolated pair and an isolated position are guarded, each on its own."""
    falling = [(50000.0 - 1200 * i,) * 4 for i in range(11)]
    account = (
        '[margin_isolated."BTC-USDT"]\nleverage = "10"\nbalance = {BTC = "@9000"}\n'
        'principal = {USDT = "6000"}\n[futures]\nwallet = {USDT = "3000"}\n'
        '[[futures.position]]\nsymbol = "XBTUSDTM"\nmode = "isolated"\n'
        'margin = "1000"\nbase = "@5000"\nleverage = 5\n'
    )
    summary = bench.run(_market(bench.folder, {"BTC": falling}), account)
    assert summary["guard_actions"] > 0
    assert summary["liquidations"] <= summary["without_guard"]["liquidations"]


def test_a_window_of_one_second(bench: _Bench) -> None:
    """The shortest part of a market is a run."""
    path = _market(bench.folder, {"BTC": flat(11, 50000.0)})
    summary = bench.run(path, LEVERED, "--end", "2025-01-01T00:00:01Z")
    assert summary["ticks"] >= 2
    assert summary["equity_end"] == "17000"
