"""How long a hedge stood on one leg, by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, Balance
from bot.domain.events import Cause, PositionChanged, Posting, TradingHalted
from bot.domain.intents import Approved, PlaceOrder
from bot.domain.orders import Side
from bot.report.nakedness import NakedMeter
from bot.shadow.apply import register
from tests.unit.report.moments import Run, after, booked, position

_PAIR = {
    MARGIN_CROSS: {"BTC": Balance(total=Decimal(1))},
    FUTURES: {"USDT": Balance(total=Decimal(20_000))},
}


def _sold(run: Run, seconds: float, qty: str) -> None:
    posting = Posting(account=MARGIN_CROSS, coin="BTC", amount=-Decimal(qty))
    run.tell(booked(after(seconds), Cause.TRADE, posting))


def _short(run: Run, seconds: float, lots: int) -> None:
    changed = PositionChanged(
        at=after(seconds), position=position(lots), reason="trade"
    )
    run.tell(changed)


def _metered(run: Run) -> NakedMeter:
    meter = NakedMeter()
    run.watch(lambda _, step: meter.see(step.state.shadow))
    return meter


def test_an_uncovered_leg_is_timed_and_valued() -> None:
    """Half the short closed 7 s before half the coins: 7 s, 0.5 BTC, 30,000 USDT."""
    run = Run(_PAIR, position(-1000))
    meter = _metered(run)
    run.tick(1, "60000")
    _short(run, 10, -500)
    _sold(run, 17, "0.5")
    meter.close(run.state.shadow)

    assert meter.figures() == {
        "episodes": 1,
        "p99_s": 7.0,
        "max_s": 7.0,
        "max_usdt": "30000",
        "halted_s": 0.0,
        "halted_usdt": "0",
    }


def test_one_lot_apart_is_covered() -> None:
    """What cannot be traded away is not naked: the larger of a lot and 0.5 %."""
    run = Run(_PAIR, position(-1000))
    meter = _metered(run)
    run.tick(1, "60000")
    _short(run, 10, -995)
    _short(run, 20, -1000)
    meter.close(run.state.shadow)

    assert meter.figures()["max_s"] == 0.0


def test_a_lone_leg_is_no_hedge() -> None:
    """An account that never was a pair is never naked, however long it stands."""
    run = Run(_PAIR)
    meter = _metered(run)
    run.tick(1, "60000")
    _sold(run, 100, "0.5")
    meter.close(run.state.shadow)

    assert meter.figures()["max_usdt"] == "0"


def test_what_is_open_at_the_end_counts_to_the_end() -> None:
    """A run that ends on one leg says how long it stood there, at its dearest."""
    run = Run(_PAIR, position(-1000))
    meter = _metered(run)
    run.tick(1, "60000")
    _short(run, 10, 0)
    run.tick(40, "61000")
    meter.close(run.state.shadow)

    told = meter.figures()
    assert (told["max_s"], told["max_usdt"]) == (30.0, "61000")


def test_a_leg_that_is_sold_whole_ends_the_episode() -> None:
    """When nothing of the coin is left, the time on one leg is over at once."""
    run = Run(_PAIR, position(-1000))
    meter = _metered(run)
    run.tick(1, "60000")
    _short(run, 10, 0)
    _sold(run, 14, "1")
    run.tick(100, "60000")
    meter.close(run.state.shadow)

    assert meter.figures()["max_s"] == 4.0


@pytest.mark.parametrize(
    ("pairs", "lengths"), [(("BTC",), [6.0, 2.0, 6.0, 2.0]), ((), [2.0, 2.0])]
)
def test_a_coin_named_beforehand_is_a_pair_without_a_request(
    pairs: tuple[str, ...], lengths: list[float]
) -> None:
    """Books that know no requests: the 6 s from the first coin to the short count.

    With nobody named the coin alone is no pair, only what is left of one is; a coin
    that was named is followed again after it was sold whole.
    """
    run = Run({})
    meter = NakedMeter(pairs)
    run.watch(lambda _, step: meter.see(step.state.shadow))
    run.tick(1, "60000")
    for begin in (10, 50):
        _sold(run, begin, "-1")
        _short(run, begin + 6, -1000)
        _short(run, begin + 20, 0)
        _sold(run, begin + 22, "1")
    meter.close(run.state.shadow)

    assert [float(each) for each in meter.lasted] == lengths


def _asked(run: Run, owner: str) -> None:
    """A request that names BTC as a pair, of which nothing is filled yet."""
    order = PlaceOrder(
        account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.5")
    )
    approved = Approved(
        intent_id=f"{owner}-1", owner=owner, intent=order, reason="", pair="BTC"
    )
    state = run.step.state
    shadow = register(state.shadow, approved, state.shadow.at)
    run.step = replace(run.step, state=replace(state, shadow=shadow))


@pytest.mark.parametrize(("owner", "lasted"), [("carry", 4.0), ("guard", 0.0)])
def test_the_first_leg_of_a_pair_counts_from_its_fill(
    owner: str, lasted: float
) -> None:
    """A strategy's pair is one leg until the other is there; 1 BTC from before is not.

    What the guard trades in proportion is no new pair.
    """
    run = Run(_PAIR)
    meter = _metered(run)
    run.tick(1, "60000")
    _asked(run, owner)
    run.tick(2, "60000")
    _sold(run, 10, "-0.5")
    _short(run, 14, -500)
    meter.close(run.state.shadow)

    assert meter.figures()["max_s"] == lasted
    assert meter.figures()["max_usdt"] == ("30000" if lasted else "0")


def test_time_in_which_nobody_can_trade_is_kept_apart() -> None:
    """3 s before the contract halts and 2 s after; 15 s and 500 USDT in between."""
    run = Run(_PAIR, position(-1000))
    meter = _metered(run)
    run.tick(1, "60000")
    _short(run, 10, -500)
    run.tell(_halted(13, is_halted=True))
    run.tick(20, "61000")
    run.tell(_halted(28, is_halted=False))
    _sold(run, 30, "0.5")
    meter.close(run.state.shadow)

    told = meter.figures()
    assert (told["max_s"], told["halted_s"]) == (5.0, 15.0)
    assert told["halted_usdt"] == "500"


def _halted(seconds: float, *, is_halted: bool) -> TradingHalted:
    return TradingHalted(
        at=after(seconds), symbol="XBTUSDTM", is_halted=is_halted, reason=""
    )
