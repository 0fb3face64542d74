"""The numbers that the guard and admission are held to.

Distances are positive fractions: 0.15 means that a uniform adverse move of 15 %
liquidates the account. Everything here is a setting of ``gnomon.toml``; this
module computes only which threshold applies to which account.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from math import ceil
from typing import Final

from bot.domain.announced import Delisting
from bot.domain.money import ZERO
from bot.risk.aged import MISSED_UPDATES, Staleness
from bot.risk.blackout import Blackout
from bot.risk.distance import PEGGED_COINS
from bot.risk.stress_set import MAJORS

__all__ = [
    "GuardLimits",
    "Opening",
    "ParityLimits",
    "RiskLimits",
    "Thresholds",
    "thresholds_for",
]

_ALT_SHARE: Final = Decimal("0.333")
"""From this share of other coins on, an account is held to their distances."""
_A_DAY_H: Final = 24
_BACKSTOP_SHARE: Final = Decimal("0.875")
"""Of the liquidation ratio, where that is lower than the backstop itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityLimits:
    """How far the exchange's ratio may be from ours, as ratios and shares of it.

    Beyond the first limit no new risk is taken, beyond the second only reductions
    are sent. A risk rate is held to the larger of an amount and a share.
    """

    debt_ratio_first: Decimal = Decimal("0.002")
    debt_ratio_second: Decimal = Decimal("0.01")
    risk_rate_first: Decimal = Decimal("0.002")
    risk_rate_first_share: Decimal = Decimal("0.03")
    risk_rate_second: Decimal = Decimal("0.01")
    risk_rate_second_share: Decimal = Decimal("0.10")
    window: timedelta = timedelta(seconds=10)
    """How old the marks behind a report of the exchange may be."""

    def allowed(
        self, stated: Decimal, *, is_risk_rate: bool
    ) -> tuple[Decimal, Decimal]:
        """The first and the second limit of an error, beside this stated ratio.

        Example:
            >>> ParityLimits().allowed(Decimal("0.5"), is_risk_rate=True)
            (Decimal('0.015'), Decimal('0.050'))
        """
        if not is_risk_rate:
            return self.debt_ratio_first, self.debt_ratio_second
        if not stated.is_finite():
            return self.risk_rate_first, self.risk_rate_second
        return (
            max(self.risk_rate_first, stated * self.risk_rate_first_share),
            max(self.risk_rate_second, stated * self.risk_rate_second_share),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """When the guard acts, how far it goes, and how often."""

    act_distance: Decimal = Decimal("0.15")
    act_distance_alt: Decimal = Decimal("0.20")
    target_distance: Decimal = Decimal("0.25")
    target_distance_alt: Decimal = Decimal("0.33")
    backstop_debt_ratio: Decimal = Decimal("0.85")
    backstop_risk_rate: Decimal = Decimal("0.33")
    max_liquidation_probability: Decimal = Decimal("0.01")
    """Within ``horizon_h`` hours; over it an account under its target is cured."""
    horizon_h: Decimal = Decimal(24)
    blackouts: tuple[Blackout, ...] = ()
    """Announced times in which nothing can be done; prepared for beforehand."""
    delistings: tuple[Delisting, ...] = ()
    """Coins and contracts that leave the exchange; left beforehand."""
    cooldown: timedelta = timedelta(seconds=300)
    chunk_share: Decimal = Decimal("0.10")
    """At most this share of a minute's volume in a minute."""
    chunk_pause: timedelta = timedelta(seconds=5)
    """Least time between two cuts of one instrument; depth recovers meanwhile."""
    max_strikes: int = 3
    """Failed or useless attempts on one instrument before it is left alone."""
    bench: timedelta = timedelta(seconds=120)
    """How long an instrument that refused or did not help is left alone."""
    parity: ParityLimits = field(default_factory=ParityLimits)
    resting_stops: bool = False
    """Whether stops rest at the exchange, in case nobody is there to act; the setting
    of a run says yes where nobody chose."""
    stop_share: Decimal = Decimal("0.3")
    """Where they rest: this share of the act distance from liquidation."""

    @property
    def forecast_hours(self) -> int:
        """How far a forecast has to know what comes: a day, or the horizon if longer.

        Example:
            >>> GuardLimits().forecast_hours
            24
        """
        return max(ceil(self.horizon_h), _A_DAY_H)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """What new risk is held to; a reduction is never held to any of it."""

    max_leverage: Decimal = Decimal(5)
    max_order_usdt: Decimal = Decimal(250_000)
    max_gross_usdt: Decimal = Decimal(5_000_000)
    max_daily_loss: Decimal = Decimal("0.10")
    """Share of the day's opening equity; beyond it no new risk until midnight UTC."""
    max_daily_turnover: Decimal = Decimal(20)
    """Traded value over the day's opening equity; beyond it no new risk until
    midnight UTC, so that no loop of opening and closing burns the account."""
    rest_after_cure: timedelta = timedelta(seconds=1800)
    """How long after a cure no exposure is added, so that none is cured in circles."""
    mark_stale_after: timedelta = timedelta(seconds=3)
    """A mark older than this blocks new risk: three missed updates of its source."""

    @property
    def mark_cadence(self) -> timedelta:
        """How often a mark should come.

        Example:
            >>> RiskLimits().mark_cadence
            datetime.timedelta(seconds=1)
        """
        return self.mark_stale_after / MISSED_UPDATES[Staleness.STALE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The thresholds of one account, fixed when it is opened.

    One that opens nearer than the default has half and the whole of its opening
    distance, until it has come as far as the usual target: from there on the default.
    """

    act: Decimal
    target: Decimal
    backstop: Decimal
    is_adapted: bool = False
    """The account opened nearer than the default."""
    usual_target: Decimal | None = None
    """The distance from which an adapted account has the default thresholds."""

    @property
    def words(self) -> str:
        """From where to where an account is cured, and until when if that is eased."""
        told = f"{self.act * 100:.1f} % to {self.target * 100:.1f} %"
        if self.usual_target is None:
            return told
        until = f"{self.usual_target * 100:.1f} %"
        return f"{told}, for it opened near, until it has been {until} away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An account as it stands when the guard first sees it."""

    exposure_usdt: Mapping[str, Decimal]
    distance: Decimal | None
    ratio: Decimal | None
    liquidation: Decimal
    is_futures: bool


def thresholds_for(limits: GuardLimits, opening: Opening) -> Thresholds:
    """The thresholds of an account with these exposures, as it stands at its opening.

    An account that opens nearer to liquidation than its act distance is not cut
    at once: it acts at half of its opening distance and aims at the whole of it.
    A ratio that opens beyond the backstop moves the backstop halfway to
    liquidation; a pair that is liquidated before the backstop has one of its own.

    Example:
        >>> opening = Opening(exposure_usdt={"BTC": Decimal(30000)},
        ...     distance=Decimal("0.31"), ratio=Decimal("0.67"),
        ...     liquidation=Decimal("0.97"), is_futures=False)
        >>> thresholds_for(GuardLimits(), opening).act
        Decimal('0.15')
    """
    moved = opening.exposure_usdt.keys() - PEGGED_COINS
    sizes = {coin: abs(opening.exposure_usdt[coin]) for coin in sorted(moved)}
    gross = sum(sizes.values(), ZERO)
    others = sum((size for coin, size in sizes.items() if coin not in MAJORS), ZERO)
    is_alt = gross > 0 and others / gross >= _ALT_SHARE
    act = limits.act_distance_alt if is_alt else limits.act_distance
    target = limits.target_distance_alt if is_alt else limits.target_distance
    backstop = limits.backstop_debt_ratio
    if opening.is_futures:
        backstop = limits.backstop_risk_rate
    if backstop >= opening.liquidation:
        backstop = opening.liquidation * _BACKSTOP_SHARE
    ratio, distance = opening.ratio, opening.distance
    if ratio is not None and backstop <= ratio < opening.liquidation:
        backstop = (ratio + opening.liquidation) / 2
    if distance is not None and distance < act:
        return Thresholds(
            act=distance / 2,
            target=distance,
            backstop=backstop,
            is_adapted=True,
            usual_target=target,
        )
    return Thresholds(act=act, target=target, backstop=backstop)
