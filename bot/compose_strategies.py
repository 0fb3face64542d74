"""From the ``[strategy.NAME]`` tables to strategies: where each kind is found.

A table names its strategy by ``path`` (a file of the trader's), or by ``kind``: one
of ours, else one that an installed package offers. All are built by the same
declaration and asked by the same engine. Nothing here decides about trading.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.entries import Noted
from bot.domain.errors import GnomonError, UsageError
from bot.domain.fence import Fault, fenced, shown
from bot.domain.instruments import Rules
from bot.domain.overlay import Overlaid, overlay_of
from bot.domain.scheduled import Kind
from bot.domain.schedules import occasion_of, settlement_of
from bot.domain.strategy import Strategy
from bot.risk.strategy_book import is_claim, market_of
from bot.settings import StrategySettings
from connectors.system.strategy_files import (
    digest_of,
    installed_kinds,
    kind_in,
    kind_of_entry,
)
from strategies import KINDS

__all__ = [
    "built",
    "claim_notes",
    "code_of",
    "kind_for",
    "refuse_blind",
    "refuse_idle",
    "strategies_of",
    "unasked",
    "uncounted",
]

_UNCOUNTED: Final = "uncounted claim"
_UNASKED: Final = "unasked schedule"

_RIGHT: Final = (
    "write a pair with its account, such as 'BTC-USDT in spot' or 'BTC-USDT in "
    "margin_cross', or a contract, such as 'XBTUSDTM'"
)


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
            return _misclaimed(strategy) or strategy
        except GnomonError as error:
            return error

    found = fenced(asked)
    if isinstance(found, Fault):
        raise UsageError(f"[strategy.{settings.name}] cannot be built: {found.text}.")
    if isinstance(found, GnomonError):
        raise found
    return found


def _misclaimed(strategy: Strategy) -> UsageError | None:
    """What is wrong with the first claim that names no market at all."""
    claims: Iterable[object] = strategy.claims
    for claim in sorted(claims, key=str):
        if not isinstance(claim, str) or not is_claim(claim):
            return UsageError(
                f"[strategy.{strategy.name}] claims {shown(claim)}, which names no "
                f"market; {_RIGHT}."
            )
    return None


def unasked(strategies: Sequence[Strategy], rules: Rules) -> tuple[str, ...]:
    """A sentence for each schedule that waits for a contract that is not traded."""
    return tuple(
        f"[strategy.{strategy.name}] {job.schedule!r} would never be asked: no "
        f"contract {settlement_of(job.schedule)} is traded here"
        for strategy in strategies
        for job in strategy.jobs
        if settlement_of(job.schedule) not in {None, *rules.contracts}
    )


def uncounted(strategies: Sequence[Strategy], rules: Rules) -> tuple[str, ...]:
    """A sentence for each claim that these rules do not know or count in USDT."""
    return tuple(
        f"{strategy.name} claims {claim}, which is not traded here or not counted in "
        "USDT: what happens there is in no profit of its own"
        for strategy in strategies
        for claim in _unknown(strategy, rules)
    )


def claim_notes(strategies: Sequence[Strategy], rules: Rules) -> tuple[Noted, ...]:
    """What a live start journals of claims and schedules that nothing answers.

    A restart must not fail for one coin that was delisted, so only an overlay that
    sees none of its markets is refused.

    Raises:
        UsageError: An overlay sees no market at all.
    """
    for strategy in strategies:
        if len(_unknown(strategy, rules)) == len(strategy.claims):
            refuse_blind([strategy], rules)
    return (
        *(Noted(topic=_UNCOUNTED, text=each) for each in uncounted(strategies, rules)),
        *(Noted(topic=_UNASKED, text=each) for each in unasked(strategies, rules)),
    )


def refuse_idle(strategies: Sequence[Strategy], rules: Rules) -> None:
    """What can never come in a run is refused before it begins.

    Raises:
        UsageError: A schedule waits for a contract that is not traded, or an overlay
            does not see a market of its strategy.
    """
    for sentence in unasked(strategies, rules):
        known = ", ".join(sorted(rules.contracts)[:3]) or "none"
        raise UsageError(f"{sentence}; those that are: {known}.")
    refuse_blind(strategies, rules)


def refuse_blind(strategies: Sequence[Strategy], rules: Rules) -> None:
    """An overlay that does not see a market would never end a loss there.

    Raises:
        UsageError: A strategy with an overlay claims what these rules do not count.
    """
    for strategy in strategies:
        unknown = _unknown(strategy, rules)
        if unknown and isinstance(strategy, Overlaid):
            raise UsageError(
                f"[strategy.{strategy.name}.overlay] claims {unknown[0]!r}, which is "
                "not traded here or not counted in USDT, so the overlay would never "
                f"end a loss there; {_RIGHT}, of a coin that is traded here."
            )


def _unknown(strategy: Strategy, rules: Rules) -> list[str]:
    return [each for each in sorted(strategy.claims) if market_of(each, rules) is None]


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
