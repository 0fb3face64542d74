"""Settlements of a public market: owed, moved, given up, never paid twice."""

from datetime import timedelta
from decimal import Decimal

from connectors.kucoin.public_settlements import Settlements
from tests.unit.kucoin.world_bench import START

D = Decimal
SETTLES = START + timedelta(minutes=2)


def test_a_settlement_that_is_never_stated_is_given_up() -> None:
    """After a quarter of an hour it is said, once, and waited for no more."""
    known = Settlements(start=START)
    known.expect("XBTUSDTM", SETTLES, START)
    late = SETTLES + timedelta(minutes=16)
    assert known.overdue(SETTLES + timedelta(seconds=6)) == ("XBTUSDTM",)
    assert known.given_up(SETTLES + timedelta(minutes=14)) == {}
    assert known.given_up(late) == {"XBTUSDTM": SETTLES}
    assert known.given_up(late) == {}
    known.stated("XBTUSDTM", SETTLES, D("0.1"))
    assert known.take("XBTUSDTM", late) == ()


def test_a_settlement_that_is_owed_is_not_forgotten() -> None:
    """The exchange names the next one while the last was not heard of yet."""
    known = Settlements(start=START)
    known.expect("XBTUSDTM", SETTLES, START)
    after = SETTLES + timedelta(seconds=6)
    known.expect("XBTUSDTM", SETTLES + timedelta(hours=8), after)
    assert known.overdue(after) == ("XBTUSDTM",)
    known.stated("XBTUSDTM", SETTLES, D("0.1"))
    assert len(known.take("XBTUSDTM", after)) == 1
    assert known.since("XBTUSDTM") == SETTLES


def test_a_settlement_that_is_moved_is_waited_for_at_its_new_time() -> None:
    """KuCoin may bring a settlement forward; the old time is then not owed."""
    known = Settlements(start=START)
    known.expect("XBTUSDTM", SETTLES + timedelta(hours=8), START)
    known.expect("XBTUSDTM", SETTLES, START)
    assert known.overdue(SETTLES + timedelta(seconds=6)) == ("XBTUSDTM",)


def test_what_settled_before_the_start_is_not_ours() -> None:
    """A rate from before the run began is not paid."""
    known = Settlements(start=START)
    known.stated("XBTUSDTM", START - timedelta(hours=8), D("0.1"))
    assert known.take("XBTUSDTM", SETTLES) == ()
