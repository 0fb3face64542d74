"""``gnomon risk frontier``: the nearest ways of each account to its thresholds.

Pure: documents, a covariance and betas in, one answer out. Moves are fractions of
the USDT price and factors what it is multiplied with, found in floats and written
unrounded; ``gnomon risk what-if`` has the exact uniform moves. Decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from typing import Final

from bot.domain.money import plain
from bot.report.answers import DIGITS, Answer, Json, gap, number, write_gaps
from bot.report.assess_margin import coefficient_gaps
from bot.report.documents import Documents
from bot.report.subject_terms import Subject, subjects_of
from bot.risk.covariance import (
    Closes,
    Covariance,
    CovarianceModel,
    estimate_covariance,
)
from bot.risk.frontier import Frontier, Moves, Shock, frontier
from bot.risk.missing import MissingKind

__all__ = ["History", "frontier_answer"]

_NO_BETAS: Final = "No betas were given; use --beta COIN=NUMBER or --betas FILE."
_NO_RETURNS: Final = (
    "No returns were given; put returns in the file or use --market FILE.toml."
)
_NO_HOURS: Final = "No coin has {} hourly returns, the least for a covariance."


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Closes by coin and what they become; without ``closes`` none were given."""

    closes: Mapping[str, Closes] | None = None
    model: CovarianceModel = field(default_factory=CovarianceModel)


def frontier_answer(
    documents: Documents, history: History, betas: Mapping[str, Decimal]
) -> Answer:
    """The frontier of every account at every threshold.

    Args:
        documents: The account.
        history: What the covariance is estimated from.
        betas: By coin; may be empty.

    Returns:
        ``covariance`` (null with ``reason`` where there is none) and ``frontier`` by
        account and threshold: ``uniform``, ``beta_weighted``, ``alone`` by coin and
        ``shock``. A null says that no price does it, unless ``reason`` says that it
        is not known. ``missing`` names the coefficients for which 1 was taken.

    Example:
        >>> from bot.report.documents import read_documents
        >>> answer = frontier_answer(read_documents("{}", "nothing"), History(), {})
        >>> answer["frontier"], answer["covariance"]["horizon_h"]
        ({}, None)
    """
    covariance, reason = _covariance(history)
    with localcontext(Context(prec=DIGITS)):
        return {
            "covariance": _written_covariance(covariance, reason),
            "frontier": {
                subject.name: {
                    plain(level): _at(subject, level, covariance, reason, betas)
                    for level in subject.levels
                }
                for subject in subjects_of(documents)
            },
            "missing": write_gaps(coefficient_gaps(documents)),
        }


def _covariance(history: History) -> tuple[Covariance | None, str]:
    if history.closes is None:
        return None, _NO_RETURNS
    found = estimate_covariance(history.closes, history.model)
    return found, "" if found else _NO_HOURS.format(history.model.min_hours)


def _written_covariance(found: Covariance | None, reason: str) -> Answer:
    if found is None:
        return {"horizon_h": None, "reason": reason}
    spread = [
        float(found.matrix[each, each]) ** 0.5 for each in range(len(found.coins))
    ]
    return {
        "horizon_h": _number(found.horizon_h),
        "shrinkage": _number(found.shrinkage),
        "volatility": dict(
            zip(found.coins, [_number(each) for each in spread], strict=True)
        ),
        "assumed": list(found.assumed),
    }


def _number(value: float | None) -> str | None:
    """A float as the shortest text that is read back as the same."""
    return None if value is None else number(Decimal(repr(value)))


def _at(
    subject: Subject,
    level: Decimal,
    covariance: Covariance | None,
    reason: str,
    betas: Mapping[str, Decimal],
) -> Answer:
    if subject.terms is None:
        unknown: Answer = {"down": None, "up": None, "reason": subject.reason}
        return {
            "uniform": unknown,
            "beta_weighted": unknown,
            "alone": {},
            "shock": {"length_sd": None, "reason": subject.reason},
        }
    slopes = {coin: float(beta) for coin, beta in betas.items()}
    found = frontier(subject.terms, float(level), covariance, slopes)
    return {
        "uniform": _moves(found.uniform),
        "beta_weighted": _weighted(found, has_betas=bool(betas)),
        "alone": {coin: _factors(moves) for coin, moves in found.alone.items()},
        "shock": _shock(found, reason),
    }


def _moves(moves: Moves) -> Answer:
    return {"down": _number(moves.down), "up": _number(moves.up)}


def _factors(moves: Moves) -> Answer:
    return {
        "down_factor": _number(moves.down_factor),
        "up_factor": _number(moves.up_factor),
    }


def _weighted(found: Frontier, *, has_betas: bool) -> Answer:
    if found.beta_weighted is not None:
        return _moves(found.beta_weighted)
    reason = _lacking(found, MissingKind.BETA) if has_betas else _NO_BETAS
    return {"down": None, "up": None, "reason": reason}


def _shock(found: Frontier, reason: str) -> Answer:
    if found.shock is not None:
        return _vector(found.shock)
    lacking = _lacking(found, MissingKind.RETURNS)
    answer: Answer = {"length_sd": None}
    if lacking:
        answer["reason"] = reason or lacking
    return answer


def _vector(shock: Shock) -> Answer:
    assumed: list[Json] = [*shock.assumed]
    return {
        "length_sd": _number(shock.length_sd),
        "leading": shock.leading,
        "moves": {coin: _number(move) for coin, move in shock.moves.items()},
        "shares": {coin: _number(share) for coin, share in shock.shares.items()},
        "regularised": shock.is_regularised,
        "assumed": assumed,
    }


def _lacking(found: Frontier, kind: MissingKind) -> str:
    return " ".join(gap(each)[1] for each in found.missing if each.kind is kind)
