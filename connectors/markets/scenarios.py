"""The parameters of the synthetic markets, as data.

Figures of the coins were fitted on hourly Binance spot of 2022 to 2026 and on
funding of the same years; ``benchmarks/market_fit.py`` prints them next to what the
generator makes of them. Scenarios are stories told with these figures: their size
and speed are chosen, and nothing says how likely they are. No code here draws a
number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

__all__ = [
    "COINS",
    "DEFAULT_COINS",
    "MARKET",
    "SCENARIOS",
    "YEAR_COINS",
    "CoinFigures",
    "MarketFigures",
    "Scenario",
    "Shape",
]

_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinFigures:
    """One coin. Volatilities are of log returns over a day, rates over 8 h.

    Attributes:
        price: USDT at the start; an invention of the right size.
        beta: To the market factor, which is BTC.
        idio_vol_day: Daily volatility that BTC does not explain.
        volume_usdt_1m: Median USDT a minute on KuCoin: 5 % of Binance's.
        funding_sd: Standard deviation of the 8 h funding rate; negative premiums
            are scaled by it.
    """

    price: float
    beta: float
    idio_vol_day: float
    volume_usdt_1m: float
    funding_sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFigures:
    """What all coins share; rates of return to the mean are per day.

    Log volatility is the sum of a slow and a fast mean-reverting part. Jumps come
    as a Poisson stream with normal sizes. The premium of the perpetual is a slow
    normal process put through ``premium_quantiles`` (standard normal to premium of
    BTC); below ``premium_centre`` other coins go further, in proportion to their
    funding's deviation.
    """

    vol_day: float
    slow_vol_sd: float
    slow_vol_rate: float
    fast_vol_sd: float
    fast_vol_rate: float
    jumps_a_day: float
    jump_mean: float
    jump_sd: float
    idio_jumps_a_day: float
    idio_jump_sd: float
    tail_freedom: float
    """Degrees of freedom of the Student t of single steps of a minute or longer."""
    premium_centre: float
    premium_quantiles: tuple[tuple[float, float], ...]
    premium_rate: float
    premium_noise: float
    premium_noise_rate: float
    volume_elasticity: float
    """By how much log volume rises with log volatility."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A move that is certain to come; where and how is drawn inside the ranges.

    Attributes:
        move: Log move at its extreme, from and to.
        onset: When it begins, as a share of the duration.
        length: How long it takes to the extreme, as a share of the duration.
        length_max_s: An upper limit of the same, seconds.
        retrace: Share of the move that is given back by the end.
        jump_share: Share of the move that comes in lumps, not smoothly.
        lumps: How many lumps about; fewer are larger.
        late: 0 moves evenly, 1 leaves most to the end (a capitulation).
    """

    move: tuple[float, float] = (0.0, 0.0)
    onset: tuple[float, float] = (0.0, 0.0)
    length: tuple[float, float] = (1.0, 1.0)
    length_max_s: float = 1e9
    retrace: tuple[float, float] = (0.0, 0.0)
    jump_share: float = 0.0
    lumps: float = 60.0
    late: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story: how long, how fine, and what is certain to happen.

    Attributes:
        noise_bound: Limit of the random part of log prices around the shapes, so
            that every seed tells the same story; None lets prices wander freely.
        noise_rate: Return of the bounded random part to zero, per day.
        volatility_x: Multiplier of the fitted volatilities.
        stir: How much more the noise shakes while and after a shape moves.
        alt_beta_min: Least beta to the market shape of coins other than BTC.
        alt_beta_x: Range of a multiplier of that beta, drawn for each coin.
        premium: Shape of the premium of coins other than BTC; BTC feels a third.
        funding_cap: Largest 8 h rate; beyond three quarters the interval halves.
    """

    name: str
    title: str
    duration_s: int
    mark_interval_s: int
    start: datetime
    market: Shape = Shape()
    usdt: Shape = Shape()
    premium: Shape = Shape()
    noise_bound: float | None = None
    noise_rate: float = 0.0
    volatility_x: float = 1.0
    stir: float = 0.0
    alt_beta_min: float = 0.0
    alt_beta_x: tuple[float, float] = (1.0, 1.0)
    funding_cap: float = 0.003
    coins: tuple[str, ...] = ()
    note: str = ""


MARKET: Final = MarketFigures(
    vol_day=0.027,
    slow_vol_sd=0.43,
    slow_vol_rate=0.10,
    fast_vol_sd=0.42,
    fast_vol_rate=10.0,
    jumps_a_day=0.10,
    jump_mean=-0.002,
    jump_sd=0.022,
    idio_jumps_a_day=0.08,
    idio_jump_sd=0.035,
    tail_freedom=6.0,
    premium_centre=-0.00044,
    premium_quantiles=(
        (-3.1, -0.0017),
        (-2.3, -0.0008),
        (-1.13, -0.0005),
        (0.2, -0.0004),
        (1.28, 0.0006),
        (2.3, 0.0010),
        (3.1, 0.0014),
    ),
    premium_rate=0.55,
    premium_noise=0.00008,
    premium_noise_rate=700.0,
    volume_elasticity=0.8,
)


def _coin(
    price: float, beta: float, idio: float, volume: float, funding: float
) -> CoinFigures:
    return CoinFigures(
        price=price,
        beta=beta,
        idio_vol_day=idio,
        volume_usdt_1m=volume,
        funding_sd=funding,
    )


COINS: Final[Mapping[str, CoinFigures]] = MappingProxyType(
    {
        "BTC": _coin(60_000.0, 1.00, 0.0, 56_000.0, 0.000087),
        "ETH": _coin(2_500.0, 1.12, 0.0194, 28_000.0, 0.000120),
        "SOL": _coin(150.0, 1.43, 0.0362, 9_300.0, 0.000200),
        "XRP": _coin(2.0, 1.03, 0.0340, 5_800.0, 0.000129),
        "DOGE": _coin(0.15, 1.29, 0.0373, 3_150.0, 0.000116),
        "ADA": _coin(0.60, 1.26, 0.0335, 1_800.0, 0.000128),
        "LINK": _coin(15.0, 1.30, 0.0335, 1_370.0, 0.000109),
        "AVAX": _coin(25.0, 1.40, 0.0367, 1_600.0, 0.000185),
        "BNB": _coin(600.0, 0.87, 0.0220, 4_560.0, 0.000249),
        "DOT": _coin(4.0, 1.22, 0.0321, 860.0, 0.000130),
    }
)

DEFAULT_COINS: Final = ("BTC", "ETH", "SOL", "XRP", "DOGE")
YEAR_COINS: Final = tuple(COINS)

_MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC)
_MORNING: Final = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)

_NIGHT: Final = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)

_ALL: Final = (
    Scenario(
        name="calm",
        title="Synthetic: a calm day",
        duration_s=_DAY_S,
        mark_interval_s=20,
        start=_MONDAY,
        volatility_x=0.7,
        note="The fitted market at seven tenths of its volatility.",
    ),
    Scenario(
        name="year",
        title="Synthetic: a year of the fitted market",
        duration_s=365 * _DAY_S,
        mark_interval_s=60,
        start=_MONDAY,
        coins=YEAR_COINS,
        note="One mark a minute; the market as fitted, without any certain move.",
    ),
    Scenario(
        name="trend",
        title="Synthetic: a week of rising prices",
        duration_s=7 * _DAY_S,
        mark_interval_s=60,
        start=_MONDAY,
        market=Shape(move=(0.18, 0.30)),
        premium=Shape(move=(0.0008, 0.0014)),
        volatility_x=0.8,
        note="A steady rise of the whole market with rich funding.",
    ),
    Scenario(
        name="crash",
        title="Synthetic: a crash within the hour",
        duration_s=9_000,
        mark_interval_s=2,
        start=_MORNING,
        market=Shape(
            move=(-0.468, -0.426),
            onset=(0.25, 0.33),
            length=(0.27, 0.38),
            length_max_s=3_500,
            retrace=(0.25, 0.40),
            jump_share=0.4,
            lumps=70.0,
            late=0.6,
        ),
        noise_bound=0.012,
        noise_rate=25.0,
        stir=3.0,
        alt_beta_min=1.15,
        alt_beta_x=(1.0, 1.2),
        funding_cap=0.003,
        note="Calm at first; then BTC loses a third and more, other coins more yet.",
    ),
    Scenario(
        name="squeeze",
        title="Synthetic: a short squeeze",
        duration_s=9_000,
        mark_interval_s=2,
        start=_MORNING,
        market=Shape(
            move=(0.14, 0.17),
            onset=(0.25, 0.33),
            length=(0.27, 0.38),
            length_max_s=3_500,
            retrace=(0.35, 0.55),
            jump_share=0.4,
            lumps=70.0,
            late=0.4,
        ),
        premium=Shape(move=(-0.006, -0.003), length=(0.05, 0.15)),
        noise_bound=0.012,
        noise_rate=25.0,
        stir=3.0,
        alt_beta_min=3.2,
        alt_beta_x=(1.0, 1.25),
        funding_cap=0.02,
        note="Crowded shorts pay for it; coins other than BTC rise by half and more.",
    ),
    Scenario(
        name="depeg",
        title="Synthetic: USDT leaves its peg",
        duration_s=6 * _HOUR_S,
        mark_interval_s=5,
        start=_NIGHT,
        market=Shape(
            move=(-0.05, -0.01),
            onset=(0.20, 0.30),
            length=(0.15, 0.25),
            retrace=(0.3, 0.6),
            jump_share=0.3,
        ),
        usdt=Shape(
            move=(-0.10, -0.05),
            onset=(0.20, 0.30),
            length=(0.10, 0.20),
            retrace=(0.6, 0.9),
            jump_share=0.3,
            late=0.3,
        ),
        noise_bound=0.02,
        noise_rate=12.0,
        stir=2.0,
        note="USDT falls 5 to 10 % against the dollar and comes most of the way back.",
    ),
    Scenario(
        name="funding-flip",
        title="Synthetic: funding flips and its interval shrinks",
        duration_s=3 * _DAY_S,
        mark_interval_s=60,
        start=_MONDAY,
        premium=Shape(
            move=(-0.022, -0.016),
            onset=(0.28, 0.36),
            length=(0.08, 0.15),
            retrace=(0.8, 1.0),
        ),
        funding_cap=0.006,
        note="Funding turns deeply negative, settles more often, and recovers.",
    ),
)

SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType({s.name: s for s in _ALL})
