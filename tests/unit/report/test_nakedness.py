"""How long a hedge stood on one leg, by hand."""

from decimal import Decimal

from bot.domain.accounts import FUTURES, MARGIN_CROSS, Balance
from bot.domain.events import Cause, PositionChanged, Posting
from bot.report.nakedness import NakedMeter
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

    assert meter.figures() == {"p99_s": 7.0, "max_s": 7.0, "max_usdt": "30000"}


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

    assert meter.figures() == {"p99_s": 30.0, "max_s": 30.0, "max_usdt": "61000"}


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
