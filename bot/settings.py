"""Settings: ``.env`` for secrets and addresses, ``gnomon.toml`` for everything else.

The only reader of the environment. ``read_settings`` turns both into one frozen
``Settings``; ``settings_from`` is the pure part with its own tests. Each key is
declared once in ``bot/settings_keys.py`` with its range and a sentence. Secrets
have no representation: they are never printed, logged or put in an exception.
"""

import difflib
import io
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dotenv.parser import parse_stream

from bot.domain.errors import UsageError
from bot.guard.limits import GuardLimits, ParityLimits, RiskLimits
from bot.guard.size_limits import SizingLimits
from bot.settings_blackouts import shown_blackouts, take_blackouts
from bot.settings_delistings import shown_delistings, take_delistings
from bot.settings_keys import ENVIRONMENT, KEYS, Key, read_flag, read_value, shown
from bot.settings_sizing import sizing_from
from bot.settings_strategies import StrategySettings, strategies_of

__all__ = [
    "BorrowSettings",
    "DepthSettings",
    "Secret",
    "Settings",
    "StrategySettings",
    "read_settings",
    "settings_from",
]


class Secret:
    """A text that never shows itself.

    Example:
        >>> f"{Secret('abc')} {Secret('abc')!r} {bool(Secret(''))}"
        '*** Secret(***) False'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text, for the one place that signs with it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowSettings:
    """Assumed borrow rates, fractions a year, where no real rate is known."""

    multiplier: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthSettings:
    """Assumptions of simulated execution."""

    latency_min_ms: int = 50
    latency_max_ms: int = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the operator chose, validated."""

    api_key: Secret
    api_secret: Secret
    api_passphrase: Secret
    spot_url: str
    futures_url: str
    is_live_armed: bool
    journal: str | None
    clock_rate: Decimal
    alert_urls: tuple[Secret, ...]
    vip: int
    guard: GuardLimits
    limits: RiskLimits
    sizing: SizingLimits
    borrow: BorrowSettings
    depth: DepthSettings
    strategies: tuple[StrategySettings, ...]
    sources: Mapping[str, str]
    values: Mapping[str, object]


def read_settings(
    config: Path | None = None, env_file: Path = Path(".env")
) -> Settings:
    """Read ``.env``, the process environment (it wins) and the TOML file.

    Args:
        config: The TOML file; None takes ``gnomon.toml`` when it is there.
        env_file: The file of secrets and addresses, absent is fine.

    Raises:
        UsageError: A file cannot be read, or a key or value is wrong.
    """
    told = _read_env(env_file)
    process = {k: v for k, v in os.environ.items() if k in ENVIRONMENT}  # noqa: TID251 - the only reader
    path = Path("gnomon.toml") if config is None else config
    if config is None and not path.exists():
        return settings_from({**told, **process}, {})
    return settings_from({**told, **process}, _read_toml(path), path.parent)


def _read_env(path: Path) -> dict[str, str]:
    """The names of ``.env`` that have a value; an error never shows a line of it."""
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} cannot be read: it is not UTF-8 text.") from None
    told: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            line = binding.original.line + _blank_lines(binding.original.string)
            raise UsageError(f"Line {line} of {path} is not NAME=VALUE; mend it.")
        if binding.key is not None and binding.value:
            told[binding.key] = binding.value
    return told


def _blank_lines(text: str) -> int:
    return len(text) - len(text.lstrip("\n"))


def _read_toml(path: Path) -> Mapping[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"The settings file {path} does not exist.") from None
    except OSError as error:
        raise UsageError(
            f"The settings file {path} cannot be read: {error.strerror}."
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"The settings file {path} is not UTF-8 text.") from None
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The settings file {path} is not TOML: {error}.") from None


def settings_from(
    environment: Mapping[str, str],
    document: Mapping[str, object],
    folder: Path | None = None,
) -> Settings:
    """Validate an environment and a parsed TOML document that lies in a folder.

    Raises:
        UsageError: Names the key, what was expected and what was found.

    Example:
        >>> settings_from({}, {"guard": {"act_distance": "0.12"}}).guard.act_distance
        Decimal('0.12')
    """
    document, blackouts = take_blackouts(document)
    document, delistings = take_delistings(document)
    values, sources = _values(document)
    values |= shown_blackouts(blackouts) | shown_delistings(delistings)
    env = {name: environment.get(name, "") for name in ENVIRONMENT}
    urls = [_url(name, env[name]) for name in ("KUCOIN_SPOT_URL", "KUCOIN_FUTURES_URL")]
    return Settings(
        api_key=Secret(env["KUCOIN_API_KEY"]),
        api_secret=Secret(env["KUCOIN_API_SECRET"]),
        api_passphrase=Secret(env["KUCOIN_API_PASSPHRASE"]),
        spot_url=urls[0],
        futures_url=urls[1],
        is_live_armed=_is_yes(env["GNOMON_LIVE"]),
        journal=env["GNOMON_JOURNAL"] or None,
        clock_rate=_clock_rate(env["GNOMON_CLOCK_RATE"], urls),
        alert_urls=tuple(Secret(u) for u in env["GNOMON_ALERT_URLS"].split()),
        vip=_int(values["costs.vip"]),
        guard=replace(_guard(values), blackouts=blackouts, delistings=delistings),
        limits=_limits(values),
        sizing=sizing_from(values),
        borrow=BorrowSettings(multiplier=_decimal(values["borrow.multiplier"])),
        depth=_depth(values),
        strategies=strategies_of(document.get("strategy", {}), folder),
        sources=sources,
        values=values,
    )


def _is_yes(text: str) -> bool:
    if text not in {"", "yes", "no"}:
        raise UsageError(f"GNOMON_LIVE must be 'yes' or 'no', was {text!r}.")
    return text == "yes"


def _url(name: str, text: str) -> str:
    """An address that a signed request may go to: never in the clear over a network."""
    url = text or ENVIRONMENT[name]
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    is_near = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or is_near):
        raise UsageError(
            f"{name} must be an https address, or http on this machine such as "
            "http://127.0.0.1:8080; correct it in .env or leave it empty."
        )
    return url


def _clock_rate(text: str, urls: Sequence[str]) -> Decimal:
    rate = read_value(_CLOCK, text or _CLOCK.default)
    if rate != 1 and not all(urlsplit(url).hostname in _LOOPBACK for url in urls):
        raise UsageError(
            "GNOMON_CLOCK_RATE may differ from 1 only when KUCOIN_SPOT_URL and "
            f"KUCOIN_FUTURES_URL are both on this machine, was {text!r}."
        )
    return rate


_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

_CLOCK: Final = Key(
    "GNOMON_CLOCK_RATE", "decimal", "1", "the speed of the exchange's clock", low="0"
)


def _values(document: Mapping[str, object]) -> tuple[dict[str, object], dict[str, str]]:
    """Every declared key with its value and where it came from."""
    given = _flatten(document)
    known = {key.name: key for key in KEYS}
    for name in given:
        if name not in known:
            raise UsageError(_unknown(name, tuple(known)))
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    for key in KEYS:
        is_given = key.name in given
        read = read_flag if key.kind == "bool" else read_value
        values[key.name] = read(key, given[key.name] if is_given else key.default)
        sources[key.name] = "gnomon.toml" if is_given else "default"
    return values, sources


def _flatten(document: Mapping[str, object]) -> dict[str, object]:
    given: dict[str, object] = {}
    for section, table in document.items():
        if section == "strategy":
            continue
        if not isinstance(table, Mapping):
            raise UsageError(
                f"[{section}] must be a table of settings, was {shown(table)}."
            )
        given |= {f"{section}.{name}": value for name, value in table.items()}
    return given


def _unknown(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; see 'gnomon config show'."
    return f"The setting {name} is not known{hint}"


def _decimal(value: object) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError(f"expected a Decimal, was {value!r}")
    return value


def _int(value: object) -> int:
    return int(_decimal(value))


def _seconds(value: object) -> timedelta:
    return timedelta(seconds=float(_decimal(value)))


def _guard(values: Mapping[str, object]) -> GuardLimits:
    limits = GuardLimits(
        act_distance=_decimal(values["guard.act_distance"]),
        act_distance_alt=_decimal(values["guard.act_distance_alt"]),
        target_distance=_decimal(values["guard.target_distance"]),
        target_distance_alt=_decimal(values["guard.target_distance_alt"]),
        backstop_debt_ratio=_decimal(values["guard.backstop_debt_ratio"]),
        backstop_risk_rate=_decimal(values["guard.backstop_risk_rate"]),
        max_liquidation_probability=_decimal(
            values["guard.max_liquidation_probability"]
        ),
        horizon_h=_decimal(values["guard.horizon_h"]),
        cooldown=_seconds(values["guard.cooldown_s"]),
        chunk_share=_decimal(values["guard.chunk_share"]),
        resting_stops=values["guard.resting_stops"] is True,
        parity=_parity(values),
    )
    for act, target, suffix in (
        (limits.act_distance, limits.target_distance, ""),
        (limits.act_distance_alt, limits.target_distance_alt, "_alt"),
    ):
        if target <= act:
            raise UsageError(
                f"guard.target_distance{suffix} must be larger than "
                f"guard.act_distance{suffix}: found {target} and {act}."
            )
    return limits


def _parity(values: Mapping[str, object]) -> ParityLimits:
    kinds = (
        "debt_ratio_first",
        "debt_ratio_second",
        "risk_rate_first",
        "risk_rate_first_share",
        "risk_rate_second",
        "risk_rate_second_share",
    )
    numbers = {kind: _decimal(values[f"parity.{kind}"]) for kind in kinds}
    for first in (kind for kind in kinds if "first" in kind):
        second = first.replace("first", "second")
        if numbers[second] <= numbers[first]:
            raise UsageError(
                f"parity.{second} must be larger than parity.{first}: "
                f"found {numbers[second]} and {numbers[first]}."
            )
    return ParityLimits(**numbers, window=_seconds(values["parity.window_s"]))


def _limits(values: Mapping[str, object]) -> RiskLimits:
    return RiskLimits(
        max_leverage=_decimal(values["limits.max_leverage"]),
        max_order_usdt=_decimal(values["limits.max_order_usdt"]),
        max_gross_usdt=_decimal(values["limits.max_gross_usdt"]),
        max_daily_loss=_decimal(values["limits.max_daily_loss"]),
        max_daily_turnover=_decimal(values["limits.max_daily_turnover"]),
        rest_after_cure=_seconds(values["limits.rest_after_cure_s"]),
    )


def _depth(values: Mapping[str, object]) -> DepthSettings:
    low, high = (
        _int(values["depth.latency_min_ms"]),
        _int(values["depth.latency_max_ms"]),
    )
    if low > high:
        raise UsageError(
            "depth.latency_min_ms must not be larger than depth.latency_max_ms: "
            f"found {low} and {high}."
        )
    return DepthSettings(latency_min_ms=low, latency_max_ms=high)
