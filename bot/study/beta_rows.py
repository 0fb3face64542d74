"""The rows and the sums of the study of betas: nothing averaged away, nothing hidden.

A row is a book of a market under a policy, over all its windows, over its calm ones or
over those with a crash. The sums pool all books of full windows; short windows, of
markets under 30 days, are summed apart. Numbers are text in plain notation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from bot.domain.money import plain
from bot.study.beta_models import NONE, POLICIES
from bot.study.beta_score import Mark, quantiles_of, reduction

__all__ = ["Cell", "Row", "rows_of", "summary_of"]

Row = dict[str, object]

_FULL_H: Final = 720
_RIVALS: Final = (NONE, "one", "rolling_ols")
_DIGITS: Final = 6
_MEDIAN_MAX: Final = 0.10
_P90_MAX: Final = 0.25
_REGIMES: Final = {"all": (True, False), "calm": (False,), "crash": (True,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One book through one window under one policy, scored.

    ``hours`` is the length of the window, ``turnover`` and ``cost`` are fractions of
    the book's gross value, ``is_fit`` says that the defaults were chosen on it.
    """

    market: str
    reference: str
    window: int
    hours: int
    is_crash: bool
    is_fit: bool
    book: str
    policy: str
    turnover: float
    cost: float
    trades: int
    mark: Mark


def rows_of(cells: Sequence[Cell]) -> Iterator[Row]:
    """The table, in the order of the cells."""
    named: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        named.setdefault((cell.market, cell.book, cell.policy), []).append(cell)
    for (market, book, policy), found in named.items():
        bare = {c.window: c.mark.squares for c in named[market, book, NONE]}
        for regime, kinds in _REGIMES.items():
            chosen = [cell for cell in found if cell.is_crash in kinds]
            if chosen:
                yield {
                    "market": market,
                    "portfolio": book,
                    "policy": policy,
                    "regime": regime,
                    "reference": found[0].reference,
                    **_figures(chosen, bare),
                }


def _figures(cells: Sequence[Cell], bare: dict[int, float]) -> Row:
    """The figures of one book's windows under one policy."""
    quantiles = quantiles_of([[cell.mark.residual_beta] for cell in cells]) or {}
    months = [cell.hours / _FULL_H for cell in cells]
    errors = [cell.mark.standard_error for cell in cells]
    return {
        "windows": len(cells),
        "window_days": cells[0].hours // 24,
        **_quantile_fields(quantiles),
        "standard_error_median": _text(float(np.median(errors))),
        "variance_reduction": _text(
            reduction([c.mark.squares for c in cells], [bare[c.window] for c in cells])
        ),
        "turnover_30d": _text(sum(c.turnover for c in cells) / sum(months)),
        "cost_30d": _text(sum(c.cost for c in cells) / sum(months)),
        "trades_30d": _text(sum(c.trades for c in cells) / sum(months)),
    }


def _quantile_fields(found: Mapping[str, tuple[float, float | None]]) -> Row:
    fields: Row = {}
    for name, (value, error) in found.items():
        fields[f"residual_beta_{name}"] = _text(value)
        fields[f"residual_beta_{name}_error"] = _text(error)
    return fields


def summary_of(cells: Sequence[Cell]) -> dict[str, object]:
    """Pooled figures by part, regime and policy, with the targets beside them."""
    full = [cell for cell in cells if cell.hours == _FULL_H]
    parts = {
        "out_of_sample": [c for c in full if not c.is_fit],
        "fit_span": [c for c in full if c.is_fit],
        "short_windows": [c for c in cells if c.hours != _FULL_H],
    }
    return {
        "targets": {
            "residual_beta_median": _text(_MEDIAN_MAX),
            "residual_beta_p90": _text(_P90_MAX),
            "variance_reduction": "not worse than the best of " + ", ".join(_RIVALS),
        },
        **{name: _regimes(part) for name, part in parts.items() if part},
    }


def _regimes(cells: Sequence[Cell]) -> dict[str, object]:
    found: dict[str, object] = {}
    for regime, kinds in _REGIMES.items():
        chosen = [cell for cell in cells if cell.is_crash in kinds]
        if chosen:
            found[regime] = _policies(chosen)
    return found


def _policies(cells: Sequence[Cell]) -> dict[str, object]:
    bare = {
        (c.market, c.book, c.window): c.mark.squares for c in cells if c.policy == NONE
    }
    found: dict[str, Row] = {}
    for policy in POLICIES:
        own = [cell for cell in cells if cell.policy == policy]
        if own:
            found[policy] = _pooled(own, bare)
    rivals = [found[name] for name in _RIVALS if name in found]
    return {
        policy: figures if policy in _RIVALS else figures | _verdict(figures, rivals)
        for policy, figures in found.items()
    }


def _pooled(cells: Sequence[Cell], bare: dict[tuple[str, str, int], float]) -> Row:
    windows: dict[tuple[str, int], list[float]] = {}
    for cell in cells:
        windows.setdefault((cell.market, cell.window), []).append(
            cell.mark.residual_beta
        )
    kept = [c.mark.squares / bare[c.market, c.book, c.window] for c in cells]
    months = sum(cell.hours for cell in cells) / _FULL_H
    return {
        "windows": len(windows),
        "cells": len(cells),
        **_quantile_fields(quantiles_of(list(windows.values())) or {}),
        "standard_error_median": _text(
            float(np.median([c.mark.standard_error for c in cells]))
        ),
        "variance_reduction": _text(1.0 - float(np.mean(kept))),
        "turnover_30d": _text(sum(c.turnover for c in cells) / months),
        "cost_30d": _text(sum(c.cost for c in cells) / months),
    }


def _verdict(figures: Row, rivals: Sequence[Row]) -> Row:
    """Whether the targets are met, by these figures."""

    def number(row: Row, name: str) -> Decimal:
        return Decimal(str(row[name]))

    best = max(number(row, "variance_reduction") for row in rivals)
    return {
        "meets_median": number(figures, "residual_beta_median")
        <= Decimal(str(_MEDIAN_MAX)),
        "meets_p90": number(figures, "residual_beta_p90") <= Decimal(str(_P90_MAX)),
        "meets_variance": number(figures, "variance_reduction") >= best,
        "variance_reduction_best_rival": plain(best),
    }


def _text(number: float | None) -> str | None:
    """A figure of a study to six decimals, None where there is none."""
    if number is None:
        return None
    return plain(Decimal(f"{number:.{_DIGITS}f}").normalize() + 0)
