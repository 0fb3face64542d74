"""The nearest ways to be liquidated, instead of one liquidation price.

For an account and a level: the smallest vector of returns under a covariance, the
uniform and the beta-weighted move, and each coin alone. What no price can do is
None, what is not known is None *with* ``missing`` set, and an account that is at the
level has zeros. Floats: what acts is verified with the exact engine. Decides nothing.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from bot.risk.covariance import Covariance
from bot.risk.line import FloatArray, Line, line_of
from bot.risk.missing import Missing, MissingKind
from bot.risk.rays import NEVER, NOW, Moves, ray_moves
from bot.risk.smallest_shock import regular, smallest_shock
from bot.risk.terms import Terms

__all__ = ["Frontier", "Moves", "Shock", "frontier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shock:
    """The most likely vector of returns that brings an account to a level.

    ``length_sd`` is its Mahalanobis length in standard deviations of ``horizon_h``
    hours, ``moves`` the simple return of each coin (-1: to nothing), ``shares`` how
    much of the way each contributes: they sum to 1, a hedge has less than 0, and all
    are 0 at the level. ``is_regularised``: see ``bot.risk.smallest_shock.regular``.
    ``assumed`` are the coins whose returns the covariance only assumes.
    """

    length_sd: float
    horizon_h: float
    moves: Mapping[str, float]
    shares: Mapping[str, float]
    is_regularised: bool = False
    assumed: tuple[str, ...] = ()

    @property
    def leading(self) -> str | None:
        """The coin that contributes most; None at the level."""
        if not any(self.shares.values()):
            return None
        return max(self.shares, key=lambda coin: (self.shares[coin], coin))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """How one subject gets to one level; moves are fractions of the price.

    ``beta_weighted`` and ``shock`` are None where ``missing`` says what they lack;
    a ``shock`` that is None with nothing missing does not exist.
    """

    subject: str
    level: float
    uniform: Moves
    alone: Mapping[str, Moves]
    beta_weighted: Moves | None = None
    shock: Shock | None = None
    missing: tuple[Missing, ...] = field(default=())

    def lacks(self, kind: MissingKind) -> tuple[str, ...]:
        """The coins that have no such input."""
        return tuple(each.name for each in self.missing if each.kind is kind)


def frontier(
    terms: Terms,
    level: float,
    covariance: Covariance | None = None,
    betas: Mapping[str, float] | None = None,
) -> Frontier:
    """Every nearest way of an account to a level.

    Args:
        terms: The account.
        level: A debt ratio or risk rate, a fraction above zero.
        covariance: Of simple returns; without it there is no shock.
        betas: By coin; without them there is no beta-weighted move.

    Raises:
        ValueError: A number of the account is not finite.

    Example:
        1 BTC at 100 USDT, owing 80; BTC moves 5 % a day.

        >>> long = Terms(subject="margin_cross", warning=0.95, liquidation=0.97,
        ...     requirement_constant=80.0, margin={"BTC": 100.0})
        >>> daily = Covariance(("BTC",), np.array([[0.0025]]), horizon_h=24.0)
        >>> found = frontier(long, 0.97, daily, {"BTC": 2.0})
        >>> round(found.uniform.down, 6), found.uniform.up
        (-0.175258, None)
        >>> round(found.beta_weighted.down, 6)
        -0.087629
        >>> round(found.shock.length_sd, 4), found.shock.leading
        (3.5052, 'BTC')
    """
    line = line_of(terms, level)
    coins = sorted(terms.requirement.keys() | terms.margin.keys())
    if line is None or not (line.is_reached or line.is_reachable):
        return Frontier(
            subject=terms.subject,
            level=level,
            uniform=NEVER,
            alone=dict.fromkeys(coins, NEVER),
            beta_weighted=NEVER,
        )
    alone = dict.fromkeys(coins, NOW if line.is_reached else NEVER)
    for coin, one in zip(line.coins, np.eye(len(line.coins)), strict=True):
        alone[coin] = ray_moves(line, one)
    weighted, no_betas = _weighted(line, betas or {})
    shock, no_returns = _shock(line, covariance)
    return Frontier(
        subject=terms.subject,
        level=level,
        uniform=ray_moves(line, np.ones(len(line.coins))),
        alone=alone,
        beta_weighted=weighted,
        shock=shock,
        missing=(*no_betas, *no_returns),
    )


def _weighted(
    line: Line, betas: Mapping[str, float]
) -> tuple[Moves | None, tuple[Missing, ...]]:
    missing = _lacking(line, MissingKind.BETA, betas)
    if line.is_reached:
        return NOW, ()
    if missing:
        return None, missing
    return ray_moves(line, np.array([betas[coin] for coin in line.coins])), ()


def _shock(
    line: Line, covariance: Covariance | None
) -> tuple[Shock | None, tuple[Missing, ...]]:
    if line.is_reached:
        nothing = dict.fromkeys(line.coins, 0.0)
        horizon_h = 0.0 if covariance is None else covariance.horizon_h
        return Shock(
            length_sd=0.0, horizon_h=horizon_h, moves=nothing, shares=nothing
        ), ()
    known = () if covariance is None else covariance.coins
    missing = _lacking(line, MissingKind.RETURNS, known)
    if covariance is None or missing:
        return None, missing
    matrix, is_changed = regular(covariance.part(line.coins))
    vector = smallest_shock(line, matrix)
    if vector is None:
        return None, ()
    return Shock(
        length_sd=sqrt(max(float(vector @ np.linalg.solve(matrix, vector)), 0.0)),
        horizon_h=covariance.horizon_h,
        moves=dict(zip(line.coins, vector.tolist(), strict=True)),
        shares=dict(zip(line.coins, _shares(line, vector).tolist(), strict=True)),
        is_regularised=is_changed,
        assumed=tuple(coin for coin in line.coins if coin in covariance.assumed),
    ), ()


def _shares(line: Line, vector: FloatArray) -> FloatArray:
    """What each coin adds to the excess, as a share of all that was to go.

    Where no price is at its floor and the line is straight, this is also each coin's
    part of the squared length by Euler's theorem.
    """
    factors = 1.0 + vector
    grown = 1.0 / factors - 1.0 if line.is_inverse else vector
    return line.weights * grown / -line.excess


def _lacking(
    line: Line, kind: MissingKind, known: Container[str]
) -> tuple[Missing, ...]:
    return tuple(Missing(kind, coin) for coin in line.coins if coin not in known)
