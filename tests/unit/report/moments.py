"""A small account, its market, and a run that is told one moment at a time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    AccountId,
    AccountSnapshot,
    Balance,
    Position,
    PositionKey,
)
from bot.domain.events import (
    Cause,
    Event,
    Filled,
    LedgerBooked,
    MarksTicked,
    Posting,
    RulesRead,
    SnapshotTaken,
)
from bot.domain.instruments import (
    Lots,
    MarginCoinRules,
    Rules,
    SpotRules,
)
from bot.domain.orders import Side
from bot.engine.core import Core, State, Step
from bot.engine.loop import Observer
from bot.risk.examples import XBTUSDTM
from bot.shadow.state import empty_shadow

__all__ = [
    "AT",
    "INVERSE",
    "LONG",
    "RULES",
    "SHORT",
    "Run",
    "after",
    "booked",
    "filled",
    "money",
    "position",
]

AT: Final = datetime(2025, 10, 10, 21, tzinfo=UTC)

INVERSE: Final = replace(
    XBTUSDTM,
    symbol="XBTUSDM",
    quote="USD",
    settle="BTC",
    is_inverse=True,
    multiplier=Decimal(1),
)
"""One US dollar a lot, settled in BTC; the curves are not those of the exchange."""

_BTC_USDT: Final = SpotRules(
    symbol="BTC-USDT",
    base="BTC",
    quote="USDT",
    base_increment=Decimal("0.00001"),
    quote_increment=Decimal("0.01"),
    price_increment=Decimal("0.1"),
    base_min=Decimal("0.00001"),
    base_max=Decimal(10_000),
    min_funds=Decimal("0.1"),
    price_limit_rate=Decimal("0.05"),
    fee_class=1,
)

RULES: Final = Rules(
    spot={"BTC-USDT": _BTC_USDT},
    contracts={"XBTUSDTM": XBTUSDTM, "XBTUSDM": INVERSE},
    margin_coins={
        coin: MarginCoinRules(coin=coin, coefficient=Decimal(1))
        for coin in ("BTC", "USDT")
    },
    spot_fee_rates={"BTC-USDT": (Decimal("0.001"), Decimal("0.001"))},
)

Balances = Mapping[AccountId, Mapping[str, Balance]]

LONG: Final[Balances] = {
    MAIN: {"USDT": Balance(total=Decimal(2000))},
    MARGIN_CROSS: {
        "BTC": Balance(total=Decimal(1)),
        "USDT": Balance(principal=Decimal(40_000)),
    },
}
"""One BTC, 40,000 USDT owed, and 2,000 USDT in reserve."""

SHORT: Final[Balances] = {FUTURES: {"USDT": Balance(total=Decimal(20_000))}}
"""A wallet that carries the short of ``position``."""


def money(text: str) -> Decimal:
    """A number from text."""
    return Decimal(text)


def after(seconds: float) -> datetime:
    """A time in the run."""
    return AT + timedelta(seconds=seconds)


def position(lots: int, entry: str = "60000") -> Position:
    """A position in XBTUSDTM."""
    return Position(
        symbol="XBTUSDTM",
        lots=Lots(lots),
        entry_value=XBTUSDTM.value(Decimal(lots), Decimal(entry)),
    )


def booked(at: datetime, cause: Cause, *postings: Posting) -> LedgerBooked:
    """Money that moved; the id follows from the time and the cause."""
    return LedgerBooked(
        at=at, entry_id=f"{at.isoformat()}-{cause}", cause=cause, postings=postings
    )


def filled(at: datetime, side: Side, qty: str, price: str, **more: Any) -> Filled:
    """A fill of BTC-USDT in cross margin against a reference of 60,000."""
    fill = Filled(
        at=at,
        trade_id=f"t-{at.isoformat()}-{price}",
        order_id="o-1",
        intent_id=None,
        account=MARGIN_CROSS,
        symbol="BTC-USDT",
        side=side,
        qty=Decimal(qty),
        price=Decimal(price),
        reference_price=Decimal(60_000),
        fee=Decimal(0),
        fee_coin="USDT",
        is_maker=False,
    )
    return replace(fill, **more)


class Run:
    """An engine's core that is told moments, with observers that watch it."""

    def __init__(
        self,
        balances: Balances,
        *positions: Position,
        is_guarded: bool = True,
    ) -> None:
        self._core = Core(is_guarding=is_guarded, sample_every=timedelta(seconds=1))
        self._watchers: list[Observer] = []
        snapshot = AccountSnapshot(
            balances=balances,
            positions={PositionKey(each.symbol): each for each in positions},
        )
        state = State(shadow=empty_shadow(RULES))
        opening = (
            RulesRead(at=AT, rules=RULES),
            SnapshotTaken(at=AT, snapshot=snapshot),
        )
        self.step: Step = self._core.step(state, opening)

    @property
    def state(self) -> State:
        """The state after the last moment."""
        return self.step.state

    def watch(self, *watchers: Observer) -> None:
        """Show every further moment to these."""
        self._watchers += watchers

    def tell(self, *moment: Event) -> Step:
        """One moment; its step is shown to the observers and returned."""
        self.step = self._core.step(self.state, moment)
        for watch in self._watchers:
            watch(moment, self.step)
        return self.step

    def tick(self, seconds: float, price: str) -> Step:
        """A new mark of BTC everywhere."""
        mark = Decimal(price)
        marks = {"XBTUSDTM": mark, "XBTUSDM": mark}
        return self.tell(
            MarksTicked(
                at=after(seconds), margin_marks={"BTC": mark}, futures_marks=marks
            )
        )
