"""The results of the account scale new risk, live on in the journal, and come back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import FUTURES, MAIN
from bot.domain.entries import Entry, Noted
from bot.domain.events import Bucket, Cause, LedgerBooked, Posting, ScheduleDue
from bot.domain.intents import Approved, PlaceOrder, Refused
from bot.domain.orders import Side
from bot.domain.room import Legs, Room, RoomAsked
from bot.domain.strategy import View
from bot.engine.core import Core, State, Step
from bot.engine.memory import recall
from bot.guard.limits import RiskLimits
from bot.guard.size_limits import SizingLimits
from bot.guard.size_results import SIZING
from tests.unit.engine.steps import Asker, after, bodies, opened, ticked, told
from tests.unit.venue.builders import START, opening

RICH = opening(
    {
        "margin_cross": {"BTC": "1", "USDT": "20000"},
        "futures": {"USDT": "20000"},
        "main": {"USDT": "20000"},
    },
    debts={"margin_cross": {"USDT": "20000"}},
)
BUY = PlaceOrder(
    account=FUTURES,
    symbol="XBTUSDTM",
    side=Side.BUY,
    qty=Decimal(1800),
    leverage=Decimal(10),
)
"""90000 USDT at 50000, on a wallet of 20000."""
DEEP = SizingLimits(target_volatility=Decimal("0.5"))
"""Volatility scales nothing, so that the results stand alone."""
HOUR = 3600


def due(seconds: float) -> ScheduleDue:
    """The job of the asker fires."""
    return ScheduleDue(at=after(seconds), job="asker.tick", due_at=after(seconds))


def sizing_rows(step: Step) -> list[Noted]:
    """The rows that keep the results."""
    found = [each for each in bodies(step, Noted) if isinstance(each, Noted)]
    return [each for each in found if each.topic == SIZING]


def run(core: Core, state: State, *prices: str) -> tuple[State, list[Entry]]:
    """The state after marks an hour apart, and the rows."""
    moments = [(ticked(HOUR * n, each),) for n, each in enumerate(prices, 1)]
    entries: list[Entry] = []
    for step in told(state, core, *moments):
        entries += step.entries
        state = step.state
    return state, entries


def test_the_equity_is_looked_at_once_an_hour() -> None:
    """One row an hour of market time, none between."""
    core = Core(sizing=DEEP)
    state = opened(core, RICH)
    assert state.results.seen_at == START
    counts = []
    for seconds in (1, 1800, HOUR, HOUR + 1):
        step = core.step(state, (ticked(seconds, "50000"),))
        state = step.state
        counts.append(len(sizing_rows(step)))
    assert counts == [0, 0, 1, 0]


def test_a_drawdown_cuts_what_a_strategy_may_add() -> None:
    """An order that passes before the fall is refused after it, with the reason."""
    core = Core(
        strategies=(Asker(lambda view: [BUY]),),
        sizing=DEEP,
        risk_limits=RiskLimits(max_daily_loss=Decimal("0.5")),
    )
    calm = opened(core, RICH)
    assert bodies(core.step(calm, (due(1),)), Approved)
    fallen = core.step(calm, (ticked(1, "38000"),)).state
    step = core.step(fallen, (due(1),))
    (refused,) = bodies(step, Refused)
    assert isinstance(refused, Refused)
    assert "results 0.5 (a drawdown of 13.3 % within 7 days)" in refused.reason
    (row,) = sizing_rows(step)
    assert "scale new risk to 0.500" in row.text


def test_a_restart_goes_on_with_the_results() -> None:
    """What is recalled from the rows is what the running engine holds, and goes on."""
    core = Core(sizing=DEEP)
    state, rows = run(core, opened(core, RICH), "52000", "36000", "36500", "37000")
    assert state.results.scale == Decimal("0.5")
    recalled = recall(rows).results
    assert recalled == state.results
    on, rows_on = run(core, replace(state, results=recalled), "37000")
    other, rows_other = run(core, state, "37000")
    assert on.results == other.results
    assert rows_on == rows_other


def test_a_deposit_is_no_gain_and_a_withdrawal_no_loss() -> None:
    """Money from outside moves the steps with it; no factor falls."""
    core = Core(sizing=DEEP)
    state = opened(core, RICH)
    for place, amount in enumerate(("90000", "-60000"), 1):
        posting = Posting(account=MAIN, coin="USDT", amount=Decimal(amount))
        booked = LedgerBooked(
            at=after(place),
            entry_id=f"main:{place}",
            cause=Cause.TRANSFER,
            postings=(posting,),
        )
        step = core.step(state, (booked,))
        assert len(sizing_rows(step)) == 1
        state = core.step(step.state, (ticked(HOUR * place, "50000"),)).state
        assert state.results.scale == 1
    assert state.results.credited is not None
    assert abs(state.results.credited - Decimal(120_000)) < Decimal("0.01")


def test_a_transfer_between_own_accounts_is_nothing() -> None:
    """What leaves one account and reaches another leaves no row."""
    core = Core(sizing=DEEP)
    state = opened(core, RICH)
    there = Posting(account=MAIN, coin="USDT", amount=Decimal(-100))
    here = Posting(account=FUTURES, coin="USDT", amount=Decimal(100))
    earmark = replace(here, bucket=Bucket.MARGIN)
    booked = LedgerBooked(
        at=after(1),
        entry_id="t:1",
        cause=Cause.TRANSFER,
        postings=(there, here, earmark),
    )
    step = core.step(state, (booked,))
    assert sizing_rows(step) == []
    assert step.state.results == state.results


def test_a_strategy_sees_its_room_and_is_admitted_with_it() -> None:
    """What the view says there is room for is approved; one lot more is not."""
    seen: list[Room] = []

    def asks(view: View) -> list[PlaceOrder]:
        asked = RoomAsked(
            coin="BTC",
            direction=1,
            account=FUTURES,
            legs=Legs.PERP,
            leverage=Decimal(10),
            most_usdt=Decimal(200_000),
        )
        room = view.room(asked)
        assert room is not None
        seen.append(room)
        return [replace(BUY, qty=room.perp_lots)]

    core = Core(strategies=(Asker(asks),))
    state = opened(core, RICH)
    assert bodies(core.step(state, (due(1),)), Approved)
    (room,) = seen
    assert room.limit == "act distance"
    assert room.scale.value == Decimal("0.5")
    more = replace(BUY, qty=room.perp_lots + 1)
    greedy = Core(strategies=(Asker(lambda view: [more]),))
    (refused,) = bodies(greedy.step(state, (due(1),)), Refused)
    assert isinstance(refused, Refused)
    assert "volatility 0.5 (10.0 % a day, assumed for BTC" in refused.reason


def test_a_calm_week_gives_the_scale_back_slowly() -> None:
    """Nothing rises while the fall is within the week; then a twentieth a day."""
    core = Core(sizing=DEEP)
    state = opened(core, RICH)
    state = core.step(state, (ticked(1, "36000"),)).state
    path = []
    for hour in range(1, 24 * 10):
        at = ticked(HOUR * hour, "36000")
        state = core.step(state, (at,)).state
        path.append(state.results.scale)
    assert path[24 * 6] == Decimal("0.5")
    assert Decimal("0.6") < path[-1] < Decimal("0.7")
    assert path == sorted(path)
    assert state.shadow.at - START < timedelta(days=10)
