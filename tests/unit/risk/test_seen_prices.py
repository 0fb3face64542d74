"""Index and last prices: they widen old marks, confirm jumps, price exits, no more."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given

from bot.domain.accounts import FUTURES, MARGIN_CROSS
from bot.domain.events import MarksTicked
from bot.domain.intents import PlaceOrder
from bot.domain.orders import Side
from bot.domain.prices import PricesSeen
from bot.risk.freshness import aged_measures, interval_of, spans_of
from bot.risk.jumps import after_moment
from bot.risk.lines import lines_of
from bot.risk.measure import measure_subjects
from bot.shadow.apply import apply
from bot.shadow.project import expected_price
from bot.shadow.state import Shadow
from tests.property.risk.drawn import decimals
from tests.unit.guard.bench import cross_long, position, shadow_of
from tests.unit.risk.test_jumps import calm
from tests.unit.venue.builders import opening

D = Decimal
SECOND = timedelta(seconds=1)


def aged(shadow: Shadow, seconds: int = 15) -> Shadow:
    """The same account so much later; nothing was heard."""
    return replace(shadow, at=shadow.at + seconds * SECOND)


def seeing(
    shadow: Shadow, *, index: str = "", last: str = "", pair: str = ""
) -> Shadow:
    """The account that has just seen prices of BTC."""
    lasts = {"XBTUSDTM": D(last)} if last else {}
    lasts |= {"BTC-USDT": D(pair)} if pair else {}
    told = PricesSeen(
        at=shadow.at,
        index_prices={"XBTUSDTM": D(index)} if index else {},
        last_prices=lasts,
    )
    return apply(shadow, told)


@pytest.mark.parametrize(
    "seen", [{"index": "40000"}, {"last": "40000"}, {"pair": "40000"}]
)
def test_an_old_mark_is_judged_at_a_worse_price_that_is_seen(
    seen: dict[str, str],
) -> None:
    """A fall of a fifth that the frozen mark does not show: 40,000 owed of 40,000."""
    shadow = aged(cross_long("1", "33000"))
    plain = aged_measures(shadow, measure_subjects(shadow), SECOND)
    wider = seeing(shadow, **seen)
    (found,) = aged_measures(wider, measure_subjects(wider), SECOND)

    assert plain[0].ratio is not None
    assert found.ratio is not None
    assert found.ratio >= D(33000) / D(40000) > plain[0].ratio
    assert found.aged is not None
    assert found.aged.ratio == D("0.66")


def test_a_fresh_mark_decides_alone() -> None:
    """Whatever index and last say, the ratio and what is judged are the mark's."""
    shadow = seeing(cross_long("1", "33000"), index="30000", last="30000", pair="30000")

    assert spans_of(shadow, lines_of(shadow)[0], SECOND) == {}
    (found,) = aged_measures(shadow, measure_subjects(shadow), SECOND)
    assert (found.ratio, found.aged) == (D("0.66"), None)


def test_a_price_that_is_old_itself_widens_nothing() -> None:
    """An index of the same age as the mark says nothing of now."""
    shadow = cross_long("1", "33000")
    old = aged(seeing(shadow, index="40000"))
    line = lines_of(old)[0]

    assert spans_of(old, line, SECOND) == spans_of(aged(shadow), line, SECOND)


@given(decimals("20000", "80000", 1), decimals("20000", "80000", 1))
def test_a_second_price_never_narrows_an_interval(
    index: Decimal, last: Decimal
) -> None:
    """Longs and shorts: the interval with it holds the interval without it."""
    account = opening(
        {"margin_cross": {"BTC": "1"}, "futures": {"USDT": "20000"}},
        debts={"margin_cross": {"USDT": "20000"}},
        positions=[position(-1000)],
    )
    shadow = aged(shadow_of(account))
    wider = seeing(shadow, index=str(index), last=str(last))
    for line, measure in zip(lines_of(shadow), measure_subjects(shadow), strict=True):
        without = interval_of(shadow, line, measure, SECOND)
        found = interval_of(wider, line, measure, SECOND)
        assert without is not None
        assert found is not None
        assert found.ratio_low <= without.ratio_low
        assert without.ratio_high <= found.ratio_high


@pytest.mark.parametrize(
    ("index", "is_waiting"), [("44500", False), ("49800", True), ("", True)]
)
def test_an_index_confirms_a_jump(index: str, is_waiting: bool) -> None:
    """A fall of 12 % that the index shares is a crash; else it waits."""
    start = calm()
    fall = MarksTicked(at=start.at + SECOND, margin_marks={"BTC": D(44000)})
    seen = PricesSeen(at=fall.at, index_prices={"XBTUSDTM": D(index)} if index else {})
    after = apply(apply(start, seen), fall)

    assert bool(after_moment({}, start, after, (seen, fall))) is is_waiting


def test_an_index_of_before_the_fall_says_nothing_and_a_later_one_does() -> None:
    """A jump that waits is confirmed by the index alone, without a further mark."""
    start = calm()
    start = apply(start, PricesSeen(at=start.at, index_prices={"XBTUSDTM": D(44000)}))
    before = replace(start, at=start.at + 10 * SECOND)
    before = apply(before, MarksTicked(at=before.at, margin_marks={"BTC": D(50000)}))
    fall = MarksTicked(at=before.at + SECOND, margin_marks={"BTC": D(44000)})
    fallen = apply(before, fall)
    waiting = after_moment({}, before, fallen, (fall,))
    seen = PricesSeen(at=fall.at + SECOND, index_prices={"XBTUSDTM": D(44100)})
    later = apply(fallen, seen)

    assert len(waiting) == 1
    assert after_moment(waiting, fallen, later, (seen,)) == {}


SELL = PlaceOrder(account=MARGIN_CROSS, symbol="BTC-USDT", side=Side.SELL, qty=D("0.1"))
CLOSE = PlaceOrder(
    account=FUTURES, symbol="XBTUSDTM", side=Side.BUY, qty=D(10), reduce_only=True
)


def test_an_exit_is_priced_at_the_last_trade_where_that_is_newer() -> None:
    """The mark is from before; what is traded now is what an exit gets."""
    account = opening(
        {"margin_cross": {"BTC": "1"}, "futures": {"USDT": "20000"}},
        positions=[position(-1000)],
    )
    shadow = shadow_of(account)
    later = seeing(aged(shadow, 1), last="51000", pair="48000")
    same = seeing(shadow, last="51000", pair="48000")

    assert expected_price(later, SELL) == D(48000) * D("0.999")
    assert expected_price(later, CLOSE) == D(51000) * D("1.001")
    assert expected_price(same, SELL) == expected_price(shadow, SELL)
    assert expected_price(same, CLOSE) == expected_price(shadow, CLOSE)


def test_an_exit_is_priced_within_the_band_of_the_exchange() -> None:
    """A last trade far from the mark is bounded: nothing is traded beyond the band."""
    shadow = seeing(aged(cross_long("1", "20000"), 1), pair="10000")

    assert expected_price(shadow, SELL) == D(50000) * D("0.9") * D("0.999")
