"""A position at the front of the queue of deleveraging: said once, not added to."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, SPOT, PositionKey
from bot.domain.entries import Noted
from bot.domain.events import AdlRankReported, PositionChanged
from bot.domain.instruments import Lots
from bot.domain.intents import Approved, Intent, PlaceOrder
from bot.domain.orders import Side
from bot.engine.core import Core, State
from bot.guard.adl import adl_notes, in_front
from bot.report.alerts import WARNING
from bot.shadow.apply import apply
from bot.shadow.state import Shadow
from tests.unit.engine.steps import after, bodies, opened
from tests.unit.guard.asking import asked, held_to, why
from tests.unit.guard.bench import position, shadow_of
from tests.unit.report.test_alerts import Person
from tests.unit.venue.builders import opening

KEY = PositionKey("XBTUSDTM")


WALLET = {"futures": {"USDT": "90000"}}
SHORT = opening(WALLET)


def pair(rank: int | None, spot: str = "1") -> Shadow:
    """Bitcoin in spot against a short of one coin, with so many lights."""
    held = position(-1000)
    return shadow_of(
        replace(
            opening({"spot": {"BTC": spot, "USDT": "100000"}, **WALLET}),
            positions={KEY: replace(held, adl_rank=rank)},
        )
    )


def order(side: Side, lots: str, account: str = "futures") -> PlaceOrder:
    """An order that is no reduction by its own word."""
    is_futures = account == "futures"
    return PlaceOrder(
        account=FUTURES if is_futures else SPOT,
        symbol="XBTUSDTM" if is_futures else "BTC-USDT",
        side=side,
        qty=Decimal(lots),
    )


@pytest.mark.parametrize("rank", [None, 0, 1, 3])
def test_few_lights_or_none_known_stop_nothing(rank: int | None) -> None:
    """Up to three lights, and without any report, orders pass."""
    assert in_front(pair(rank)) == {}
    assert isinstance(asked(held_to(pair(rank)), order(Side.SELL, "10")), Approved)


@pytest.mark.parametrize(
    "intent",
    [order(Side.SELL, "10"), order(Side.BUY, "0.01", "spot")],
    ids=["more of the leg", "a first leg of a new pair"],
)
def test_four_lights_stop_what_adds_to_the_coin(intent: Intent) -> None:
    """Neither the leg nor the coin grows; the sentence names the lights."""
    found = why(held_to(pair(4)), intent)
    assert found == "XBTUSDTM shows 4 of 5 ADL lights; no new risk in BTC"


def test_another_coin_is_not_stopped() -> None:
    """What is crowded is one contract's queue."""
    bought = replace(order(Side.BUY, "1", "spot"), symbol="ETH-USDT")
    assert isinstance(asked(held_to(pair(5)), bought), Approved)


def test_a_missing_leg_and_a_reduction_pass() -> None:
    """What makes the coin's net exposure smaller, or the position, goes on."""
    torn = pair(5, spot="1.5")
    assert isinstance(asked(held_to(torn), order(Side.SELL, "100")), Approved)
    close = replace(order(Side.BUY, "100"), reduce_only=True)
    assert isinstance(asked(held_to(pair(5)), close), Approved)


def ranked(
    state: State, core: Core, seconds: float, rank: int
) -> tuple[State, list[Noted]]:
    """The state after a report of lights, and what was noted."""
    told = AdlRankReported(at=after(seconds), symbol="XBTUSDTM", rank=rank)
    step = core.step(state, (told,))
    notes = [n for n in bodies(step, Noted) if isinstance(n, Noted)]
    notes = [note for note in notes if note.topic == "adl"]
    return step.state, notes


def test_it_is_journaled_once_per_change() -> None:
    """Coming to the front and leaving it are rows; the same again is none."""
    core = Core()
    account = replace(SHORT, positions={KEY: position(-100)})
    state = opened(core, account)
    seen: list[str] = []
    for seconds, rank in enumerate([2, 4, 4, 5, 3, 3, 5], start=1):
        state, notes = ranked(state, core, seconds, rank)
        seen += [f"{rank}: {note.text.split(':')[0]}" for note in notes]
    assert seen == [
        "4: XBTUSDTM shows 4 of 5 ADL lights",
        "3: XBTUSDTM shows 3 of 5 ADL lights",
        "5: XBTUSDTM shows 5 of 5 ADL lights",
    ]


def test_a_closed_position_has_left_the_queue() -> None:
    """The row says that it is closed."""
    before = pair(4)
    gone = replace(before.positions[KEY], lots=Lots(0))
    told = PositionChanged(at=before.at, position=gone, reason="trade")
    [note] = adl_notes(before, apply(before, told))
    assert note.text == "XBTUSDTM is closed: it is no longer at the front of the queue"


def test_a_person_is_told() -> None:
    """Four lights are a warning on the telephone."""
    person = Person()
    account = replace(SHORT, positions={KEY: position(-100)})
    person.state = opened(person.core, account)
    told = AdlRankReported(at=after(1), symbol="XBTUSDTM", rank=4)
    [(level, sentence)] = person.see(told)
    assert level == WARNING
    assert sentence.startswith("Adl: XBTUSDTM shows 4 of 5 ADL lights: KuCoin may")
