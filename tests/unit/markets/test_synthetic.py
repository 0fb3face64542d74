"""Synthetic markets: certain stories, honest labels, the same for every process."""

import hashlib
import itertools
import os
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import UsageError
from bot.domain.market import MarketInstant
from connectors.markets.scenarios import SCENARIOS
from connectors.markets.synthetic import SyntheticMarket, open_scenario

ROOT = Path(__file__).resolve().parents[3]
SEEDS = range(1, 9)


def _spots(instants: list[MarketInstant], coin: str) -> list[Decimal]:
    return [instant.last_prices[f"{coin}-USDT"] for instant in instants]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_seed_of_the_crash_is_a_crash(seed: int) -> None:
    """BTC loses 33 to 40 % within an hour after calm, others more, part comes back.

    A third is what liquidates three-fold leverage: at a debt ratio of 0.97 of two
    thirds borrowed, that is a fall of 31.3 %.
    """
    market = open_scenario("crash", seed)
    instants = list(market.instants({}))
    btc = _spots(instants, "BTC")
    low = min(btc)
    bottom = btc.index(low)

    assert Decimal("0.33") < 1 - low / btc[0] < Decimal("0.40")
    calm = btc[: len(btc) // 5]
    assert max(abs(price / btc[0] - 1) for price in calm) < Decimal("0.02")
    high = max(btc[max(0, bottom - 1_800) : bottom])
    assert high / btc[0] > Decimal("0.97"), "the fall took more than an hour"
    assert Decimal("0.05") < btc[-1] / low - 1 < Decimal("0.35")
    for coin in market.coins[1:]:
        prices = _spots(instants, coin)
        assert min(prices) / prices[0] < low / btc[0]
    steps = itertools.pairwise(btc)
    assert max(abs(b / a - 1) for a, b in steps) < Decimal("0.05")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_seed_of_the_squeeze_liquidates_a_three_fold_short(seed: int) -> None:
    """Coins other than BTC rise by more than 45.5 %, and shorts pay before."""
    market = open_scenario("squeeze", seed)
    instants = list(market.instants({}))
    for coin in market.coins[1:]:
        prices = _spots(instants, coin)
        assert max(prices) / prices[0] > Decimal("1.455")
    paid = [
        s.funding_rate
        for i in instants
        for s in i.settlements
        if s.symbol == "SOLUSDTM"
    ]
    assert paid
    assert max(paid) < 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_depeg_moves_usdt_and_keeps_ratios_right(seed: int) -> None:
    """Margin marks are dollars: a coin's mark over USDT's is its price in USDT."""
    instants = list(open_scenario("depeg", seed).instants({}))
    usdt = [instant.margin_marks["USDT"] for instant in instants]

    assert usdt[0] == 1
    assert Decimal("0.90") < min(usdt) < Decimal("0.96")
    assert usdt[-1] > Decimal("0.96")
    for instant in instants[::100]:
        ratio = instant.margin_marks["BTC"] / instant.margin_marks["USDT"]
        assert abs(ratio / instant.last_prices["BTC-USDT"] - 1) < Decimal("0.00002")


@pytest.mark.parametrize("seed", SEEDS)
def test_funding_flips_and_its_interval_shrinks(seed: int) -> None:
    """Rates begin near zero, reach their cap below, and settle more often."""
    market = open_scenario("funding-flip", seed)
    instants = list(market.instants({}))
    quotes = [q for i in instants for q in i.funding_quotes if q.symbol == "SOLUSDTM"]
    loans = [r for i in instants for r in i.borrow_rates if r.coin == "SOL"]

    assert abs(quotes[0].funding_rate) < Decimal("0.001")
    assert min(q.funding_rate for q in quotes) < Decimal("-0.004")
    assert min(q.funding_interval_h for q in quotes) < 8
    assert any(loan.available == 0 for loan in loans)


def test_a_trend_rises() -> None:
    """A week of the trend ends well above its start, for each of eight seeds."""
    for seed in SEEDS:
        market = open_scenario("trend", seed, mark_interval_s=600)
        btc = _spots(list(market.instants({})), "BTC")
        assert btc[-1] / btc[0] > Decimal("1.02")


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_obeys_the_port(name: str) -> None:
    """Labels, times, names and history are as the port promises."""
    market = open_scenario(name, 5, duration=timedelta(hours=3))
    about = market.description
    instants = list(market.instants({}))

    assert about.is_synthetic
    assert any("made up from a seed" in text for text in about.assumptions)
    assert (instants[0].at, instants[-1].at) == (about.start, about.end)
    assert market.first_prices() == instants[0]
    first = instants[0]
    assert {rate.coin for rate in first.borrow_rates} == {*market.coins, "USDT"}
    assert len(first.funding_quotes) == len(market.coins)
    assert set(first.liquidity) == set(first.last_prices)
    assert all(i.at < j.at for i, j in itertools.pairwise(instants))
    for instant in instants:
        assert len(instant.last_prices) == 2 * len(market.coins)
        assert all(price > 0 for price in instant.last_prices.values())
    for coin, rows in market.history().items():
        assert rows[-1][0] == about.start
        assert rows[-1][1] == first.last_prices[f"{coin}-USDT"]


def test_settlements_follow_the_quoted_schedule() -> None:
    """A contract settles at the times it quoted, by what the premium was till then."""
    market = open_scenario("calm", 3, duration=timedelta(days=2), mark_interval_s=60)
    due = None
    settled = 0
    for instant in market.instants({}):
        for settlement in instant.settlements:
            if settlement.symbol == "XBTUSDTM":
                assert due == instant.at
                settled += 1
        for quote in instant.funding_quotes:
            if quote.symbol == "XBTUSDTM":
                due = quote.settlement_at
    assert settled == 6


def _digest(market: SyntheticMarket) -> str:
    total = hashlib.sha256()
    for instant in market.instants({}):
        total.update(repr(instant).encode())
    return total.hexdigest()


def test_the_same_seed_is_the_same_market_in_every_process() -> None:
    """Bytes do not depend on the process or the seed of Python's hashes."""
    program = (
        "import hashlib\n"
        "from connectors.markets.synthetic import open_scenario\n"
        "total = hashlib.sha256()\n"
        "for instant in open_scenario('crash', 7, mark_interval_s=20).instants({}):\n"
        "    total.update(repr(instant).encode())\n"
        "print(total.hexdigest())\n"
    )
    found = {_digest(open_scenario("crash", 7, mark_interval_s=20))}
    for hash_seed in ("0", "12345"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}  # noqa: TID251 - a child process needs a whole environment
        answer = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=env,
            check=True,
            capture_output=True,
            text=True,
        )
        found.add(answer.stdout.strip())
    assert len(found) == 1


def test_another_seed_or_option_is_another_market() -> None:
    """The digest of the description tells every choice apart."""
    digests = {
        open_scenario("crash", 1).description.digest,
        open_scenario("crash", 2).description.digest,
        open_scenario("squeeze", 1).description.digest,
        open_scenario("crash", 1, mark_interval_s=1).description.digest,
        open_scenario("crash", 1, coins=("BTC",)).description.digest,
        open_scenario("crash", 1, borrow_x=Decimal(3)).description.digest,
        open_scenario("crash", 1, duration=timedelta(hours=2)).description.digest,
    }
    assert len(digests) == 7


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("boom", {}, "no scenario"),
        ("calm", {"coins": ("BTC", "ZZZ")}, "no figures for 'ZZZ'"),
        ("calm", {"coins": ("BTC", "BTC")}, "named twice"),
        ("calm", {"mark_interval_s": 0}, "at least 1 second"),
        ("calm", {"duration": timedelta(seconds=30)}, "choose between"),
        ("calm", {"duration": timedelta(days=20_000)}, "choose between"),
        ("calm", {"borrow_x": Decimal(0)}, "borrow_x"),
    ],
)
def test_bad_options_are_refused(
    name: str, options: dict[str, object], words: str
) -> None:
    """A wrong option is a sentence that names it."""
    with pytest.raises(UsageError, match=words):
        open_scenario(name, 1, **options)  # type: ignore[arg-type] # wrong on purpose


def test_a_negative_seed_is_refused() -> None:
    """Seeds are whole numbers from zero."""
    with pytest.raises(UsageError, match="seed"):
        open_scenario("calm", -1)
