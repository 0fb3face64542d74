"""Marks that jump: what confirms them, and what takes them back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.events import MarksTicked
from bot.risk.jumps import Jumps, after_moment
from bot.risk.lines import Quote
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from tests.unit.guard.bench import cross_long

BTC = Quote(is_futures=False, name="BTC")
PERP = Quote(is_futures=True, name="XBTUSDTM")


def calm() -> Shadow:
    """An account whose BTC moved by 0.1 % an hour for a day."""
    shadow = cross_long("1", "20000")
    closes = [
        (shadow.at - timedelta(hours=n), Decimal(50_000 + 50 * (n % 2)))
        for n in range(24, 0, -1)
    ]
    return replace(shadow, closes={"BTC": tuple(closes)})


def seen(shadow: Shadow, known: Jumps, *ticks: MarksTicked) -> tuple[Shadow, Jumps]:
    """After some moments."""
    for tick in ticks:
        after = apply(shadow, tick)
        known = after_moment(known, shadow, after, (tick,))
        shadow = after
    return shadow, known


def tick(shadow: Shadow, seconds: int, btc: str = "", perp: str = "") -> MarksTicked:
    """Marks of BTC and of its perpetual, or of one of them."""
    return MarksTicked(
        at=shadow.at + timedelta(seconds=seconds),
        margin_marks={"BTC": Decimal(btc)} if btc else {},
        futures_marks={"XBTUSDTM": Decimal(perp)} if perp else {},
    )


@pytest.mark.parametrize(
    ("later", "waiting"),
    [
        ([("", "49900")], [BTC]),
        ([("", "44100")], []),
        ([("44200", "")], []),
        ([("49900", "")], []),
        ([], [BTC]),
    ],
    ids=["perp disagrees", "perp agrees", "it stays", "it goes back", "nothing"],
)
def test_a_jump_waits_for_a_second_source_or_a_next_update(
    later: list[tuple[str, str]], waiting: list[Quote]
) -> None:
    """A fall of 12 % in a second, and what is heard after it."""
    start = calm()
    ticks = [tick(start, 1, "44000")]
    ticks += [tick(start, 2 + n, *marks) for n, marks in enumerate(later)]
    _, jumps = seen(start, {}, *ticks)
    assert list(jumps) == waiting


def test_marks_that_fall_together_confirm_each_other() -> None:
    """A crash moves every mark of a coin: nothing waits."""
    start = calm()
    _, jumps = seen(start, {}, tick(start, 1, "44000", "44050"))
    assert jumps == {}


def test_what_a_coin_does_is_no_jump() -> None:
    """Four per cent in a second is none; nor are six over a night."""
    start = calm()
    _, jumps = seen(start, {}, tick(start, 1, "48100"))
    assert jumps == {}
    _, jumps = seen(start, {}, tick(start, 12 * 3600, "47000"))
    assert jumps == {}


def test_a_jump_is_forgotten_when_its_mark_is_old() -> None:
    """After ten minutes without an update its age stops new risk anyway."""
    start = calm()
    shadow, jumps = seen(start, {}, tick(start, 1, "44000"))
    assert list(jumps) == [BTC]
    _, jumps = seen(shadow, jumps, MarksTicked(at=shadow.at + timedelta(minutes=11)))
    assert jumps == {}


def test_a_calm_moment_changes_nothing() -> None:
    """The same object comes back, so that nobody looks twice."""
    start = calm()
    known: Jumps = {}
    after = apply(start, tick(start, 1, "50010", "50010"))
    assert after_moment(known, start, after, (tick(start, 1, "50010"),)) is known
