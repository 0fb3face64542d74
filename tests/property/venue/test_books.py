"""Laws of the venue's books under any script of market moves and requests."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given

from bot.domain.accounts import MAIN, MARGIN_CROSS, SPOT
from bot.domain.events import AccountStatus, Event
from bot.domain.intents import Intent
from tests.property.venue.scripts import PAIR, opened, scripts
from tests.unit.venue.builders import DEEP, RATES, THIN, approved, instant, later


@given(scripts)
def test_events_rebuild_the_account(
    script: Sequence[Intent | tuple[int, Decimal, bool]],
) -> None:
    """Whatever happens, the events alone rebuild every number of the account."""
    sim, books = opened()
    books.compare(sim)
    now = 0
    for number, step in enumerate(script):
        if isinstance(step, tuple):
            seconds, price, is_thin = step
            now += seconds
            moved = instant(
                later(now),
                btc=str(price),
                eth=str(price / 20),
                liquidity=THIN if is_thin else DEEP,
                rates=RATES,
            )
            books.take(sim.tick(moved))
        else:
            books.take(sim.submit(later(now), approved(step, f"i-{number}")))
        books.compare(sim)
        books.compare_holds()


@given(scripts)
def test_a_finished_takeover_leaves_nothing_negative(
    script: Sequence[Intent | tuple[int, Decimal, bool]],
) -> None:
    """Outside a takeover no balance of spot and margin is below zero."""
    sim, books = opened()
    now = 0
    for number, step in enumerate(script):
        if isinstance(step, tuple):
            now += step[0]
            books.take(sim.tick(instant(later(now), btc=str(step[1]), liquidity=THIN)))
        else:
            books.take(sim.submit(later(now), approved(step, f"i-{number}")))
    books.take(sim.advance(later(now + 10)))
    for account in (MAIN, SPOT, MARGIN_CROSS, PAIR):
        assert books.statuses.get(account) is not AccountStatus.LIQUIDATING
        for line in sim.snapshot().balances.get(account, {}).values():
            assert line.total >= 0
            assert line.available >= 0


@given(scripts)
def test_the_same_script_gives_the_same_events(
    script: Sequence[Intent | tuple[int, Decimal, bool]],
) -> None:
    """The venue is a function of its inputs: two runs say the same, in order."""
    told: list[list[Event]] = []
    for _ in range(2):
        sim, now, events = opened()[0], 0, []
        for number, step in enumerate(script):
            if isinstance(step, tuple):
                now += step[0]
                events += sim.tick(instant(later(now), btc=str(step[1])))
            else:
                events += sim.submit(later(now), approved(step, f"i-{number}"))
        told.append(events)
    assert told[0] == told[1]
