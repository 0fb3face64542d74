"""Account files: what they may say, what they become, and how they complain."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    AccountSnapshot,
    Balance,
    MarginMode,
    PositionKey,
    PositionSide,
    isolated_account,
)
from bot.domain.errors import UsageError
from bot.domain.market import Instrument, MarketDescription, MarketInstant
from connectors.venue.account_file import digest, load_account, render, resolve
from connectors.venue.rules import rules_for

D = Decimal
START = datetime(2025, 1, 1, tzinfo=UTC)
MARKET = MarketDescription(
    name="m",
    title="m",
    start=START,
    end=START,
    instruments=tuple(
        Instrument(coin=c, spot_symbol=f"{c}-USDT", perp_symbol=perp, resolution="1m")
        for c, perp in (("BTC", "XBTUSDTM"), ("ETH", "ETHUSDTM"))
    ),
    resolution="1m",
    digest="0",
)
FIRST = MarketInstant(
    at=START,
    last_prices={"BTC-USDT": D(60000), "ETH-USDT": D(3000)},
    margin_marks={"BTC": D(60000), "ETH": D(3000)},
    futures_marks={"XBTUSDTM": D(60010), "ETHUSDTM": D(3001), "XBTUSDM": D(60000)},
)
RULES = rules_for(MARKET, FIRST, None, 0)

EXAMPLE = """
vip = 0
[main]
USDT = "2000"
[spot]
BTC = "0"
[margin_cross]
leverage = "5"
balance = {BTC = "@30000"}
principal = {USDT = "20000"}
interest = {USDT = "0"}
[margin_isolated."BTC-USDT"]
balance = {USDT = 1000.5}
principal = {BTC = "0.01"}
[futures]
wallet = {USDT = "5000", BTC = 0.5}
[[futures.position]]
symbol = "XBTUSDTM"
mode = "cross"
lots = -150
entry = "mark"
leverage = 3
[[futures.position]]
symbol = "ETHUSDTM"
mode = "isolated"
base = "@15000"
entry = 2950.5
leverage = "10"
margin = "1500"
[[futures.position]]
symbol = "XBTUSDM"
base = "-0.15"
"""


def _open(tmp_path: Path, text: str) -> AccountSnapshot:
    path = tmp_path / "account.toml"
    path.write_text(text)
    return resolve(load_account(path), RULES, FIRST)


def test_the_designs_example_becomes_an_account(tmp_path: Path) -> None:
    """Quoted, bare, worth-of and default values all arrive as exact numbers."""
    account = _open(tmp_path, EXAMPLE)
    assert account.balances[MAIN] == {"USDT": Balance(total=D(2000))}
    cross = account.balances[MARGIN_CROSS]
    assert cross["BTC"].total == D("0.5")
    assert cross["USDT"] == Balance(principal=D(20000))
    pair = isolated_account("BTC-USDT")
    assert account.balances[pair]["USDT"].total == D("1000.5")
    assert account.balances[pair]["BTC"].principal == D("0.01")
    assert account.margin_leverage == {MARGIN_CROSS: 5, pair: 10}
    assert account.balances[FUTURES]["BTC"].total == D("0.5")
    btc = account.positions[PositionKey("XBTUSDTM")]
    assert (btc.lots, btc.entry_value) == (-150, D("-9001.5"))
    assert btc.leverage == 3
    eth = account.positions[PositionKey("ETHUSDTM")]
    assert (eth.lots, eth.mode, eth.margin) == (499, MarginMode.ISOLATED, D(1500))
    assert eth.entry_value == 499 * D("29.505")
    inverse = account.positions[PositionKey("XBTUSDM")]
    assert (inverse.lots, inverse.entry_value) == (-9000, D("-0.15"))


def test_an_account_written_back_is_the_same_account(tmp_path: Path) -> None:
    """``render`` then ``load`` and ``resolve`` gives the snapshot back exactly."""
    account = _open(tmp_path, EXAMPLE)
    path = tmp_path / "again.toml"
    path.write_text(render(account, RULES, 2))
    again = load_account(path)
    assert again.vip == 2
    assert resolve(again, RULES, FIRST) == account


def test_hedge_sides_are_stated_and_come_back(tmp_path: Path) -> None:
    """``side`` puts a position into hedge mode."""
    text = """
[futures]
wallet = {USDT = 1000}
[[futures.position]]
symbol = "XBTUSDTM"
side = "long"
lots = 3
[[futures.position]]
symbol = "XBTUSDTM"
side = "short"
lots = -2
"""
    account = _open(tmp_path, text)
    assert set(account.positions) == {
        PositionKey("XBTUSDTM", PositionSide.LONG),
        PositionKey("XBTUSDTM", PositionSide.SHORT),
    }
    assert _open(tmp_path, render(account, RULES)) == account


def test_an_empty_file_is_an_empty_account(tmp_path: Path) -> None:
    """Nothing stated, nothing owned: the form asks for no section."""
    assert _open(tmp_path, "").balances == {}


def test_worth_of_is_rounded_down_to_the_size_step(tmp_path: Path) -> None:
    """``@100`` of BTC at 60,000 is 0.00166666 coins, never a hair more."""
    account = _open(tmp_path, '[main]\nBTC = "@100"')
    assert account.balances[MAIN]["BTC"].total == D("0.00166666")


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    """Two files with the same bytes are the same account; a byte more is another."""
    path = tmp_path / "a.toml"
    path.write_text("vip = 0\n")
    first = digest(path)
    assert first == load_account(path).digest
    path.write_text("vip = 0\n\n")
    assert digest(path) != first


POSITION = (
    '[futures]\nwallet = {USDT = 100}\n[[futures.position]]\nsymbol = "XBTUSDTM"\n'
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vip = 13", "vip must be a fee level"),
        ("vip = true", "vip must be a fee level"),
        ("vip = 1.5", "vip must be a fee level"),
        ("vpi = 1", "vpi is not a key"),
        ("[main]\nUSDT = -1", "main.USDT must be .* not negative"),
        ('[main]\nUSDT = "@-1"', "main.USDT must be .* not negative"),
        ("[main]\nUSDT = nan", "main.USDT must be a number"),
        ('[main]\nUSDT = "Infinity"', "main.USDT must be a number"),
        ('[main]\nUSDT = ""', "main.USDT must be a number"),
        ("[main]\nUSDT = true", "main.USDT must be a number"),
        ("[main]\nUSDT = [1]", "main.USDT must be a number"),
        ('[main]\nUSDT = "1e400"', "main.USDT must be a number"),
        ("[main]\nusdt = 1", "main.usdt must be under a coin in capital"),
        ("main = 1", "main must be a table"),
        ("[main]\nUSDT = 0.123456789", "main.USDT must have at most 8 decimals"),
        ("[main]\nLUNA = 1", "main.LUNA holds or owes LUNA"),
        ("[margin_cross]\nleverage = 6", "margin_cross.leverage must be at most 5"),
        ("[margin_cross]\nleverage = 0.5", "leverage of at least 1"),
        ("[margin_cross]\ndebt = {USDT = 1}", "margin_cross.debt is not a key"),
        ("[margin_cross]\nprincipal = {USDT = -1}", "principal.USDT must be"),
        ('[margin_isolated.BTCUSDT]\nleverage = "2"', "under a pair in capital"),
        (
            '[margin_isolated."BTC-USDT"]\nbalance = {ETH = 1}',
            "balance.ETH must be one of the two",
        ),
        ('[margin_isolated."XRP-USDT"]\nleverage = 2', "is no isolated pair"),
        ("[futures]\nwalet = {}", "futures.walet is not a key"),
        ("[futures]\nposition = 1", r"written as \[\[futures.position\]\]"),
        ("[futures]\nposition = [1]", r"futures.position\[0\] must be a table"),
        ("[[futures.position]]\nlots = 1", r"position\[0\].symbol must be the name"),
        (POSITION, "exactly one of lots and base"),
        (POSITION + "lots = 1\nbase = 1", "exactly one of lots and base"),
        (POSITION + "lots = 1.5", "lots must be a whole number"),
        (POSITION + "lots = 0", "lots must be other than zero"),
        (POSITION + 'base = "0.0009"', "smaller than one lot of XBTUSDTM"),
        (POSITION + "lots = 1\nentry = 0", "entry must be 'mark' or a positive"),
        (POSITION + 'lots = 1\nentry = "last"', "entry must be 'mark' or a positive"),
        (POSITION + "lots = 1\nleverage = 126", "leverage must be at most 125"),
        (POSITION + "lots = 1\nleverage = 0", "leverage of at least 1"),
        (POSITION + "lots = 1\nmargin = 1", "left out of a cross position"),
        (POSITION + 'lots = 1\nmode = "isolated"', "the margin of the isolated"),
        (POSITION + 'lots = 1\nmode = "hedge"', "'cross' or 'isolated'"),
        (POSITION + 'lots = 1\nside = "short"', "of the sign of a short position"),
        (
            POSITION + 'lots = 1\nmode = "isolated"\nmargin = 101',
            "isolated margins to 101 USDT, but the wallet has 100",
        ),
        (
            POSITION + 'lots = 1\n[[futures.position]]\nsymbol = "XBTUSDTM"\nlots = 2',
            "second position in XBTUSDTM",
        ),
        (
            POSITION + 'lots = 1\n[[futures.position]]\nsymbol = "ETHUSDTM"\n'
            'lots = 2\nside = "long"',
            "mixes hedge-mode sides",
        ),
        (
            '[[futures.position]]\nsymbol = "LUNAUSDTM"\nlots = 1',
            "'LUNAUSDTM', a contract that the market does not trade",
        ),
        ("vip = = 1", "is not valid TOML"),
    ],
)
def test_each_fault_is_a_sentence_that_names_its_key(
    tmp_path: Path, text: str, words: str
) -> None:
    """The complaint names file, key, what was expected and what was found."""
    with pytest.raises(UsageError, match=words) as caught:
        _open(tmp_path, text)
    assert "account.toml" in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are no text are usage errors."""
    with pytest.raises(UsageError, match=r"nothing\.toml cannot be read"):
        load_account(tmp_path / "nothing.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        load_account(tmp_path)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_account(tmp_path / "b.toml")


def test_a_debt_needs_no_balance(tmp_path: Path) -> None:
    """An account that owes and owns nothing is a legal, if desperate, start."""
    account = _open(tmp_path, "[margin_cross]\nprincipal = {USDT = 5}")
    assert account.balances[MARGIN_CROSS]["USDT"].liability == 5


def test_worth_of_counts_in_usdt_also_when_usdt_is_off_its_peg(tmp_path: Path) -> None:
    """``@6000`` is 6,000 USDT, whatever marks are counted in: 0.098 BTC at 0.98."""
    path = tmp_path / "account.toml"
    path.write_text('[main]\nBTC = "@6000"\nUSDT = "@10"')
    marks = {"BTC": D(60000), "USDT": D("0.98")}
    off_peg = replace(FIRST, margin_marks=marks)
    account = resolve(load_account(path), RULES, off_peg)
    assert account.balances[MAIN]["BTC"].total == D("0.098")
    assert account.balances[MAIN]["USDT"].total == D(10)
