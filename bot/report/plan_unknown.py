"""What of a file of documents cannot be planned on: named, and never safe.

A position whose contract is not told, an isolated one without its margin, a loan whose
limit is not told: the account that holds it is unknown as a whole, and what cannot be
measured stays out of the shadow that plans are made on. Nothing here measures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.domain.accounts import MarginMode, PositionKey, isolated_account
from bot.report.documents import Documents
from bot.report.futures_state import FuturesState, SettleState
from connectors.kucoin.parse.envelope import coin

__all__ = ["HeldBack", "held_back"]

_NO_CONTRACT = "The contract {} is not known."
_NO_MARGIN = "The isolated margin of {} was not given."
_NO_WALLET = "The {} wallet was not given in full."
_NO_LIMIT = "The liquidation ratio of {} was not given (isolated_symbols)."
_ISOLATED = "futures_isolated:"
_CROSS = "futures:"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """Subjects that are unknown, with the reasons, and what stays out of the shadow."""

    unknown: Mapping[str, tuple[str, ...]]
    positions: frozenset[PositionKey]
    pairs: frozenset[str]


def held_back(documents: Documents, state: FuturesState) -> HeldBack:
    """What cannot be measured, of all futures and isolated pairs.

    Example:
        >>> from bot.report.documents import read_documents
        >>> from bot.report.futures_state import futures_state
        >>> nothing = read_documents("{}", "nothing")
        >>> held_back(nothing, futures_state(nothing.futures)).unknown
        {}
    """
    unknown: dict[str, tuple[str, ...]] = {}
    positions: set[PositionKey] = set()
    for item in state.settles.values():
        for key, subject, reason in _positions(state, item):
            unknown[subject] = (*unknown.get(subject, ()), reason)
            positions.add(key)
        wallet = _wallet(item)
        if wallet:
            subject = f"{_CROSS}{coin(item.settle)}"
            unknown[subject] = (*unknown.get(subject, ()), *wallet)
            positions |= {k for k, p in item.positions.items() if not _is_lone(p.mode)}
    pairs = frozenset(_pairs(documents))
    for symbol in sorted(pairs):
        unknown[isolated_account(symbol)] = (_NO_LIMIT.format(symbol),)
    return HeldBack(unknown=unknown, positions=frozenset(positions), pairs=pairs)


def _is_lone(mode: MarginMode) -> bool:
    return mode is MarginMode.ISOLATED


def _positions(
    state: FuturesState, item: SettleState
) -> Iterator[tuple[PositionKey, str, str]]:
    """Each position that cannot be measured, with its subject and the reason."""
    for key, line in item.lines.items():
        subject = f"{_ISOLATED}{key}" if _is_lone(line.mode) else ""
        subject = subject or f"{_CROSS}{coin(item.settle)}"
        if key.symbol not in state.rules:
            yield key, subject, _NO_CONTRACT.format(key.symbol)
        elif _is_lone(line.mode) and line.margin is None:
            yield key, subject, _NO_MARGIN.format(key.symbol)


def _wallet(item: SettleState) -> tuple[str, ...]:
    """Why the cross account of a settle coin cannot be measured at all."""
    if item.is_blind:
        return tuple(reason for _, reason in item.gaps)
    is_cross = any(not _is_lone(p.mode) for p in item.positions.values())
    if item.account.wallet is None and (is_cross or item.account.orders):
        return (_NO_WALLET.format(item.settle),)
    return ()


def _pairs(documents: Documents) -> Iterator[str]:
    """The isolated pairs that owe something and whose limit is not told."""
    terms = documents.pair_terms or {}
    for symbol, pair in (documents.pairs or {}).items():
        known = terms.get(symbol)
        owes = any(line.balance().liability for line in (pair.base, pair.quote))
        if owes and (known is None or known.liquidation_debt_ratio is None):
            yield symbol
