"""Cursors forget what cannot be met again; residues wait, settle and are taken back."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.accounts import FUTURES, MAIN, SPOT
from bot.domain.errors import UsageError
from bot.domain.events import Bucket, Cause
from connectors.kucoin.cursors import KEPT, SEEN_LIMIT, Cursors
from connectors.kucoin.residues import Number, Residues
from tests.unit.kucoin.listed_account import D

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
USDT = Number(SPOT, "USDT", Bucket.BALANCE)
WALLET = Number(FUTURES, "USDT", Bucket.BALANCE)


def test_cursors_survive_as_texts() -> None:
    """What is written is read again, whatever is in an id."""
    cursors = Cursors(
        floor=AT,
        seen={"interest:margin_cross:USDT:1:0.5": AT + SECOND, "spot:1": AT},
        clean={SPOT: AT, MAIN: AT + 2 * SECOND},
    )

    assert Cursors.from_texts(cursors.as_texts()) == cursors


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        ({}, "floor"),
        ({"floor": "yesterday"}, "UTC time"),
        ({"floor": "2026-03-01T12:00:00"}, "UTC time"),
        ({"floor": AT.isoformat(), "sown a": AT.isoformat()}, "sown"),
    ],
)
def test_broken_texts_are_refused(texts: dict[str, str], word: str) -> None:
    """A cursor that cannot be read is an error, never a fresh start."""
    with pytest.raises(UsageError, match=word):
        Cursors.from_texts(texts)


def test_ids_are_kept_while_a_look_may_meet_them() -> None:
    """Six hours before the account that balanced longest ago."""
    cursors = Cursors(floor=AT - 9 * KEPT, seen={"spot:old": AT - KEPT - SECOND})
    cursors = cursors.with_seen({"spot:new": AT - KEPT + SECOND})

    kept = cursors.with_clean([SPOT, MAIN], AT)

    assert set(kept.seen) == {"spot:new"}
    assert kept.floor == AT - KEPT
    assert kept.start([SPOT], 2 * KEPT) == kept.floor


def test_too_many_ids_raise_the_floor_over_those_forgotten() -> None:
    """A row whose id is forgotten is never read again."""
    rows = {f"spot:{count}": AT + count * SECOND for count in range(SEEN_LIMIT + 2)}
    cursors = Cursors(floor=AT, seen=rows, clean={SPOT: AT})

    kept = cursors.pruned()

    assert 0 < len(kept.seen) <= SEEN_LIMIT
    assert all(at >= kept.floor for at in kept.seen.values())
    forgotten = rows.keys() - kept.seen.keys()
    assert all(rows[name] < kept.floor for name in forgotten)


def test_only_what_persists_is_booked() -> None:
    """Of five that became eight, five have persisted; three wait anew."""
    residues = Residues()

    assert residues.settle(USDT, D(5), AT) == []
    assert residues.settle(USDT, D(8), AT + 5 * SECOND) == []
    assert residues.settle(USDT, D(8), AT + 10 * SECOND) == [(Cause.ADJUSTMENT, D(5))]
    assert residues.sentences() == ("spot owns 3 USDT more than its rows explain",)
    assert not residues.is_clean(SPOT)


def test_a_residue_that_turns_waits_anew() -> None:
    """The other sign is another thing."""
    residues = Residues()
    residues.settle(USDT, D(5), AT)

    assert residues.settle(USDT, D(-5), AT + 20 * SECOND) == []
    assert residues.settle(USDT, D(0), AT + 40 * SECOND) == []
    assert residues.is_clean(SPOT)


def test_late_rows_take_an_adjustment_back_piece_by_piece() -> None:
    """Eight were booked; rows of five and of three explain them."""
    residues = Residues()
    residues.settle(USDT, D(8), AT)
    residues.settle(USDT, D(8), AT + 10 * SECOND)

    assert residues.is_unsettled(SPOT)
    assert residues.to_explain(SPOT) == {"USDT"}
    assert residues.settle(USDT, D(-5), AT + 11 * SECOND) == [(Cause.ADJUSTMENT, D(-5))]
    assert residues.settle(USDT, D(-3), AT + 12 * SECOND) == [(Cause.ADJUSTMENT, D(-3))]
    assert not residues.is_unsettled(SPOT)


def test_more_than_was_assumed_is_something_else() -> None:
    """A residue larger than the adjustment is not its late row."""
    residues = Residues()
    residues.settle(USDT, D(8), AT)
    residues.settle(USDT, D(8), AT + 10 * SECOND)

    assert residues.settle(USDT, D(-100), AT + 11 * SECOND) == []


def test_dust_of_a_wallet_is_booked_only_when_it_stands_still() -> None:
    """Less than a ledger's quantum jitters with the mark; nobody is told of it."""
    residues = Residues()
    for count in range(5):
        assert (
            residues.settle(WALLET, D(f"{count + 1}E-10"), AT + 9 * count * SECOND)
            == []
        )
    assert residues.is_clean(FUTURES)
    assert residues.sentences() == ()

    later = AT + 60 * SECOND
    residues.settle(WALLET, D("7E-10"), later)
    assert residues.settle(WALLET, D("7E-10"), later + 10 * SECOND) == [
        (Cause.ADJUSTMENT, D("7E-10"))
    ]
