"""How near the shadow was to the exchange: ratios, balances and positions.

Reads the comparisons, the drift notes and the adjustments of a journal and counts
them. Errors are ours less the exchange's, in units of the ratio. This module must
not print, and must not judge: the limits are the guard's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bot.domain.entries import Entry, Noted, ParityCause, ParityChecked
from bot.domain.events import Bucket, Cause, LedgerBooked
from bot.domain.money import ZERO
from bot.engine.parity import recall_tracks
from bot.guard.buffer import ErrorTrack, shift_of
from bot.guard.limits import ParityLimits

__all__ = [
    "KINDS",
    "Adjusted",
    "DriftCount",
    "ParityReport",
    "SubjectParity",
    "parity_report",
]

KINDS = ("ParityChecked", "Noted", "LedgerBooked")
"""The kinds of entry that the report is made of."""

_DIGITS = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectParity:
    """One account's ratio over all reports of the exchange.

    ``mean``, ``p99`` and ``worst`` are sizes of errors, None where no report could
    be compared; ``bias`` is the mean with its sign. ``buffer`` is what the guard
    judges the account worse by now.
    """

    subject: str
    reports: int
    compared: int
    mean: Decimal | None
    bias: Decimal | None
    p99: Decimal | None
    worst: Decimal | None
    worst_at: datetime | None
    worst_cause: str | None
    causes: Mapping[str, int]
    standing: str
    buffer: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCount:
    """How often one number of the account was not the exchange's."""

    where: str
    count: int
    largest: Decimal
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """What reconciliations booked without an explanation, by account and coin."""

    account: str
    coin: str
    count: int
    net: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """Everything a person needs to trust the shadow, or not."""

    subjects: tuple[SubjectParity, ...]
    drifts: tuple[DriftCount, ...]
    adjustments: tuple[Adjusted, ...]
    noted_differences: int
    """Notes of runs that keep only the differences (simulations)."""


def parity_report(entries: Iterable[Entry], limits: ParityLimits) -> ParityReport:
    """Count what a journal says of parity and drift.

    Args:
        entries: Entries of the kinds in ``KINDS``, oldest first; others are ignored.
        limits: What the current standing and buffer are held to.

    Example:
        >>> parity_report([], ParityLimits()).subjects
        ()
    """
    counting = _Counting()
    for entry in entries:
        counting.take(entry)
    return counting.report(limits)


@dataclass(slots=True)
class _Counting:
    """The scratch pad of one report."""

    checks: list[Entry] = field(default_factory=list)
    by_subject: dict[str, list[tuple[datetime, ParityChecked]]] = field(
        default_factory=dict
    )
    drifts: dict[str, list[tuple[datetime, Decimal]]] = field(default_factory=dict)
    adjusted: dict[tuple[str, str], list[Decimal]] = field(default_factory=dict)
    noted: int = 0

    def take(self, entry: Entry) -> None:
        """One more entry."""
        match entry.body:
            case ParityChecked() as body:
                self.checks.append(entry)
                self.by_subject.setdefault(body.subject, []).append((entry.at, body))
            case Noted(topic="drift") as body:
                self._drifted(entry.at, body)
            case Noted(topic="parity"):
                self.noted += 1
            case LedgerBooked(cause=Cause.ADJUSTMENT) as body:
                self._adjusted(body)
            case _:
                pass

    def _drifted(self, at: datetime, body: Noted) -> None:
        where = body.inputs.get("where", body.text.partition(":")[0])
        size = ZERO
        if {"shadow", "exchange"} <= body.inputs.keys():
            ours, theirs = body.inputs["shadow"], body.inputs["exchange"]
            size = abs(Decimal(ours) - Decimal(theirs))
        self.drifts.setdefault(where, []).append((at, size))

    def _adjusted(self, body: LedgerBooked) -> None:
        for posting in body.postings:
            if posting.bucket is Bucket.MARGIN:
                continue
            owes = posting.bucket is not Bucket.BALANCE
            amount = -posting.amount if owes else posting.amount
            key = (str(posting.account), posting.coin)
            self.adjusted.setdefault(key, []).append(amount)

    def report(self, limits: ParityLimits) -> ParityReport:
        """What was counted."""
        tracks = recall_tracks(self.checks, limits)
        return ParityReport(
            subjects=tuple(
                _subject(name, self.by_subject[name], tracks[name])
                for name in sorted(self.by_subject)
            ),
            drifts=tuple(
                DriftCount(
                    where=where,
                    count=len(found),
                    largest=max(size for _, size in found),
                    last_at=found[-1][0],
                )
                for where, found in sorted(self.drifts.items())
            ),
            adjustments=tuple(
                Adjusted(
                    account=account,
                    coin=coin,
                    count=len(amounts),
                    net=sum(amounts, ZERO),
                )
                for (account, coin), amounts in sorted(self.adjusted.items())
            ),
            noted_differences=self.noted,
        )


def _subject(
    name: str, checks: Sequence[tuple[datetime, ParityChecked]], track: ErrorTrack
) -> SubjectParity:
    known = [
        (at, body.error, body.cause) for at, body in checks if body.error is not None
    ]
    worst = max(known, key=lambda row: abs(row[1]), default=None)
    errors = [error for _, error, _ in known]
    causes = Counter(body.cause for _, body in checks)
    return SubjectParity(
        subject=name,
        reports=len(checks),
        compared=len(known),
        mean=_mean([abs(error) for error in errors]),
        bias=_mean(errors),
        p99=_percentile([abs(error) for error in errors]),
        worst=None if worst is None else abs(worst[1]),
        worst_at=None if worst is None else worst[0],
        worst_cause=None if worst is None else worst[2].value,
        causes={cause.value: causes[cause] for cause in ParityCause if causes[cause]},
        standing=track.standing.value,
        buffer=shift_of(track),
    )


def _mean(numbers: Sequence[Decimal]) -> Decimal | None:
    """The mean to eight decimals, None of nothing.

    Example:
        >>> _mean([Decimal(1), Decimal(2)])
        Decimal('1.50000000')
    """
    if not numbers:
        return None
    return (sum(numbers, ZERO) / len(numbers)).quantize(_DIGITS)


def _percentile(sizes: Sequence[Decimal]) -> Decimal | None:
    """The size that at most one in a hundred is larger than; None of nothing.

    Example:
        >>> _percentile([Decimal(n) for n in range(1, 101)])
        Decimal('99')
    """
    if not sizes:
        return None
    return sorted(sizes)[len(sizes) - 1 - len(sizes) // 100]
