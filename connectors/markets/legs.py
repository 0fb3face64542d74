"""Assemble one coin of a recorded market: its grid, its legs and its depth.

The finest of spot and perp is the grid. The other leg keeps its own bars where
they are of the same length and follows the grid otherwise; a missing leg is the
grid itself. Everything that was rebuilt is said in words in ``derived``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.domain.market import Instrument
from connectors.markets.files import (
    Bars,
    coarsened,
    read_bars,
    read_funding,
)
from connectors.markets.funding import FundingSchedule
from connectors.markets.liquidity import DepthEstimator
from connectors.markets.manifest import InstrumentFiles, perp_symbol_of
from connectors.markets.notes import Sources, Window, notes_of, resolution_name
from connectors.markets.paths import (
    BarPath,
    FollowPath,
    MixedPath,
    PricePath,
    ratio_nodes,
)

__all__ = ["Leg", "load_leg"]

_HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One coin, ready to be asked for prices.

    ``paths`` holds each different path once; ``spot``, ``perp`` and ``mark`` are
    places in it. The coin trades in [begin_s, stop_s].
    """

    instrument: Instrument
    paths: tuple[PricePath, ...]
    spot: int
    perp: int
    mark: int
    begin_s: int
    stop_s: int
    grid: Bars
    history: Bars
    past: Bars
    """The bars of an hour or finer that reach furthest back."""
    funding: FundingSchedule | None
    spot_depth: DepthEstimator
    perp_depth: DepthEstimator
    notes: tuple[str, ...]
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paths:
    """The different paths, the place of spot, perp and mark, and what is derived."""

    paths: tuple[PricePath, ...]
    spot: int
    perp: int
    mark: int
    derived: tuple[str, ...]


def load_leg(files: InstrumentFiles, window: Window) -> Leg | None:
    """Read a coin's files; None when its finest file has no row in the window.

    Raises:
        UsageError: A file is missing or bad.
    """
    sources = Sources(
        coin=files.coin,
        spot=_bars(files.spot, window),
        perp=_bars(files.perp, window),
        mark=_bars(files.mark, window),
        funding=None
        if files.funding is None
        else read_funding(files.funding, end_s=window.end_s),
    )
    grid = _grid(sources, window)
    if not len(grid.open_s) or grid.close_s[-1] <= window.start_s:
        return None
    return _assemble(sources, grid, window)


def _bars(path: Path | None, window: Window) -> Bars | None:
    return None if path is None else read_bars(path, end_s=window.end_s)


def _grid(sources: Sources, window: Window) -> Bars:
    """The finest of spot and perp; of two equals the one that covers more."""
    found = [bars for bars in (sources.spot, sources.perp) if bars is not None]
    return min(
        found, key=lambda b: (b.step_s, -int((b.close_s > window.start_s).sum()))
    )


def _assemble(sources: Sources, grid: Bars, window: Window) -> Leg:
    coin, perp_symbol = sources.coin, perp_symbol_of(sources.coin)
    paths = _paths(sources, grid)
    spot, perp = sources.spot, sources.perp
    funded = sources.funding is not None
    derived = paths.derived if funded else (*paths.derived, "funding absent: none paid")
    schedule = (
        None
        if sources.funding is None
        else FundingSchedule(perp_symbol, sources.funding)
    )
    return Leg(
        instrument=Instrument(
            coin=coin,
            spot_symbol=f"{coin}-USDT",
            perp_symbol=perp_symbol,
            resolution=resolution_name(grid.step_s),
            derived=derived,
        ),
        paths=paths.paths,
        spot=paths.spot,
        perp=paths.perp,
        mark=paths.mark,
        begin_s=max(int(grid.open_s[0]), window.start_s),
        stop_s=min(int(grid.close_s[-1]), window.end_s),
        grid=grid,
        history=_first_with_rows(spot, perp, grid),
        past=_longest(sources.spot, sources.perp, sources.mark, grid),
        funding=schedule,
        spot_depth=DepthEstimator(coin, grid, _first_with_volume(spot, perp)),
        perp_depth=DepthEstimator(coin, grid, _first_with_volume(perp, spot)),
        notes=notes_of(sources, grid, window),
        digests=sources.digests,
    )


def _first_with_rows(*candidates: Bars | None) -> Bars:
    return next(b for b in candidates if b is not None and len(b.open_s))


def _longest(*candidates: Bars | None) -> Bars:
    """The bars that begin first; of two that begin together the one named first."""
    found = [b for b in candidates if b is not None and len(b.open_s)]
    fine = [b for b in found if b.step_s <= _HOUR_S] or found
    return min(fine, key=lambda bars: int(bars.open_s[0]))


def _first_with_volume(*candidates: Bars | None) -> Bars | None:
    for bars in candidates:
        if bars is not None and bars.volume is not None and len(bars.open_s):
            return bars
    return None


def _paths(sources: Sources, grid: Bars) -> _Paths:
    paths: list[PricePath] = [BarPath(grid)]
    places: dict[str, int] = {}
    derived: list[str] = []
    for name, leg, other in (
        ("spot", sources.spot, "perp"),
        ("perp", sources.perp, "spot"),
    ):
        path = None if leg is None or leg is grid else _path_beside(leg, grid)
        places[name] = 0
        if path is not None:
            places[name] = len(paths)
            paths.append(path)
            derived += _follow_words(name, path, leg, grid)
        elif leg is not grid:
            derived.append(f"{name} derived from {other}, zero basis")
    places["mark"] = places["perp"]
    mark = _mark_path(sources.mark, grid)
    if mark is not None:
        places["mark"] = len(paths)
        paths.append(mark)
    else:
        source = "perp" if sources.perp is not None else "spot"
        derived.append(f"futures mark derived from {source}")
    return _Paths(paths=tuple(paths), **places, derived=tuple(derived))


def _follow_words(
    name: str, path: PricePath, leg: Bars | None, grid: Bars
) -> list[str]:
    if leg is None or isinstance(path, MixedPath):
        return []
    return [
        (
            f"{name} between its {resolution_name(leg.step_s)} closes derived from "
            f"{resolution_name(grid.step_s)} bars"
        )
    ]


def _path_beside(leg: Bars, grid: Bars) -> PricePath | None:
    """The path of another leg on the grid; None where the two never meet."""
    if not len(leg.open_s):
        return None
    node_s, log_ratio = ratio_nodes(leg, grid)
    if not len(node_s):
        return None
    follow = FollowPath(BarPath(grid), node_s, log_ratio)
    in_step = (leg.open_s[0] - grid.open_s[0]) % grid.step_s == 0
    if leg.step_s == grid.step_s and in_step:
        return MixedPath(BarPath(leg), follow)
    return follow


def _mark_path(mark: Bars | None, grid: Bars) -> PricePath | None:
    """The recorded mark where its bars are as fine as the grid, else None."""
    if mark is None or grid.step_s % mark.step_s or not len(mark.open_s):
        return None
    return _path_beside(coarsened(mark, grid.step_s), grid)
