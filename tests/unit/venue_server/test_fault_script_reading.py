"""Fault scripts: what is read, what is refused with which words, what the dice do."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import UsageError
from connectors.venue.server.fault_script import FaultScript, parse_script
from connectors.venue.server.faults import FaultLog, Faults
from connectors.venue.server.key_file import parse_keys

START = datetime(2025, 1, 1, tzinfo=UTC)

WHOLE = """
seed = 7

[[rest]]
name = "lost acks"
fault = "hang_after"
method = "POST"
path = "/api/v3/hf/margin/order"
host = "spot"
rate = 0.25
count = 3
from_s = 60
to_s = 3600
hang_s = 5

[[rest]]
fault = "code"
family = "loans"
code = "130204"
msg = "nothing to lend"
after = true

[[rest]]
fault = "not_found"
family = "lookups"
not_found_for_s = 3

[[websocket]]
fault = "stall"
host = "futures"
topic = "/contract/instrument"
for_s = 30

[[blackout]]
status = "cancelonly"
host = "futures"
from_s = 10
to_s = 20

[[change]]
at_s = 5
kind = "contract"
name = "XBTUSDTM"
field = "price_band"
value = "0.01"

[[adl]]
at_s = 9
symbol = "XBTUSDTM"
lots = 5
price = "51000"

[[halt]]
symbol = "BTC-USDT"
from_s = 1
to_s = 2

[[clock]]
skew_ms = -7000
timestamp_only = true
from_s = 3
"""


def test_a_whole_script_is_read() -> None:
    """Every table arrives with its numbers; what is left out has its default."""
    script = parse_script(WHOLE, "faults.toml")
    lost, loans, young = script.rest
    assert (lost.name, lost.fault, lost.host, lost.count) == (
        "lost acks",
        "hang_after",
        "spot",
        3,
    )
    assert (lost.rate, lost.span.from_s, lost.span.to_s) == (0.25, 60, 3600)
    assert (loans.name, loans.family, loans.code, loans.is_after) == (
        "rest[1]",
        "loans",
        "130204",
        True,
    )
    assert young.not_found_for_s == 3
    assert script.websocket[0].for_s == 30
    assert script.blackouts[0].status == "cancelonly"
    assert script.changes[0].value == "0.01"
    assert str(script.adl[0].price) == "51000"
    assert script.halts[0].symbol == "BTC-USDT"
    assert script.clocks[0].skew_ms == -7000
    assert script.seed == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[rest]]", "rest[0].fault must be a text, but it is missing"),
        ('[[rest]]\nfault = "fire"', "rest[0].fault must be one of hang_before,"),
        ('[[rest]]\nfault = "delay"', "rest[0].delay_ms must be given"),
        ('[[rest]]\nfault = "code"', "rest[0].code must be given"),
        ('[[rest]]\nfault = "not_found"', "rest[0].not_found_for_s must be given"),
        ('[[rest]]\nfault = "drop_after"\nrate = 2', "a number from 0 to 1"),
        ('[[rest]]\nfault = "drop_after"\nrate = true', "rest[0].rate must be a num"),
        ('[[rest]]\nfault = "drop_after"\ncount = 0', "a whole number, 1 at least"),
        ('[[rest]]\nfault = "drop_after"\nchance = 1', "rest[0].chance is not known"),
        ('[[rest]]\nfault = "drop_after"\npath = "api"', "begins with /"),
        ('[[rest]]\nfault = "drop_after"\nfrom_s = 5\nto_s = 5', "later than from_s"),
        ('[[websocket]]\nfault = "stall"', "websocket[0].for_s must be given"),
        ('[[websocket]]\nfault = "slow"', "websocket[0].delay_ms must be given"),
        ('[[blackout]]\nstatus = "open"', "one of close, cancelonly"),
        ('[[adl]]\nat_s = 1\nsymbol = "X"\nlots = 1\nprice = "-1"', "a positive num"),
        ('[[adl]]\nat_s = 1\nsymbol = "X"\nlots = 1\nprice = "abc"', "a positive num"),
        ("rest = 3", "rest must be at most 1000 tables"),
        ("[faults]", "faults is not known"),
        ("seed = -1", "seed must be a whole number, 0 at least"),
        ("[[rest", "is not valid TOML"),
    ],
)
def test_a_wrong_script_is_refused_by_name(text: str, words: str) -> None:
    """The sentence names the file, the key, what it must be and what it was."""
    with pytest.raises(UsageError) as caught:
        parse_script(text, "f.toml")
    assert str(caught.value).startswith("f.toml")
    assert words in str(caught.value)


def test_every_example_of_the_documentation_is_read() -> None:
    """Each block of docs/venue.md is a script, and the last one a file of keys."""
    text = (Path(__file__).parents[3] / "docs/venue.md").read_text(encoding="utf-8")
    *scripts, keys = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    read = [parse_script(block, "docs/venue.md") for block in scripts]
    assert sum(len(script.rest) for script in read) == 3
    assert all(getattr(read[-1], name) for name in ("adl", "halts", "clocks"))
    assert parse_keys(keys, "docs/venue.md")[0].permissions == {"General", "Spot"}


def _faults(text: str, seed: int = 1) -> Faults:
    return Faults(script=parse_script(text, "f"), start=START, seed=seed)


def _hits(faults: Faults, requests: int, path: str = "/api/v1/orders") -> list[int]:
    found = []
    for number in range(requests):
        at = START + timedelta(seconds=number)
        if faults.rest.draw("spot", "POST", path, at):
            found.append(number)
    return found


def test_chance_follows_from_the_seed() -> None:
    """The same seed hits the same requests, another seed others; about the rate."""
    text = '[[rest]]\nfault = "drop_after"\nrate = 0.2'
    hits = _hits(_faults(text), 1000)
    assert hits == _hits(_faults(text), 1000)
    assert hits != _hits(_faults(text, seed=2), 1000)
    assert 150 < len(hits) < 250


def test_the_seed_of_the_script_counts_before_the_servers() -> None:
    """A script with a seed hits the same whatever the server's seed is."""
    text = 'seed = 5\n[[rest]]\nfault = "drop_after"\nrate = 0.2'
    assert _hits(_faults(text, seed=1), 200) == _hits(_faults(text, seed=2), 200)


def test_a_rule_does_not_disturb_another() -> None:
    """The hits of a rule are the same with and without a rule beside it."""
    one = '[[rest]]\nname = "a"\nfault = "drop_after"\nrate = 0.3\n'
    two = one + '[[rest]]\nname = "b"\nfault = "delay"\ndelay_ms = 1\nrate = 0.5\n'
    alone, beside = _faults(one), _faults(two)
    _hits(alone, 300)
    _hits(beside, 300)
    rows = [json.loads(line) for line in beside.log.lines]
    ours = [row["at"] for row in rows if row["rule"] == "a"]
    assert ours == [json.loads(line)["at"] for line in alone.log.lines]


def test_span_and_count_bound_a_rule() -> None:
    """Outside its span and after its count a rule does nothing."""
    text = '[[rest]]\nfault = "drop_after"\nfrom_s = 10\nto_s = 20\ncount = 3'
    assert _hits(_faults(text), 100) == [10, 11, 12]


def test_a_rule_is_about_its_requests_only() -> None:
    """Host, method, prefix and family must all fit."""
    text = (
        '[[rest]]\nfault = "drop_after"\nhost = "spot"\nmethod = "POST"\n'
        'path = "/api/v3"\nfamily = "loans"'
    )
    faults = _faults(text)
    draw = faults.rest.draw
    assert draw("spot", "POST", "/api/v3/margin/borrow", START)
    assert not draw("futures", "POST", "/api/v3/margin/borrow", START)
    assert not draw("spot", "GET", "/api/v3/margin/borrow", START)
    assert not draw("spot", "POST", "/api/v1/margin/borrow", START)
    assert not draw("spot", "POST", "/api/v3/hf/margin/order", START)


def test_an_order_is_not_found_only_while_it_is_young() -> None:
    """A look-up fails within the seconds after the acknowledgement, not later."""
    faults = _faults('[[rest]]\nfault = "not_found"\nnot_found_for_s = 3')
    draw = faults.rest.draw
    path = "/api/v1/hf/orders/order-1"
    assert draw("spot", "GET", path, START, 2.9)
    assert not draw("spot", "GET", path, START, 3.0)
    assert not draw("spot", "GET", path, START, None)
    assert not draw("spot", "DELETE", path, START, 1.0)


def test_every_fault_is_numbered_and_written() -> None:
    """Numbers run on over requests and pushes; each line is one JSON object."""
    written: list[str] = []
    faults = Faults(
        script=parse_script(
            '[[rest]]\nfault = "drop_after"\n[[websocket]]\nfault = "gap"', "f"
        ),
        start=START,
        log=FaultLog(written.append),
    )
    faults.rest.draw("spot", "GET", "/x", START)
    frame = faults.frames.draw("futures", "/contract/instrument:XBTUSDTM", START)
    assert frame is not None
    assert frame.fault == "gap"
    rows = [json.loads(line) for line in written]
    assert [row["n"] for row in rows] == [1, 2]
    assert rows[1]["topic"] == "/contract/instrument:XBTUSDTM"


def test_frames_are_drawn_by_host_and_topic() -> None:
    """A rule about a topic's prefix hits its symbols and nothing else."""
    faults = _faults('[[websocket]]\nfault = "gap"\nhost = "spot"\ntopic = "/margin/"')
    assert faults.frames.draw("spot", "/margin/position", START)
    assert faults.frames.draw("spot", "/account/balance", START) is None
    assert faults.frames.draw("futures", "/margin/position", START) is None


def test_upgrades_and_clocks_hold_in_their_spans() -> None:
    """A host is closed from its time to its time; so is a clock wrong."""
    faults = Faults(script=parse_script(WHOLE, "f"), start=START)
    at = [START + timedelta(seconds=s) for s in (2, 10, 20)]
    assert [faults.blackout("futures", t) is not None for t in at] == [
        False,
        True,
        False,
    ]
    assert faults.blackout("spot", at[1]) is None
    assert [faults.told_skew_ms(t) for t in at] == [0, -7000, -7000]
    assert faults.judged_skew_ms(at[1]) == 0


def test_an_empty_script_does_nothing() -> None:
    """Without rules nothing is hit and nothing is logged."""
    faults = Faults(script=FaultScript(), start=START)
    assert _hits(faults, 10) == []
    assert faults.log.number == 0
