"""From the ``[strategy.NAME]`` tables to strategies: where each kind is found.

A table names its strategy by ``path`` (a file of the trader's), or by ``kind``: one
of ours, else one that an installed package offers. All are built by the same
declaration and asked by the same engine. Nothing here decides about trading.
"""

from collections.abc import Sequence

from bot.domain.errors import GnomonError, UsageError
from bot.domain.fence import Fault, fenced
from bot.domain.overlay import overlay_of
from bot.domain.scheduled import Kind
from bot.domain.schedules import occasion_of
from bot.domain.strategy import Strategy
from bot.settings import StrategySettings
from connectors.system.strategy_files import (
    digest_of,
    installed_kinds,
    kind_in,
    kind_of_entry,
)
from strategies import KINDS

__all__ = ["built", "code_of", "kind_for", "strategies_of"]


def strategies_of(chosen: Sequence[StrategySettings]) -> tuple[Strategy, ...]:
    """The strategies that the settings switch on.

    Raises:
        UsageError: A kind is not known, a file does not import, a parameter is wrong,
            or two strategies trade one market.
    """
    found = tuple(
        built(kind_for(settings), settings) for settings in chosen if settings.enabled
    )
    _refuse_shared(found)
    return found


def code_of(settings: StrategySettings) -> str:
    """What tells the code of a strategy apart: its file's content, else its kind.

    Raises:
        UsageError: The file cannot be read.
    """
    return settings.kind if settings.path is None else digest_of(settings.path)


def kind_for(settings: StrategySettings) -> Kind:
    """The kind that a table names.

    Raises:
        UsageError: There is no such kind, or its code does not import.
    """
    if settings.path is not None:
        return kind_in(settings.path)
    if settings.kind in KINDS:
        return KINDS[settings.kind]
    installed = installed_kinds()
    if settings.kind in installed:
        return kind_of_entry(installed[settings.kind])
    known = ", ".join([*sorted(KINDS), *sorted(installed)])
    raise UsageError(
        f"[strategy.{settings.name}] kind {settings.kind!r} is not known; those that "
        f"are: {known}; a file of your own is named by path."
    )


def built(kind: Kind, settings: StrategySettings) -> Strategy:
    """The strategy of one table, its jobs and claims read once to prove that they can.

    Raises:
        UsageError: A parameter is wrong, or its code raised.
    """

    def asked() -> Strategy | GnomonError:
        try:
            made = kind(settings.name, settings.schedule, settings.parameters)
            strategy = overlay_of(made, settings.overlay)
            for job in strategy.jobs:
                occasion_of(job.schedule)
            if not all(isinstance(each, str) for each in strategy.claims):
                raise TypeError("claims must be texts")
        except GnomonError as error:
            return error
        return strategy

    found = fenced(asked)
    if isinstance(found, Fault):
        raise UsageError(f"[strategy.{settings.name}] cannot be built: {found.text}.")
    if isinstance(found, GnomonError):
        raise found
    return found


def _refuse_shared(strategies: Sequence[Strategy]) -> None:
    """Two strategies on one market would trade against each other for ever.

    Raises:
        UsageError: Names the market and both strategies.
    """
    owners: dict[str, str] = {}
    for strategy in strategies:
        for market in sorted(strategy.claims):
            other = owners.setdefault(market, strategy.name)
            if other != strategy.name:
                raise UsageError(
                    f"[strategy.{other}] and [strategy.{strategy.name}] both trade "
                    f"{market}; give each market to one of them."
                )
