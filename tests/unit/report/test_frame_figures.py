"""How numbers and foreign text are written for people, and what a frame derives."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.report import figures
from bot.report.frame import (
    GuardState,
    GuardView,
    Reach,
    Tone,
    banner_of,
)
from bot.risk.bands import Band, band_of
from tests.unit.report.sample_report import sample_frame

MINUS = "\u2212"
numbers = st.decimals(allow_nan=True, allow_infinity=True)
WRITERS = (
    figures.usdt,
    figures.percent,
    figures.ratio,
    figures.distance,
    figures.move,
    figures.price,
    figures.amount,
)


def spaced(text: str) -> str:
    return text.replace(figures.NBSP, " ")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "unknown"),
        (Decimal("NaN"), "unknown"),
        (Decimal(0), "0.00"),
        (Decimal("-0.00"), "0.00"),
        (Decimal("1234567.891"), "1,234,567.89"),
        (Decimal("-0.004"), f"{MINUS}0.0040"),
        (Decimal("0.000000001"), "0.00000000"),
        (Decimal("1e30"), "1.00e+30"),
        (Decimal("Infinity"), "∞"),
        (Decimal("-Infinity"), f"{MINUS}∞"),
    ],
)
def test_money_examples(value: Decimal | None, expected: str) -> None:
    """Money has two decimals, more below a cent, and unknown is a word."""
    assert figures.usdt(value) == expected


@given(number=numbers)
def test_every_writer_takes_every_number(number: Decimal) -> None:
    """No number, however large, small or strange, makes a writer fail."""
    for write in WRITERS:
        assert write(number)


@pytest.mark.parametrize("write", WRITERS)
def test_unknown_is_never_written_as_a_number(write: object) -> None:
    """Every writer prints the word for None and for NaN."""
    assert callable(write)
    assert write(None) == "unknown"
    assert write(Decimal("NaN")) == "unknown"


@given(value=st.decimals(min_value=0, max_value=10, places=9))
def test_a_ratio_is_rounded_up_and_a_distance_down(value: Decimal) -> None:
    """What is printed is never safer than what is."""
    shown = Decimal(figures.ratio(value).split(figures.NBSP)[0].replace(",", ""))
    near = Decimal(figures.distance(value).split(figures.NBSP)[0].replace(",", ""))

    assert shown >= value * 100
    assert near <= value * 100


@given(text=st.text())
def test_clean_text_has_no_steering_character(text: str) -> None:
    """No cleaned text can move a cursor, turn the direction or fail to encode."""
    cleaned = figures.clean(text)

    assert cleaned.encode("utf-8")[:0] == b""
    assert len(cleaned) == len(text)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in cleaned)
    assert not set(cleaned) & {"\u202e", "\u2028", "\u200d", "\ufeff"}


def test_a_price_keeps_six_digits() -> None:
    """A price of any size can be told from its neighbour."""
    assert figures.price(Decimal("0.00001234567")) == "0.0000123457"
    assert figures.price(Decimal("104211.4")) == "104,211.40"
    assert figures.price(Decimal(0)) == "0.00"


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (None, "unknown"),
        (timedelta(seconds=42), "42 s"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(0), "due"),
    ],
)
def test_durations(span: timedelta | None, expected: str) -> None:
    """A length of time is told in its two largest units."""
    assert spaced(figures.duration(span)) == expected


def test_a_moment_is_told_in_utc() -> None:
    """A time of another zone is converted, never printed as it stands."""
    there = datetime(2025, 10, 11, 1, 30, tzinfo=timezone(timedelta(hours=8)))

    assert figures.moment(there) == "2025-10-10 17:30:00"
    assert figures.moment(datetime(2025, 1, 1, tzinfo=UTC), date=False) == "00:00:00"
    assert figures.moment(None) == "unknown"


@pytest.mark.parametrize(
    ("ratio", "band"),
    [
        (None, Band.UNKNOWN),
        (Decimal("NaN"), Band.UNKNOWN),
        (Decimal(0), Band.LOW),
        (Decimal("0.60"), Band.LOW),
        (Decimal("0.6000001"), Band.MEDIUM),
        (Decimal("0.90"), Band.MEDIUM),
        (Decimal("0.9000001"), Band.HIGH),
        (Decimal("Infinity"), Band.HIGH),
    ],
)
def test_bands(ratio: Decimal | None, band: Band) -> None:
    """The bands end at 60 and 90 %, and unknown is never low."""
    assert band_of(ratio) is band


def test_tones_have_signs_of_their_own() -> None:
    """Nobody has to see a colour to tell the tones apart."""
    assert len({tone.sign for tone in Tone}) == len(Tone)


def test_only_a_watching_guard_is_calm() -> None:
    """A guard that is off, latched or unknown never looks like one that watches."""
    calm = {state for state in GuardState if state.tone is Tone.CALM}

    assert calm == {GuardState.WATCHING}
    assert GuardView().state is GuardState.UNKNOWN


def test_an_unknown_world_is_drawn_as_real_money() -> None:
    """A world that is not in the table looks as serious as the live one."""
    assert banner_of("sandbox").tone is banner_of("live").tone is Tone.DANGER
    assert banner_of("").word == "UNKNOWN"


def test_nearest_move() -> None:
    """The nearest of two moves counts; unknown distances give none."""
    level = Decimal(1)
    down, up = Decimal("-0.1"), Decimal("0.3")

    assert Reach(level=level, down=down, up=up).nearest == down
    assert Reach(level=level).nearest is None
    assert Reach(level=level, down=down, is_known=False).nearest is None


def test_a_frame_derives_change_and_countdown() -> None:
    """Change and countdown follow from the fields, and are unknown with them."""
    frame = sample_frame()

    assert frame.equity_change == Decimal("-8665.49")
    assert frame.settlement_in == timedelta(hours=1)
