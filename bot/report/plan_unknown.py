"""What of a file of documents cannot be planned on: named, and never safe.

A position whose contract is not told, an isolated one without its margin, a loan whose
limit is not told: the account that holds it is unknown as a whole. What cannot be
measured stays out of the shadow that plans are made on, and so does the wallet behind
it: no plan spends what may be needed there. Nothing here measures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.accounts import MarginMode, PositionKey, isolated_account
from bot.report.answers import Gap
from bot.report.documents import Documents
from bot.report.futures_state import FuturesState, SettleState
from bot.risk.missing import MissingKind
from connectors.kucoin.parse.envelope import coin

__all__ = ["HeldBack", "held_back"]

_NO_CONTRACT: Final = "The contract {} is not known."
_NO_MARGIN: Final = "The isolated margin of {} was not given."
_NO_WALLET: Final = "The {} wallet was not given in full."
_NO_LIMIT: Final = "The liquidation ratio of {} was not given (isolated_symbols)."
_ISOLATED: Final = "futures_isolated:"
_CROSS: Final = "futures:"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """Subjects that are unknown, with the reasons, and what stays out of the shadow.

    ``settles`` are those, in the wallet's words, whose cross account is unknown;
    ``gaps`` the fields that would make the subjects known.
    """

    unknown: Mapping[str, tuple[str, ...]]
    positions: frozenset[PositionKey]
    pairs: frozenset[str]
    settles: frozenset[str]
    gaps: tuple[Gap, ...]

    @property
    def has_futures(self) -> bool:
        """Whether a part of the futures account is unknown: nothing leaves it then."""
        return any(name.startswith((_ISOLATED, _CROSS)) for name in self.unknown)


def held_back(documents: Documents, state: FuturesState) -> HeldBack:
    """What cannot be measured, of all futures and isolated pairs.

    Example:
        >>> from bot.report.documents import read_documents
        >>> from bot.report.futures_state import futures_state
        >>> nothing = read_documents("{}", "nothing")
        >>> held_back(nothing, futures_state(nothing.futures)).unknown
        {}
    """
    found: list[tuple[str, Gap]] = []
    positions: set[PositionKey] = set()
    settles: set[str] = set()
    for item in state.settles.values():
        lone, cross = dict(_lone(state, item)), tuple(_cross(item))
        found += [(f"{_ISOLATED}{key}", each) for key, each in lone.items()]
        positions |= lone.keys()
        if cross:
            found += [(f"{_CROSS}{coin(item.settle)}", each) for each in cross]
            positions |= {k for k, p in item.positions.items() if not _is_lone(p.mode)}
            settles.add(item.settle)
    pairs = tuple(sorted(_pairs(documents)))
    found += [(isolated_account(symbol), _limit(symbol)) for symbol in pairs]
    unknown: dict[str, tuple[str, ...]] = {}
    for subject, (_, reason) in dict.fromkeys(found):
        unknown[subject] = (*unknown.get(subject, ()), reason)
    return HeldBack(
        unknown=unknown,
        positions=frozenset(positions),
        pairs=frozenset(pairs),
        settles=frozenset(settles),
        gaps=tuple(each for _, each in found),
    )


def _is_lone(mode: MarginMode) -> bool:
    return mode is MarginMode.ISOLATED


def _contract(symbol: str) -> Gap:
    return (f"futures.contracts.{symbol}", _NO_CONTRACT.format(symbol))


def _limit(symbol: str) -> Gap:
    return (f"isolated_symbols.{symbol}.flDebtRatio", _NO_LIMIT.format(symbol))


def _lone(state: FuturesState, item: SettleState) -> Iterator[tuple[PositionKey, Gap]]:
    """Each isolated position that cannot be measured, and what it lacks."""
    for key, line in item.lines.items():
        if not _is_lone(line.mode):
            continue
        if key.symbol not in state.rules:
            yield key, _contract(key.symbol)
        elif line.margin is None:
            yield key, (f"{line.path}.posMargin", _NO_MARGIN.format(key.symbol))


def _cross(item: SettleState) -> Iterator[Gap]:
    """Why the cross account of a settle coin cannot be measured as a whole.

    A contract that is not known counts by its position and by its order alike.
    """
    for each in item.shape.missing:
        if each.kind is MissingKind.CONTRACT:
            yield _contract(each.name)
    has_risk = item.account.orders or any(
        not _is_lone(held.mode) for held in item.positions.values()
    )
    if item.is_blind:
        yield from item.gaps
    elif item.account.wallet is None and has_risk:
        name = f"futures.wallets.{item.settle}"
        yield (name, _NO_WALLET.format(item.settle))


def _pairs(documents: Documents) -> Iterator[str]:
    """The isolated pairs that owe something and whose limit is not told."""
    terms = documents.pair_terms or {}
    for symbol, pair in (documents.pairs or {}).items():
        known = terms.get(symbol)
        owes = any(line.balance().liability for line in (pair.base, pair.quote))
        if owes and (known is None or known.liquidation_debt_ratio is None):
            yield symbol
