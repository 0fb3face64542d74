"""Every setting once: its name, kind, default, range and what it means.

``bot/settings.py`` reads values through this table, ``gnomon config show``
prints it, and a test holds ``.env.example`` against it. Nothing here reads a
file or the environment.
"""

# ruff: noqa: E501 - one key a line reads as the table it is

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.domain.errors import UsageError
from bot.domain.money import decimal_from

__all__ = [
    "ENVIRONMENT",
    "KEYS",
    "KEY_PARTS",
    "Key",
    "read_flag",
    "read_value",
    "shown",
]

ENVIRONMENT: Final[Mapping[str, str]] = {
    "KUCOIN_API_KEY": "",
    "KUCOIN_API_SECRET": "",
    "KUCOIN_API_PASSPHRASE": "",
    "KUCOIN_SPOT_URL": "https://api.kucoin.com",
    "KUCOIN_FUTURES_URL": "https://api-futures.kucoin.com",
    "GNOMON_LIVE": "",
    "GNOMON_JOURNAL": "",
    "GNOMON_CLOCK_RATE": "1",
    "GNOMON_ALERT_URLS": "",
}
"""Names read from ``.env`` or the environment, with their defaults."""

KEY_PARTS: Final = ("KUCOIN_API_KEY", "KUCOIN_API_SECRET", "KUCOIN_API_PASSPHRASE")
"""The names of the three parts of an API key: key, secret, passphrase."""


@dataclass(frozen=True, slots=True)
class Key:
    """One setting of ``gnomon.toml``.

    ``low`` is exclusive and ``high`` inclusive unless ``is_low_included``.
    """

    name: str
    kind: str
    default: str
    sentence: str
    low: str | None = None
    high: str | None = None
    is_low_included: bool = False

    @property
    def range_text(self) -> str:
        """The range in words, for errors."""
        words = "a whole number" if self.kind == "int" else "a number"
        if self.low is not None:
            words += (
                f" of at least {self.low}"
                if self.is_low_included
                else f" over {self.low}"
            )
        if self.high is not None:
            words += f" and at most {self.high}"
        return words


def _share(name: str, default: str, sentence: str) -> Key:
    return Key(name, "decimal", default, sentence, low="0", high="1")


KEYS: Final = (
    _share("guard.act_distance", "0.15", "act when this adverse uniform move would liquidate (BTC, ETH)"),
    _share("guard.act_distance_alt", "0.20", "the same for accounts of other coins"),
    _share("guard.target_distance", "0.25", "cure until this far from liquidation (BTC, ETH)"),
    _share("guard.target_distance_alt", "0.33", "the same for accounts of other coins"),
    _share("guard.backstop_debt_ratio", "0.85", "act at this debt ratio whatever the distance"),
    _share("guard.backstop_risk_rate", "0.33", "act at this futures risk rate whatever the distance"),
    _share("guard.max_liquidation_probability", "0.01", "highest probability of a liquidation within the horizon; an account over it that is under its target distance is cured"),
    Key("guard.horizon_h", "decimal", "24", "hours that the guard's forecast looks ahead; a started hour counts whole", low="0", high="168"),
    Key("guard.cooldown_s", "decimal", "300", "seconds of rest after a cure, unless it turns urgent", low="0", high="86400", is_low_included=True),
    _share("guard.chunk_share", "0.10", "largest share of a minute's volume in one order of the guard"),
    Key("guard.resting_stops", "bool", "true", "whether stops rest at the exchange that reduce an account when the bot is dead"),
    Key("limits.max_leverage", "decimal", "5", "net exposure over equity that new risk may not pass", low="0", high="20"),
    Key("limits.max_order_usdt", "decimal", "250000", "largest order of new risk", low="0"),
    Key("limits.max_gross_usdt", "decimal", "5000000", "largest sum of net exposures by coin", low="0"),
    _share("limits.max_daily_loss", "0.10", "share of the day's opening equity after whose loss no new risk is taken"),
    Key("limits.max_daily_turnover", "decimal", "20", "traded value over the day's opening equity after which no new risk is taken", low="0"),
    Key("limits.rest_after_cure_s", "decimal", "1800", "seconds after a cure in which no exposure is added; hedges are", low="0", high="604800", is_low_included=True),
    Key("sizing.stable_reserve", "decimal", "0.02", "share of all equity that stays idle in USDT after new risk", low="0", high="0.9", is_low_included=True),
    Key("sizing.gain_step", "decimal", "0.10", "gains count for sizing in steps of this share", low="0", high="10"),
    Key("sizing.gain_hold_h", "decimal", "24", "hours that a gain has to last until it counts", low="0", high="8760", is_low_included=True),
    _share("sizing.target_volatility", "0.05", "volatility a day of the net exposure beyond which new risk is scaled down"),
    _share("sizing.assumed_volatility", "0.10", "volatility a day of a coin without history"),
    Key("sizing.results_days", "int", "7", "days within which a run of wins or a drawdown counts", low="1", high="365", is_low_included=True),
    Key("sizing.win_gain", "decimal", "0.20", "gain within those days that cuts new risk", low="0", high="100"),
    Key("sizing.win_scale", "decimal", "0.75", "what is left of the scale after it", low="0", high="1", is_low_included=True),
    _share("sizing.drawdown", "0.10", "loss within those days that cuts new risk at once"),
    Key("sizing.drawdown_scale", "decimal", "0.5", "what is left of the scale after it", low="0", high="1", is_low_included=True),
    _share("sizing.raise_per_day", "0.05", "what a calm day gives back of the whole scale"),
    Key("sizing.min_bets_share", "decimal", "0.1", "share of an independent bet that each coin after the first must add; new risk is scaled down where it does not", low="0", high="1", is_low_included=True),
    _share("parity.debt_ratio_first", "0.002", "a debt ratio this far from the exchange's, twice in a row and not explained, stops new risk"),
    _share("parity.debt_ratio_second", "0.01", "beyond this only reductions are sent and the worse number judges"),
    _share("parity.risk_rate_first", "0.002", "the same for a futures risk rate, or the share below if that is larger"),
    _share("parity.risk_rate_first_share", "0.03", "share of the stated risk rate"),
    _share("parity.risk_rate_second", "0.01", "beyond this, or the share below, only reductions are sent"),
    _share("parity.risk_rate_second_share", "0.10", "share of the stated risk rate"),
    Key("parity.window_s", "decimal", "10", "seconds that the marks behind a reported ratio may be old", low="0", high="60"),
    Key("costs.vip", "int", "0", "VIP level whose fees are paid in simulations", low="0", high="12", is_low_included=True),
    Key("borrow.multiplier", "decimal", "1", "multiplies the assumed borrow rates in simulations", low="0", high="100"),
    Key("depth.latency_min_ms", "int", "50", "shortest latency of a simulated request", low="0", high="60000", is_low_included=True),
    Key("depth.latency_max_ms", "int", "250", "longest latency of a simulated request", low="0", high="60000", is_low_included=True),
)  # fmt: skip
"""Every key of ``gnomon.toml`` outside the strategies."""


def shown(value: object) -> str:
    """A value as its author wrote it, near enough, for errors.

    Example:
        >>> shown(Decimal("1.5")), shown(True), shown("x")
        ('1.5', 'true', "'x'")
    """
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, Decimal) else repr(value)


def read_flag(key: Key, value: object) -> bool:
    """Read a yes or no against its key.

    Raises:
        UsageError: It is neither.

    Example:
        >>> read_flag(Key("guard.resting_stops", "bool", "true", "..."), "true")
        True
    """
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise UsageError(f"{key.name} must be true or false, was {shown(value)}.")
    return value == "true"


def read_value(key: Key, value: object) -> Decimal:
    """Read one value against its key.

    Raises:
        UsageError: It is not a number, or outside its range.

    Example:
        >>> read_value(KEYS[0], "0.12")
        Decimal('0.12')
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise UsageError(f"{key.name} must be {key.range_text}, was {shown(value)}.")
    try:
        number = decimal_from(value, key.name)
    except ValueError:
        raise UsageError(
            f"{key.name} must be {key.range_text}, was {shown(value)}."
        ) from None
    low = None if key.low is None else Decimal(key.low)
    high = None if key.high is None else Decimal(key.high)
    is_low = low is not None and (
        number < low or (number == low and not key.is_low_included)
    )
    is_high = high is not None and number > high
    is_broken = key.kind == "int" and number != number.to_integral_value()
    if is_low or is_high or is_broken:
        raise UsageError(f"{key.name} must be {key.range_text}, was {shown(value)}.")
    return number
