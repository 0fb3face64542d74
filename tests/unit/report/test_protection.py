"""What protects an account while nobody is there: each stop, and what has none."""

import json
from dataclasses import replace
from decimal import Decimal

from rich.console import Console

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.intents import PlaceStop
from bot.domain.orders import Side
from bot.domain.stops import stop_of
from bot.guard.limits import GuardLimits
from bot.report.frame import Frame, GuardView
from bot.report.protection import Protection, protection, stops_line
from bot.report.protection_view import protection_view
from bot.report.terminal_parts import guard_lines
from bot.risk.measure import measure_subjects
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from tests.unit.guard.bench import START, shadow_of
from tests.unit.guard.test_resting import LONG, OWED, PAIR, PERP, keeping
from tests.unit.venue.builders import opening

LIMITS = GuardLimits(resting_stops=True)


def read(shadow: Shadow) -> Protection:
    """What the doctor would say."""
    return protection(shadow, LIMITS)


def shown(found: Protection) -> str:
    """The table as text."""
    console = Console(width=160, record=True, file=None, quiet=True)
    with console.capture() as said:
        console.quiet = False
        console.print(protection_view(found))
    return said.get()


def resting(shadow: Shadow, price: str, *, intent_id: str | None = "g1-i1") -> Shadow:
    """The account with one sale of a futures long at a price."""
    stop = PlaceStop(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.SELL,
        qty=Decimal(700),
        stop_price=Decimal(price),
        is_up=False,
    )
    return apply(shadow, stop_of(stop, shadow.at, "s1", intent_id))


def test_an_account_without_a_stop_is_named_with_its_end() -> None:
    """The move that ends it, and that none rests."""
    (bare,) = read(LONG).unprotected
    assert bare.subject == MARGIN_CROSS
    assert bare.move is not None
    assert round(bare.move, 4) == Decimal("-0.3196")
    assert bare.reason == "no stop rests for it"


def test_what_the_guard_rests_protects_everything() -> None:
    """Pairs too: each leg's own stop saves its account."""
    for shadow in (LONG, PERP, PAIR, OWED):
        found = read(keeping(shadow)[0])
        assert found.unprotected == ()
        assert set(found.protected) == {m.subject for m in measure_subjects(shadow)}
        assert all(each.is_ours for each in found.stops)


def test_a_stop_beyond_liquidation_protects_nothing() -> None:
    """It would go off when there is nothing left to save."""
    found = read(resting(PERP, "20000"))
    assert found.protected == ()
    assert "after the takeover" in found.unprotected[0].reason
    assert found.stops[0].protects == ()


def test_a_stop_of_somebody_else_protects_too() -> None:
    """Whose it is does not matter to the exchange; it is shown."""
    found = read(resting(PERP, "40000", intent_id=None))
    assert found.protected == ("futures:USDT",)
    assert not found.stops[0].is_ours
    assert "(not ours)" in shown(found)


def test_an_account_that_cannot_be_measured_is_never_protected() -> None:
    """Unknown is not safe, whatever rests."""
    blind = replace(keeping(PERP)[0], futures_marks={})
    (bare,) = read(blind).unprotected
    assert bare.move is None
    assert "not known" in bare.reason


def test_why_no_stop_is_possible_is_said() -> None:
    """A halted pair takes none."""
    halted = replace(LONG, halted=frozenset({"BTC-USDT"}))
    (bare,) = read(halted).unprotected
    assert "nothing that can be traded" in bare.reason


def test_what_no_move_liquidates_needs_nothing() -> None:
    """A debt of USDT against USDT."""
    flat = shadow_of(
        opening({"margin_cross": {"USDT": "9"}}, debts={"margin_cross": {"USDT": "5"}})
    )
    found = read(flat)
    assert (found.safe, found.unprotected) == ((MARGIN_CROSS,), ())
    assert "Nothing a move of prices can liquidate." in shown(found)


def test_the_document_is_plain_and_whole() -> None:
    """Numbers are text in plain notation; every key is there."""
    document = json.loads(json.dumps(read(keeping(PERP)[0]).as_document()))
    (row,) = document["stops"]
    assert row["side"] == "sell"
    assert row["triggers"] == "below"
    assert row["protects"] == ["futures:USDT"]
    moved = Decimal(row["trigger_price"]) / Decimal(row["mark"]) - 1
    assert moved == Decimal(row["move"])
    assert document.keys() == {"stops", "protected", "unprotected", "not_liquidable"}


def test_the_live_view_says_it_in_a_line() -> None:
    """How many, how near, and what is bare."""
    shadow = keeping(PAIR)[0]
    line = stops_line(shadow, measure_subjects(shadow))
    assert line.startswith("4 stops rest, the nearest at ")
    assert line.endswith("all are protected")
    bare = stops_line(LONG, measure_subjects(LONG))
    assert bare == "no stop rests; not protected: margin_cross"


def test_the_table_names_each_stop() -> None:
    """Symbol, side, size, trigger and distance stand in one row."""
    said = shown(read(keeping(PERP)[0]))
    assert "sell XBTUSDTM" in said
    assert "below" in said
    assert "Everything that a move of prices can liquidate is protected." in said


def test_the_terminal_shows_the_line_under_the_guard() -> None:
    """One line, cut to the width, and none where it is not said."""
    guard = GuardView(next_action="nothing", resting="4 stops rest; all are protected")
    frame = Frame(
        at=START,
        title="t",
        world="live",
        equity_usdt=None,
        equity_start_usdt=None,
        guard=guard,
    )
    assert (
        guard_lines(frame, 80)[-1].plain == " Dead     4 stops rest; all are protected"
    )
    assert len(guard_lines(replace(frame, guard=GuardView()), 80)) == 2
    assert all(line.cell_len <= 40 for line in guard_lines(frame, 40))
