"""The ``[strategy.NAME]`` tables of ``gnomon.toml``: kind, schedule, own parameters.

Only what all strategies have in common is checked here; a strategy checks its own
parameters when it is made. Reads no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.domain.errors import UsageError
from bot.settings_keys import shown

__all__ = ["StrategySettings", "strategies_of"]

_STRATEGY_COMMON: Final = ("kind", "path", "schedule", "enabled", "overlay")
_RESERVED: Final = frozenset({"guard", "operator"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettings:
    """One ``[strategy.NAME]`` table: its kind, schedule and own parameters.

    ``path`` names a file of the trader's own that holds the strategy.
    """

    name: str
    kind: str
    schedule: str | None
    enabled: bool
    path: Path | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    overlay: Mapping[str, object] = field(default_factory=dict)


def strategies_of(
    tables: object, folder: Path | None = None
) -> tuple[StrategySettings, ...]:
    """The strategies of ``[strategy.NAME]`` tables, in their order.

    Args:
        tables: The tables by name.
        folder: Where the settings lie; a ``path`` begins there.

    Raises:
        UsageError: A table or one of its common keys is not what it must be.

    Example:
        >>> strategies_of({"hedge": {"kind": "beta_hedge"}})[0].enabled
        True
    """
    if not isinstance(tables, Mapping):
        raise UsageError(f"[strategy] must hold tables, was {shown(tables)}.")
    return tuple(
        _strategy(str(name), table, folder or Path()) for name, table in tables.items()
    )


def _strategy(name: str, table: object, folder: Path) -> StrategySettings:
    where = f"[strategy.{name}]"
    if name in _RESERVED:
        raise UsageError(f"{where} cannot be named {name}; choose another name.")
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} must be a table, was {shown(table)}.")
    kind, schedule = table.get("kind", name), table.get("schedule")
    enabled, path = table.get("enabled", True), table.get("path")
    if path is not None and (not isinstance(path, str) or not path or "kind" in table):
        raise UsageError(
            f"{where} path must be the name of a Python file, with no kind beside it, "
            f"was {shown(path)}."
        )
    if not isinstance(kind, str) or not isinstance(schedule, str | None):
        raise UsageError(f"{where} kind and schedule must be text.")
    if not isinstance(enabled, bool):
        raise UsageError(
            f"{where} enabled must be true or false, was {shown(enabled)}."
        )
    overlay = table.get("overlay", {})
    if not isinstance(overlay, Mapping):
        raise UsageError(f"{where} overlay must be a table, was {shown(overlay)}.")
    return StrategySettings(
        overlay=dict(overlay),
        name=name,
        kind=kind,
        schedule=schedule,
        enabled=enabled,
        path=None if path is None else folder / str(path),
        parameters={k: v for k, v in table.items() if k not in _STRATEGY_COMMON},
    )
