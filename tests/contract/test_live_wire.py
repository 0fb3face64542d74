"""``gnomon live`` trades a served venue; its books are the venue's, to the digit.

Every strategy acts over the wire within a few minutes of market time, and afterwards
the sums of the journal's postings, the state that it folds to and the venue's own
books are equal to the last digit, with no adjustment; each order, loan and transfer
of the venue has exactly one intent. Longer runs are ``benchmarks/wire_runs.py``.
"""

import time
from pathlib import Path
from threading import Event
from typing import Final

from bot.domain.entries import Entry, RunEnded
from bot.domain.events import Filled, IntentSettled
from bot.domain.intents import Approved, PlaceOrder, Repay
from bot.domain.orders import Outcome
from tests.contract.live_books import compare_books, entries_of, settled_books
from tests.contract.live_process import Live, live, venue
from tests.contract.venue_records import compare_records, read_records

ACCOUNT: Final = """\
[main]
USDT = "1000"

[margin_cross]
leverage = "5"
balance = {SOL = "@5000", USDT = "3000"}
principal = {USDT = "5000"}

[futures]
wallet = {USDT = "4000"}

[[futures.position]]
symbol = "ETHUSDTM"
mode = "cross"
base = "@2000"
entry = "mark"
leverage = 5
"""
SETTINGS: Final = """\
[strategy.carry]
kind = "funding_arbitrage"
schedule = "every 30s"
coins = ["ETH"]
notional_usdt = "2000"
chunk_usdt = "1000"

[strategy.hedge]
kind = "beta_hedge"
schedule = "every 1m"
hedge_symbol = "XBTUSDTM"

[strategy.sweep]
kind = "auto_repay"
schedule = "every 30s"
"""
OWNERS: Final = {"carry", "hedge", "sweep"}
_ACTING_S: Final = 30.0


def _acted(bot: Live) -> list[Entry]:
    """Wait until each strategy has asked for something and nothing is in between."""
    end = time.monotonic() + _ACTING_S
    while True:
        entries = entries_of(bot.journal)
        asked = {e.body.intent_id for e in entries if isinstance(e.body, Approved)}
        settled = {
            e.body.intent_id for e in entries if isinstance(e.body, IntentSettled)
        }
        owners = {e.body.owner for e in entries if isinstance(e.body, Approved)}
        if owners >= OWNERS and asked == settled:
            return entries
        assert time.monotonic() < end, f"only {owners} acted; {bot.errors}"
        Event().wait(0.25)


def test_every_strategy_trades_over_the_wire_and_the_books_are_equal(
    tmp_path: Path,
) -> None:
    """Arbitrage, hedge and repayment act; nothing is doubled, lost or adjusted."""
    with (
        venue(
            tmp_path / "venue", "--scenario", "crash", account=ACCOUNT, clock=10
        ) as place,
        live(tmp_path / "bot", place, settings=SETTINGS) as bot,
    ):
        bot.start()
        _acted(bot)
        assert bot.stop() == 0
        assert settled_books(bot.journal, place)[0] == []
        bot.start("--no-strategies", "--no-guard")
        assert settled_books(bot.journal, place)[0] == []
        assert bot.stop() == 0
        assert compare_records(bot.journal, place.served) == []
        entries = entries_of(bot.journal)
        records = read_records(place.served, entries)
        compare = compare_books(bot.journal, {"balances": {}, "positions": []})

    asked = [e.body.intent for e in entries if isinstance(e.body, Approved)]
    placed = [intent for intent in asked if isinstance(intent, PlaceOrder)]
    settled = [e.body for e in entries if isinstance(e.body, IntentSettled)]
    assert {"ETHUSDTM", "XBTUSDTM"} <= {intent.symbol for intent in placed}
    assert any(isinstance(intent, Repay) for intent in asked)
    assert {event.outcome for event in settled} == {Outcome.DONE}
    assert len(records.orders) == len(placed)
    assert sum(records.repaid.values()) >= 1
    assert any(isinstance(e.body, Filled) for e in entries)
    assert isinstance(entries[-1].body, RunEnded)
    assert compare, "a comparison that finds nothing anywhere proves nothing"
