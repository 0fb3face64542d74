"""What protects an account while nobody is there: each stop, and what has none."""

import json
from dataclasses import replace
from decimal import Decimal

from rich.console import Console

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.events import OrderChanged
from bot.domain.intents import PlaceStop
from bot.domain.orders import OrderState, Side
from bot.domain.stops import stop_of, triggered_order
from bot.guard.limits import GuardLimits
from bot.guard.resting_cuts import moved
from bot.report.frame import Frame, GuardView
from bot.report.protection import KeptLine, Protection, protection, stops_line
from bot.report.protection_view import protection_view
from bot.report.terminal_parts import guard_lines
from bot.risk.measure import measure_subjects
from bot.shadow.apply import apply
from bot.shadow.project import project
from bot.shadow.state import Shadow
from tests.unit.guard.bench import START, later, shadow_of
from tests.unit.guard.test_resting import LONG, OWED, PAIR, PERP, guarded, keeping
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


def resting(
    shadow: Shadow, price: str, *, intent_id: str | None = "g1-i1", qty: int = 850
) -> Shadow:
    """The account with one sale of a futures long at a price."""
    stop = PlaceStop(
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.SELL,
        qty=Decimal(qty),
        stop_price=Decimal(price),
        is_up=False,
    )
    return apply(shadow, stop_of(stop, shadow.at, "s1", intent_id))


def line_of(shadow: Shadow) -> str:
    """The line of the live view."""
    measures = measure_subjects(shadow)
    return stops_line(shadow, measures, guarded(shadow).subjects, LIMITS)


def test_an_account_without_a_stop_is_named_with_its_end() -> None:
    """The move that ends it, and that none rests."""
    (bare,) = read(LONG).unprotected
    assert bare.subject == MARGIN_CROSS
    assert bare.move is not None
    assert round(bare.move, 4) == Decimal("-0.3196")
    assert bare.reason == "no stop rests for it"


def test_what_the_guard_rests_protects_everything() -> None:
    """Pairs too: each leg's own stop saves its account."""
    for shadow in (LONG, PERP, PAIR):
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


def test_a_stop_over_a_part_of_what_is_needed_protects_in_part() -> None:
    """400 of 811 lots: named with both sizes and with the move that ends it then."""
    found = read(resting(PERP, "40000", qty=400))
    assert (found.protected, found.unprotected) == ((), ())
    (part,) = found.partly
    assert part.lacks == ("sell XBTUSDTM if it falls: 400 of 811 rest",)
    assert part.worst.end is not None
    assert part.worst.end < part.worst.edge < 0
    said = shown(found)
    assert "Protected in part: futures:USDT" in said
    assert "400 of 811 rest" in said
    assert "Everything" not in said
    document = json.loads(json.dumps(found.as_document()))
    assert document["partly"][0]["sides"][0]["legs"][0]["is_covered"] is False


def test_the_move_with_stops_is_the_one_that_ends_the_account() -> None:
    """Beyond it by a thousandth the account that was cut is over, before it not."""
    shadow = resting(PERP, "40000", qty=400)
    end = read(shadow).partly[0].worst.end
    assert end is not None
    at_stop = moved(shadow, Decimal("-0.2"))
    order = triggered_order(
        PlaceStop(
            account=FUTURES,
            symbol="XBTUSDTM",
            side=Side.SELL,
            qty=Decimal(400),
            stop_price=Decimal(40000),
            is_up=False,
        )
    )
    cut = project(at_stop, order)
    for more, is_over in ((Decimal("0.001"), False), (Decimal("-0.001"), True)):
        there = moved(cut, (1 + end + more) / Decimal("0.8") - 1)
        (measure,) = measure_subjects(there)
        assert measure.ratio is not None
        assert (measure.ratio >= measure.liquidation) is is_over


def test_another_leg_without_its_stop_is_named() -> None:
    """A debt in coins is bought back once, above or below: what is left is said."""
    found = read(keeping(OWED)[0])
    (part,) = found.partly
    assert part.subject == "futures:USDT"
    assert part.lacks == ("other leg, buy BTC-USDT if it falls: 0.1477 of 0.811 rest",)
    assert line_of(keeping(OWED)[0]).endswith("; in part: futures:USDT")
    bare = keeping(PAIR)[0]
    spot = {n: s for n, s in bare.stops.items() if s.account != FUTURES or s.is_up}
    (part,) = read(replace(bare, stops=spot)).partly
    assert part.subject == MARGIN_CROSS
    assert "other leg, buy XBTUSDTM if it falls: nothing of 826 rests" in part.lacks


def test_the_worst_account_comes_first() -> None:
    """By the move that ends each, its stops filled in full."""
    shadow = keeping(PAIR)[0]
    few = {n: replace(s, qty=s.qty / 10) for n, s in shadow.stops.items()}
    found = read(replace(shadow, stops=few))
    moves = [abs(part.move) for part in found.partly]
    assert len(moves) == 2
    assert moves == sorted(moves)


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
    assert document.keys() == {
        "stops",
        "protected",
        "unprotected",
        "partly",
        "not_liquidable",
        "orders",
    }


def test_the_live_view_says_it_in_a_line() -> None:
    """How many, how near, and what is bare."""
    shadow = keeping(PAIR)[0]
    line = line_of(shadow)
    assert line.startswith("4 stops rest, the nearest at ")
    assert line.endswith("all are protected")
    bare = line_of(LONG)
    assert bare == "no stop rests; not protected: margin_cross"


def test_a_frame_does_not_read_the_line_again_at_once() -> None:
    """Within ten seconds the last one is shown, then what rests by then."""
    shadow, line = keeping(PERP)[0], KeptLine()

    def read_line(now: Shadow) -> str:
        return line.read(now, measure_subjects(now), guarded(now).subjects, LIMITS)

    assert read_line(shadow).startswith("1 stop rests")
    bare = replace(shadow, stops={})
    assert read_line(later(bare, 9)).startswith("1 stop rests")
    assert read_line(later(bare, 10)).startswith("no stop rests")


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


def test_an_order_that_may_fill_with_nobody_there_is_named() -> None:
    """A first leg that rests is listed, with what is left of it; a reduction is not."""
    placed = OrderChanged(
        at=START,
        order_id="o1",
        intent_id="g1-i0000001",
        account=FUTURES,
        symbol="XBTUSDTM",
        side=Side.SELL,
        state=OrderState.OPEN,
        qty=Decimal(50),
        filled_qty=Decimal(20),
        price=Decimal("60000.1"),
    )
    shadow = apply(LONG, placed)
    found = read(shadow)
    sentence = "May fill with nobody there: sell 30 XBTUSDTM at 60000.1 in futures;"
    assert sentence in " ".join(shown(found).split())
    (told,) = json.loads(json.dumps(found.as_document()))["orders"]
    assert (told["left"], told["owner"]) == ("30", "gnomon")

    closing = replace(placed, reduce_only=True)
    assert read(apply(LONG, closing)).orders == ()
    foreign = replace(placed, intent_id=None)
    assert "(not ours)" in shown(read(apply(LONG, foreign)))
