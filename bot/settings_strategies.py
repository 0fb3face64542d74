"""The ``[strategy.NAME]`` tables of ``gnomon.toml``: kind, schedule, own parameters.

Only what all strategies have in common is checked here; a strategy checks its own
parameters when it is made. Reads no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.errors import UsageError
from bot.settings_keys import shown

__all__ = ["StrategySettings", "strategies_of"]

_STRATEGY_COMMON: Final = ("kind", "schedule", "enabled")


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettings:
    """One ``[strategy.NAME]`` table: its kind, schedule and own parameters."""

    name: str
    kind: str
    schedule: str | None
    enabled: bool
    parameters: Mapping[str, object] = field(default_factory=dict)


def strategies_of(tables: object) -> tuple[StrategySettings, ...]:
    """The strategies of ``[strategy.NAME]`` tables, in their order.

    Raises:
        UsageError: A table or one of its common keys is not what it must be.

    Example:
        >>> strategies_of({"hedge": {"kind": "beta_hedge"}})[0].enabled
        True
    """
    if not isinstance(tables, Mapping):
        raise UsageError(f"[strategy] must hold tables, was {shown(tables)}.")
    return tuple(_strategy(str(name), table) for name, table in tables.items())


def _strategy(name: str, table: object) -> StrategySettings:
    where = f"[strategy.{name}]"
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} must be a table, was {shown(table)}.")
    kind, schedule = table.get("kind", name), table.get("schedule")
    enabled = table.get("enabled", True)
    if not isinstance(kind, str) or not isinstance(schedule, str | None):
        raise UsageError(f"{where} kind and schedule must be text.")
    if not isinstance(enabled, bool):
        raise UsageError(
            f"{where} enabled must be true or false, was {shown(enabled)}."
        )
    return StrategySettings(
        name=name,
        kind=kind,
        schedule=schedule,
        enabled=enabled,
        parameters={k: v for k, v in table.items() if k not in _STRATEGY_COMMON},
    )
