"""A short run as entries: what the tests of the journal read back."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, AccountId, Position
from bot.domain.entries import (
    Decided,
    Entry,
    EntryBody,
    Noted,
    RunEnded,
    RunStarted,
    Sampled,
)
from bot.domain.events import (
    Bucket,
    Cause,
    Filled,
    IntentSettled,
    LedgerBooked,
    OrderChanged,
    PositionChanged,
    Posting,
)
from bot.domain.instruments import Lots
from bot.domain.intents import Approved, PlaceOrder, Refused, Repay
from bot.domain.orders import OrderState, Outcome, Side
from storage.journal import SqliteJournal

__all__ = ["HEADER", "START", "STORY", "at", "ledger", "write"]

START = datetime(2025, 10, 10, 21, tzinfo=UTC)
HEADER = RunStarted(
    name="crash",
    world="replay",
    epoch=1,
    identity={"market": "m1", "account": "a1", "config": "c1", "seed": "7"},
)


def at(second: int) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=second)


def ledger(second: int, cause: Cause, *postings: Posting, **rest: str) -> LedgerBooked:
    """One ledger line."""
    return LedgerBooked(
        at=at(second),
        entry_id=f"L{second}-{cause.value}",
        cause=cause,
        postings=postings,
        intent_id=rest.get("intent_id"),
        symbol=rest.get("symbol"),
        rate=Decimal(rest["rate"]) if "rate" in rest else None,
    )


def _post(
    account: AccountId, coin: str, amount: str, bucket: Bucket = Bucket.BALANCE
) -> Posting:
    return Posting(account=account, coin=coin, amount=Decimal(amount), bucket=bucket)


_SELL = PlaceOrder(
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.SELL,
    qty=Decimal("0.1"),
    is_reduction=True,
)
_ORDER = OrderChanged(
    at=at(5),
    order_id="O1",
    intent_id="I1",
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.SELL,
    state=OrderState.OPEN,
    qty=Decimal("0.1"),
    filled_qty=Decimal(0),
)
_FILLED = OrderChanged(
    at=at(6),
    order_id="O1",
    intent_id="I1",
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.SELL,
    state=OrderState.FILLED,
    qty=Decimal("0.1"),
    filled_qty=Decimal("0.1"),
)
_TRADE = Filled(
    at=at(6),
    trade_id="T1",
    order_id="O1",
    intent_id="I1",
    account=MARGIN_CROSS,
    symbol="BTC-USDT",
    side=Side.SELL,
    qty=Decimal("0.1"),
    price=Decimal(100_000),
    reference_price=Decimal(100_010),
    fee=Decimal(10),
    fee_coin="USDT",
    is_maker=False,
)
_DECISION = Decided(
    decision_id="D1",
    owner="guard",
    subject="margin_cross",
    verdict="reduce",
    reason="distance under the act threshold",
    inputs={"distance": "0.14", "act_distance": "0.15", "BTC": "100010"},
    alternatives=("transfer in: the reserve is empty", "repay: nothing is idle"),
)
_SHORT = Position(symbol="XBTUSDTM", lots=Lots(-150), entry_value=Decimal(-15_000))

_LOG: tuple[tuple[int, EntryBody], ...] = (
    (0, HEADER),
    (
        0,
        ledger(
            0,
            Cause.OPENING,
            _post(MARGIN_CROSS, "BTC", "0.5"),
            _post(MARGIN_CROSS, "USDT", "20000", Bucket.PRINCIPAL),
            _post(FUTURES, "USDT", "5000"),
            _post(MAIN, "USDT", "100"),
        ),
    ),
    (
        1,
        ledger(
            1,
            Cause.BORROW,
            _post(MARGIN_CROSS, "USDT", "1000"),
            _post(MARGIN_CROSS, "USDT", "1000", Bucket.PRINCIPAL),
        ),
    ),
    (1, PositionChanged(at=at(1), position=_SHORT, reason="trade")),
    (
        2,
        ledger(
            2,
            Cause.INTEREST,
            _post(MARGIN_CROSS, "USDT", "0.26484019", Bucket.INTEREST),
            rate="0.00001257",
        ),
    ),
    (
        3,
        ledger(
            3,
            Cause.FUNDING,
            _post(FUTURES, "USDT", "1.5"),
            symbol="XBTUSDTM",
            rate="0.0001",
        ),
    ),
    (
        4,
        Sampled(
            equity_usdt=Decimal("34000.5"),
            debt_ratios={"margin_cross": Decimal("0.42")},
            marks={"BTC": Decimal(100_010)},
        ),
    ),
    (4, _DECISION),
    (
        4,
        Refused(
            owner="guard",
            intent=Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5)),
            reason="below the smallest repayment",
        ),
    ),
    (
        5,
        Approved(
            intent_id="I1",
            owner="guard",
            intent=_SELL,
            reason="halve the debt",
            measured={"distance_after": "0.25"},
        ),
    ),
    (
        5,
        IntentSettled(
            at=at(5), intent_id="I1", outcome=Outcome.IN_DOUBT, reason="time-out"
        ),
    ),
    (5, _ORDER),
    (
        6,
        IntentSettled(at=at(6), intent_id="I1", outcome=Outcome.DONE, order_id="O1"),
    ),
    (6, _TRADE),
    (
        6,
        ledger(
            6,
            Cause.TRADE,
            _post(MARGIN_CROSS, "BTC", "-0.1"),
            _post(MARGIN_CROSS, "USDT", "10000"),
            intent_id="I1",
            symbol="BTC-USDT",
        ),
    ),
    (
        6,
        ledger(6, Cause.FEE, _post(MARGIN_CROSS, "USDT", "-10"), intent_id="I1"),
    ),
    (6, _FILLED),
    (
        7,
        Approved(
            intent_id="I2",
            owner="repay",
            intent=Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(10_000)),
            reason="=idle balance",
        ),
    ),
    (
        8,
        Sampled(
            equity_usdt=None,
            debt_ratios={"margin_cross": Decimal("0.27")},
            marks={"BTC": Decimal(100_000)},
        ),
    ),
    (9, Noted(topic="drift", text="none")),
)

STORY: tuple[Entry, ...] = tuple(
    Entry(at=at(second), body=body) for second, body in _LOG
)
"""A guard sells, the outcome is in doubt and then done; a repayment is open."""


def write(path: Path, entries: Sequence[Entry], *, is_ended: bool = False) -> Path:
    """Write a journal and close it."""
    ending = Entry(at=at(10), body=RunEnded(reason="end of the market", summary="{}"))
    with SqliteJournal.create(path) as journal:
        journal.append(entries)
        if is_ended:
            journal.append([ending])
    return path
