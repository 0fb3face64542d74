"""The forecast inside the step: when it looks, what it leaves, what the guard does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np

from bot.domain.accounts import MARGIN_CROSS
from bot.domain.entries import Decided, Noted
from bot.domain.events import LiquidityQuoted
from bot.engine.ahead import Ahead
from bot.engine.core import Core, State, Step
from bot.engine.outlook_note import OUTLOOK
from bot.guard.limits import GuardLimits
from bot.risk.blackout import Blackout
from bot.risk.hourly_closes import closes_from
from tests.unit.engine.steps import bodies, opened, ticked
from tests.unit.venue.builders import START

HOUR = 3_600.0


def past(volatility: float, hours: int = 800) -> Ahead:
    """Closes of BTC that end at the start, as volatile by the hour."""
    moves = volatility * np.random.default_rng(7).standard_t(4, hours) / np.sqrt(2.0)
    prices = 50_000.0 * np.exp(np.cumsum(moves - moves.mean()))
    first = START - timedelta(hours=hours - 1)
    rows = [
        (first + timedelta(hours=place), Decimal(repr(float(price))))
        for place, price in enumerate(prices)
    ]
    return Ahead(closes=closes_from({"BTC": rows}))


def begun(core: Core, ahead: Ahead, btc: str = "50000") -> State:
    """The opened account with a past, not yet looked at."""
    return replace(opened(core, btc=btc), ahead=ahead)


def outlooks(steps: list[Step]) -> list[Noted]:
    """The looks that the steps left."""
    notes = [body for step in steps for body in bodies(step, Noted)]
    return [n for n in notes if isinstance(n, Noted) and n.topic == OUTLOOK]


def run(core: Core, state: State, *ticks: tuple[float, str]) -> list[Step]:
    """The steps of BTC marks at these seconds."""
    steps: list[Step] = []
    for seconds, btc in ticks:
        steps.append(core.step(state, (ticked(seconds, btc),)))
        state = steps[-1].state
    return steps


def test_a_look_leaves_a_row_and_gives_the_guard_its_odds() -> None:
    """The row says how likely, with its score, and what distance the limit asks for."""
    core = Core()
    steps = run(core, begun(core, past(0.035)), (1, "50000"), (2, "50000"))
    (note,) = outlooks(steps)

    assert "Brier skill" in note.text
    assert 0.0 < float(note.inputs["margin_cross p_24h"]) < 0.5
    assert note.inputs["margin_cross led_by"] == "BTC"
    needed = steps[-1].state.guard.foresight.needed["margin_cross"]
    assert note.inputs["margin_cross needed_distance"] == str(needed)


def test_the_same_facts_leave_the_same_rows() -> None:
    """Two runs are equal to the last digit, the state with them."""
    core = Core()
    ticks = [(n * 600.0, str(50_000 - 40 * n)) for n in range(1, 30)]
    one, other = (run(core, begun(core, past(0.03)), *ticks) for _ in range(2))

    assert [s.entries for s in one] == [s.entries for s in other]
    assert one[-1].state == other[-1].state
    assert len(outlooks(one)) >= 2


def test_far_accounts_are_looked_at_less_often() -> None:
    """Once a day in a calm market, every hour when the odds are near."""
    core = Core()
    ticks = [(n * HOUR, "50000") for n in range(1, 25)]
    calm = outlooks(run(core, begun(core, past(0.0005)), *ticks))
    near = outlooks(run(core, begun(core, past(0.03)), *ticks))

    assert len(calm) <= 2
    assert len(near) >= 20


def test_an_account_that_comes_nearer_is_looked_at_again() -> None:
    """A fifth of the distance gone asks for a look, five minutes after the last."""
    core = Core()
    ticks = [(1.0, "50000"), (100.0, "45000"), (400.0, "45000")]
    steps = run(core, begun(core, past(0.0005)), *ticks)

    assert [len(outlooks([step])) for step in steps] == [1, 0, 1]


def test_the_guard_acts_on_the_odds_before_its_distance() -> None:
    """At 42,000 the account is 19 % away: safe in a calm market, not in a wild one."""
    core = Core()
    ticks = [(1.0, "50000"), (HOUR, "42000"), (HOUR + 400, "41900")]
    calm = run(core, begun(core, past(0.0005)), *ticks)
    wild = run(core, begun(core, past(0.018)), *ticks)

    assert not [b for s in calm for b in bodies(s, Decided)]
    (decided,) = [b for s in wild for b in bodies(s, Decided)]
    assert isinstance(decided, Decided)
    assert decided.verdict == "cure"
    assert float(decided.inputs["liquidation_probability"]) > 0.01


def test_without_history_the_distances_alone_bind() -> None:
    """The row says which coin lacks it, and no threshold moves."""
    core = Core()
    steps = run(core, opened(core), (1, "50000"), (HOUR, "42000"))
    # The opening tick has looked already: what it knows is kept in the state.
    guard = steps[-1].state.guard

    assert guard.foresight.needed == {}
    assert steps[-1].state.ahead.outlook is not None
    assert steps[-1].state.ahead.outlook.accounts[0].missing == ("BTC",)
    assert not [b for s in steps for b in bodies(s, Decided)]


def test_before_an_announced_blackout_an_account_is_made_to_stand_it() -> None:
    """From two hours before it 22.5 % are asked for, and no longer once it began."""
    window = Blackout(START + timedelta(hours=4), START + timedelta(hours=5))
    core = Core(guard_limits=GuardLimits(blackouts=(window,)))
    ticks = [(n * 1_800.0, "42500") for n in range(1, 10)]
    steps = run(core, begun(core, past(0.0005), btc="50000"), *ticks)
    stressed = [bool(s.state.guard.foresight.stress) for s in steps]
    decided = [b for s in steps for b in bodies(s, Decided)]

    assert stressed[:7] == [False] * 3 + [True] * 4
    assert not stressed[-1]
    assert isinstance(decided[0], Decided)
    assert "before an announced blackout" in decided[0].reason
    assert decided[0].inputs["act"] == "0.2253"


def test_an_account_that_takes_hours_to_leave_is_cured_earlier() -> None:
    """One BTC at 19 % of its liquidation: cured only where a minute trades 0.1."""

    def cured(volume: str) -> list[Decided]:
        core = Core()
        quote = LiquidityQuoted(
            at=START,
            symbol="BTC-USDT",
            half_spread=Decimal("0.0001"),
            sigma_1m=Decimal("0.0005"),
            volume_1m=Decimal(volume),
        )
        state = core.step(begun(core, past(0.0005)), (quote,)).state
        steps = run(core, state, (HOUR, "49000"), (HOUR + 400, "42000"))
        return [b for s in steps for b in bodies(s, Decided) if isinstance(b, Decided)]

    assert cured("100") == []
    (decided,) = cured("0.1")
    assert "as it cannot be left at once" in decided.reason
    assert decided.inputs["act"] == "0.2253"


def test_closes_go_on_from_the_marks() -> None:
    """Each full hour adds a close, under its hour."""
    core = Core()
    state = begun(core, past(0.0005, hours=300))
    steps = run(core, state, *((n * HOUR + 2, f"5000{n}") for n in range(1, 4)))
    closes = steps[-1].state.ahead.closes

    assert closes.hour == state.ahead.closes.hour + 3
    assert closes.prices[-3:, 0].tolist() == [50_001.0, 50_002.0, 50_003.0]
    assert len(closes.prices) == 303


def test_a_run_without_the_guard_is_not_forecast() -> None:
    """Nobody would act on it; the twin of a run costs no paths."""
    core = Core(is_guarding=False)
    steps = run(core, begun(core, past(0.01)), (1, "50000"))

    assert not outlooks(steps)


def test_a_change_of_holdings_asks_for_a_look() -> None:
    """Selling a tenth does, an hour of interest does not; five minutes later."""
    core = Core()
    state = run(core, begun(core, past(0.0005)), (1, "50000"))[-1].state
    for sold, looks in (("0.1", 1), ("0.001", 0)):
        balances = state.shadow.balances[MARGIN_CROSS]
        less = replace(balances["BTC"], total=balances["BTC"].total - Decimal(sold))
        after = replace(
            state.shadow,
            balances={
                **state.shadow.balances,
                MARGIN_CROSS: {**balances, "BTC": less},
            },
        )
        ahead = state.ahead.followed(state.shadow, after)
        changed = replace(state, shadow=after, ahead=ahead)

        assert len(outlooks(run(core, changed, (10, "50000"), (400, "50000")))) == looks
