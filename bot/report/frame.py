"""What a person is shown at one moment: plain values, ready to be drawn.

The engine's state is turned into a ``Frame`` by the composition root; the
terminal, and later the web page, only draw it. Ratios and rates are fractions,
amounts are ``Decimal`` in the unit that the field names, times are UTC. ``None``
means unknown and is drawn as the word, never as zero. This module must not
compute risk, read a clock, or do any input or output.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bot.domain.accounts import MarginMode
from bot.domain.events import AccountStatus
from bot.report.figures import difference
from bot.risk.bands import Band, band_of

__all__ = [
    "BAND_TONES",
    "RATIO_LIQUIDATION",
    "RATIO_WARNING",
    "Banner",
    "EventLine",
    "Frame",
    "FuturesGauge",
    "GuardState",
    "GuardView",
    "LoanLine",
    "MarginGauge",
    "PositionLine",
    "PriceLine",
    "Reach",
    "Series",
    "Settlement",
    "Tone",
    "Twin",
    "banner_of",
]

Series = tuple[tuple[datetime, Decimal | None], ...]
"""A curve: times in order, None where the number was unknown at that time."""

RATIO_WARNING: Final = Decimal("0.95")
"""KuCoin warns here; at the same risk rate it cancels futures orders."""

RATIO_LIQUIDATION: Final = Decimal("0.97")
"""KuCoin takes a cross-margin account over here."""


class Tone(StrEnum):
    """How urgent something is; each tone has a sign of its own beside its colour."""

    CALM = "calm"
    CAUTION = "caution"
    DANGER = "danger"
    NEUTRAL = "neutral"
    """Neither good nor bad, or not known."""

    @property
    def sign(self) -> str:
        """Its sign, for those who do not see the colour."""
        return _SIGNS[self]


_SIGNS: Final = {
    Tone.CALM: "\u25cf",
    Tone.CAUTION: "\u25b2",
    Tone.DANGER: "\u25a0",
    Tone.NEUTRAL: "\u00b7",
}


BAND_TONES: Final[Mapping[Band, Tone]] = {
    Band.LOW: Tone.CALM,
    Band.MEDIUM: Tone.CAUTION,
    Band.HIGH: Tone.DANGER,
    Band.UNKNOWN: Tone.NEUTRAL,
}
"""The tone in which a ratio of each band is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """Which world this is, in one word and one sentence, always on the screen."""

    word: str
    sentence: str
    tone: Tone


_BANNERS: Final = {
    "paper": Banner(
        word="PAPER",
        sentence="simulated money, no real orders",
        tone=Tone.CALM,
    ),
    "replay": Banner(
        word="REPLAY",
        sentence="recorded market, simulated money, no real orders",
        tone=Tone.CALM,
    ),
    "simulated": Banner(
        word="SIMULATED",
        sentence="made-up market, simulated money, no real orders",
        tone=Tone.CALM,
    ),
    "live": Banner(word="LIVE", sentence="real money, real orders", tone=Tone.DANGER),
}


def banner_of(world: str) -> Banner:
    """The banner of a world; a world that is not known is drawn as if it were live.

    Example:
        >>> banner_of("paper").word
        'PAPER'
        >>> banner_of("moon").tone
        <Tone.DANGER: 'danger'>
    """
    known = _BANNERS.get(world.lower())
    if known is not None:
        return known
    return Banner(
        word=world.upper() or "UNKNOWN",
        sentence="world not known: assume real money",
        tone=Tone.DANGER,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far the market has to move until a ratio reaches a level.

    ``down`` is the nearest uniform fall (negative or zero), ``up`` the nearest
    rise (positive or zero), both fractions. None there means that no such move
    reaches the level, which is known; ``is_known`` false means that the distance
    could not be computed, and then neither number counts.
    """

    level: Decimal
    down: Decimal | None = None
    up: Decimal | None = None
    is_known: bool = True

    @property
    def nearest(self) -> Decimal | None:
        """The smaller of the two moves, signed; a tie is told as the fall.

        Example:
            >>> Reach(level=Decimal("0.97"), down=Decimal("-0.2"),
            ...       up=Decimal("0.1")).nearest
            Decimal('0.1')
        """
        if not self.is_known:
            return None
        moves = [move for move in (self.down, self.up) if move is not None]
        return min(moves, key=abs, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginGauge:
    """One margin account: its debt ratio and what is owed, coin by coin."""

    name: str
    debt_ratio: Decimal | None
    reaches: tuple[Reach, ...] = ()
    debts: tuple[tuple[str, Decimal | None], ...] = ()
    """Coin to liability, in coins."""
    status: AccountStatus = AccountStatus.NORMAL

    @property
    def band(self) -> Band:
        """KuCoin's risk band of the debt ratio."""
        return band_of(self.debt_ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesGauge:
    """The cross futures of one settle currency; risk rate 1 is liquidation.

    ``name`` is set where it is something else, such as one isolated position.
    """

    settle: str
    risk_rate: Decimal | None
    tmmr: Decimal | None = None
    reaches: tuple[Reach, ...] = ()
    status: AccountStatus = AccountStatus.NORMAL
    name: str = ""

    @property
    def title(self) -> str:
        """What it is called on the screen."""
        return self.name or f"futures {self.settle}"

    @property
    def band(self) -> Band:
        """The risk rate in the same three bands."""
        return band_of(self.risk_rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """One futures position. Prices in the quote currency, ``lots`` signed.

    ``funding_rate`` is the rate of the coming settlement: positive, longs pay.
    """

    symbol: str
    lots: int
    notional_usdt: Decimal | None
    entry: Decimal | None
    mark: Decimal | None
    upnl_usdt: Decimal | None
    mode: MarginMode = MarginMode.CROSS
    leverage: Decimal | None = None
    funding_rate: Decimal | None = None
    funding_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanLine:
    """One loan, in coins; ``annual_rate`` is what it costs a year, a fraction."""

    account: str
    coin: str
    principal: Decimal | None
    interest: Decimal | None
    annual_rate: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLine:
    """A mark price in USDT and its change since the start, a fraction."""

    coin: str
    mark: Decimal | None
    change: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The next funding settlement; ``amount_usdt`` positive when we receive it."""

    symbol: str
    at: datetime
    rate: Decimal | None
    amount_usdt: Decimal | None = None


class GuardState(StrEnum):
    """What the guard is doing."""

    WATCHING = "watching"
    ACTING = "acting"
    COOLING = "cooling"
    """It acted and waits until the effect is proven."""
    LATCHED = "latched"
    """It stopped itself and wants a person."""
    OFF = "off"
    UNKNOWN = "unknown"

    @property
    def tone(self) -> Tone:
        """The tone in which the state is drawn; only watching is calm."""
        return _GUARD_TONES[self]


_GUARD_TONES: Final = {
    GuardState.WATCHING: Tone.CALM,
    GuardState.ACTING: Tone.CAUTION,
    GuardState.COOLING: Tone.CAUTION,
    GuardState.LATCHED: Tone.DANGER,
    GuardState.OFF: Tone.DANGER,
    GuardState.UNKNOWN: Tone.NEUTRAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardView:
    """What the guard does now, and what it will do next and when.

    ``next_action`` is a sentence ("sell 0.12 BTC and repay"); ``trigger`` is the
    uniform move from here that sets it off, a signed fraction, None for unknown;
    ``trigger_note`` says it in words; ``resting`` what would act if the bot were dead.
    """

    state: GuardState = GuardState.UNKNOWN
    next_action: str | None = None
    trigger: Decimal | None = None
    trigger_note: str = ""
    actions: int | None = None
    resting: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """Something that happened, as a sentence."""

    at: datetime
    text: str
    tone: Tone = Tone.NEUTRAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """The same account on the same market at the same time, without the guard."""

    equity_usdt: Decimal | None
    debt_ratio: Decimal | None = None
    risk_rate: Decimal | None = None
    liquidations: int | None = None
    equity_series: Series = ()
    ratio_series: Series = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything that the live view shows at one moment.

    ``world`` is one of paper, replay, simulated, live. ``progress`` is a
    fraction, None where the run has no end. ``speed`` is market seconds for each
    second of the clock. ``ratio_series`` is the ratio that matters most to this
    account, named by ``ratio_name``. ``notices`` are warnings that stay until
    they are cured, such as an input that is stale.
    """

    at: datetime
    title: str
    world: str
    equity_usdt: Decimal | None
    equity_start_usdt: Decimal | None
    guard: GuardView
    progress: Decimal | None = None
    speed: Decimal | None = None
    margins: tuple[MarginGauge, ...] = ()
    futures: tuple[FuturesGauge, ...] = ()
    prices: tuple[PriceLine, ...] = ()
    positions: tuple[PositionLine, ...] = ()
    loans: tuple[LoanLine, ...] = ()
    settlement: Settlement | None = None
    events: tuple[EventLine, ...] = ()
    """Oldest first; the view takes as many from the end as it has room for."""
    notices: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    twin: Twin | None = None
    equity_series: Series = ()
    ratio_series: Series = ()
    ratio_name: str = "debt ratio"

    @property
    def settlement_in(self) -> timedelta | None:
        """Time left until the next settlement, None when none is known."""
        return None if self.settlement is None else self.settlement.at - self.at

    @property
    def equity_change(self) -> Decimal | None:
        """Equity less the equity at the start, USDT; None when either is unknown."""
        return difference(self.equity_usdt, self.equity_start_usdt)
