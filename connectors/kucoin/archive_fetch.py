"""Fetch a market from KuCoin's public side and store it as a recorded market.

For each coin: candles of the spot pair, of the USDT perpetual and of its mark, and
the settled funding rates; the exchange's own rules beside them. What KuCoin does not
have is left out and said, never made up. An interrupted fetch goes on where it was.
No key is needed. Requests are made one after the other, so quotas hold by themselves
with those of a running bot. Nothing here prints or reads a clock.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from bot.domain.errors import RefusedError
from connectors.kucoin.answers import ExchangeRefusedError, Rest
from connectors.kucoin.archive_plan import FetchPlan, in_ms
from connectors.kucoin.archive_series import (
    Series,
    SeriesKind,
    read_page,
    window_bars,
)
from connectors.kucoin.parse.candles import priced_by
from connectors.kucoin.parse.contracts import contracts
from connectors.kucoin.parse.envelope import body, rows
from connectors.kucoin.parse.funding import past_rates
from connectors.kucoin.parse.node import Node
from connectors.markets.archive import (
    ArchivedInstrument,
    Bar,
    SeriesStore,
    Span,
    write_manifest,
    write_settlements,
    write_text,
)
from connectors.markets.manifest import perp_symbol_of

__all__ = ["Fetched", "Progress", "fetch"]

_DAY_MS: Final = 86_400_000
_FUNDING_WINDOW_MS: Final = 3 * _DAY_MS
"""A funding answer may be cut at 100 rows; settlements are an hour apart at least."""

Progress = Callable[[str, int, int], None]
"""Told the series, how many bars of it are done, and how many there are to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a fetch left on the disk."""

    manifest: Path
    bars: int
    widened: int
    settlements: int
    missing: tuple[str, ...]
    """What the exchange does not have, a sentence each."""


@dataclass(slots=True)
class _Tally:
    """What has come together so far."""

    bars: int = 0
    widened: int = 0
    settlements: int = 0
    missing: list[str] = field(default_factory=list)
    instruments: list[ArchivedInstrument] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    """Where the first traded bar of each series opens."""


async def fetch(rest: Rest, plan: FetchPlan, out: Path, told: Progress) -> Fetched:
    """Fetch everything of a plan, or go on with what was begun.

    Args:
        rest: The exchange; no key is needed.
        plan: What to fetch.
        out: The folder that becomes the market.
        told: Hears of every page.

    Raises:
        RefusedError: The exchange has none of the coins, or refuses its lists.
        UnreachableError: The exchange does not answer; the next fetch goes on here.
        UsageError: The disk refuses, or the folder holds another fetch.
    """
    listings = await _listings(rest, plan)
    tally = _Tally()
    for coin in plan.coins:
        await _coin(_Fetching(rest, plan, out, told, tally), listings, coin)
    if not tally.instruments:
        raise RefusedError("Nothing was fetched. " + " ".join(tally.missing))
    if (first_ms := min(tally.firsts)) > plan.span.start_ms:
        tally.missing.append(f"KuCoin has no candles before {_moment(first_ms)}.")
    write_text(out / "rules.json", _rules_text(listings))
    return Fetched(
        manifest=_manifest(plan, out, tally),
        bars=tally.bars,
        widened=tally.widened,
        settlements=tally.settlements,
        missing=tuple(tally.missing),
    )


# -- what the exchange lists ------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listings:
    """The exchange's own rows of what is fetched, by symbol."""

    spot: Mapping[str, Node]
    contracts: Mapping[str, Node]
    isolated: Mapping[str, Node]


async def _listings(rest: Rest, plan: FetchPlan) -> _Listings:
    pairs = {f"{coin}-USDT" for coin in plan.coins}
    perps = {perp_symbol_of(coin) for coin in plan.coins}
    return _Listings(
        spot=await _listed(rest, "symbols", pairs),
        contracts=await _listed(rest, "contracts", perps),
        isolated=await _listed(rest, "isolated_symbols", pairs),
    )


async def _listed(rest: Rest, endpoint: str, wanted: set[str]) -> Mapping[str, Node]:
    try:
        answer = await rest.read(endpoint)
    except ExchangeRefusedError as refused:
        raise RefusedError(
            f"KuCoin refuses its list of {endpoint.replace('_', ' ')} "
            f"({refused.code} {refused.message}); try again later."
        ) from None
    found = {row["symbol"].text(): row for row in rows(answer)}
    return {symbol: found[symbol] for symbol in sorted(wanted & found.keys())}


def _rules_text(listings: _Listings) -> str:
    """The exchange's own rules as a rules file of the market."""
    documents: dict[str, list[object]] = {
        "symbols": [row.value for row in listings.spot.values()],
        "contracts": [row.value for row in listings.contracts.values()],
        "isolated_symbols": [row.value for row in listings.isolated.values()],
    }
    kept: Any = {name: found for name, found in documents.items() if found}
    return msgspec.json.Encoder(decimal_format="number").encode(kept).decode() + "\n"


# -- one coin ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fetching:
    """What every step of a fetch needs."""

    rest: Rest
    plan: FetchPlan
    out: Path
    told: Progress
    tally: _Tally


async def _coin(work: _Fetching, listings: _Listings, coin: str) -> None:
    pair, perp = f"{coin}-USDT", perp_symbol_of(coin)
    files: dict[str, str] = {}
    if pair in listings.spot:
        spot = _series(work.plan, coin, SeriesKind.SPOT, pair)
        await _kept(work, spot, files)
    else:
        work.tally.missing.append(f"KuCoin lists no pair {pair}.")
    contract = listings.contracts.get(perp)
    if contract is None:
        work.tally.missing.append(f"KuCoin lists no contract {perp}.")
    else:
        for series in _futures_series(work.plan, coin, contract):
            await _kept(work, series, files)
        if "perp" in files:
            await _funding(work, perp, files)
    if {"spot", "perp"} & files.keys():
        named = ("spot", "perp", "mark", "funding")
        known: dict[str, str] = {key: files[key] for key in named if key in files}
        work.tally.instruments.append(ArchivedInstrument(coin=coin, files=known))


def _series(plan: FetchPlan, coin: str, kind: SeriesKind, symbol: str) -> Series:
    return Series(
        coin=coin,
        kind=kind,
        symbol=symbol,
        file_symbol=symbol.replace("-", ""),
        bar=plan.bar,
    )


def _futures_series(plan: FetchPlan, coin: str, contract: Node) -> Iterator[Series]:
    (facts,) = contracts(contract).values()
    unit = facts.multiplier or Decimal(1)
    symbol, sources = facts.symbol, priced_by(contract)
    asked: dict[SeriesKind, str | None] = {
        SeriesKind.PERP: symbol,
        SeriesKind.MARK: symbol,
    }
    if plan.has_index:
        asked[SeriesKind.INDEX] = sources.index
        asked[SeriesKind.PREMIUM] = sources.premium
    for kind, name in asked.items():
        if name is not None:
            yield Series(
                coin=coin,
                kind=kind,
                symbol=name,
                file_symbol=symbol,
                bar=plan.bar,
                volume_unit=unit,
            )


async def _kept(work: _Fetching, series: Series, files: dict[str, str]) -> None:
    """Fetch one series and remember its file; what is not there is said."""
    store = SeriesStore(work.out, series.name, work.plan.span)
    try:
        await _fill(work, series, store)
    except RefusedError as refused:
        if series.kind is SeriesKind.SPOT or series.kind is SeriesKind.PERP:
            raise
        work.tally.missing.append(str(refused))
        return
    path = store.finish()
    if path is None:
        what = f"{series.kind.value} candles of {series.symbol}"
        work.tally.missing.append(f"KuCoin has no {what} in that time.")
        return
    work.tally.bars += store.rows
    work.tally.widened += store.widened
    if series.kind in {SeriesKind.SPOT, SeriesKind.PERP}:
        work.tally.firsts.append(store.first_ms)
    files[series.kind.value] = path.relative_to(work.out).as_posix()


async def _fill(work: _Fetching, series: Series, store: SeriesStore) -> None:
    span = work.plan.span
    step_ms = window_bars(series.kind) * span.step_ms
    waiting, widened = list[Bar](), 0
    at = store.next_ms
    work.told(series.name, _done(span, at), span.bars)
    while at < span.end_ms:
        window = Span(
            start_ms=at,
            end_ms=min(at + step_ms, span.end_ms),
            step_ms=span.step_ms,
        )
        page = await read_page(work.rest, series, window)
        waiting, widened = [*waiting, *page.bars], widened + page.widened
        at = window.end_ms
        if len(waiting) >= work.plan.part_bars or at >= span.end_ms:
            store.add(waiting, at, widened)
            waiting, widened = [], 0
        work.told(series.name, _done(span, at), span.bars)


def _done(span: Span, at: int) -> int:
    return (at - span.start_ms) // span.step_ms


async def _funding(work: _Fetching, symbol: str, files: dict[str, str]) -> None:
    """The settled rates from just before the start to the end."""
    span, found = work.plan.span, dict[int, Decimal]()
    at = span.start_ms
    while at <= span.end_ms:
        until = min(at + _FUNDING_WINDOW_MS, span.end_ms)
        try:
            answer = await work.rest.read(
                "public_funding_history",
                {"symbol": symbol, "from": str(at), "to": str(until)},
            )
        except ExchangeRefusedError as refused:
            work.tally.missing.append(
                f"KuCoin does not give the funding of {symbol} "
                f"({refused.code} {refused.message})."
            )
            return
        for rate in past_rates(Node(body(answer).value or [], "funding")):
            stamp = in_ms(rate.settlement_at.replace(microsecond=0))
            if at <= stamp <= until:
                found[stamp] = rate.funding_rate
        at = until + 1
    if not found:
        work.tally.missing.append(f"KuCoin has no funding of {symbol} in that time.")
        return
    path = work.out / "funding" / f"KUCOIN_{symbol}.csv.gz"
    write_settlements(path, sorted(found.items()))
    work.tally.settlements += len(found)
    files["funding"] = path.relative_to(work.out).as_posix()


# -- the manifest -----------------------------------------------------------


def _manifest(plan: FetchPlan, out: Path, tally: _Tally) -> Path:
    span = replace(plan.span, start_ms=min(tally.firsts))
    begin, end = (_day(at) for at in (span.start_ms, span.end_ms))
    note = "Fetched from KuCoin's public REST side. Rules as of the fetch."
    if tally.widened:
        note += (
            f" {tally.widened} bars opened or closed outside their stated range, "
            "which was widened."
        )
    if tally.missing:
        note += " " + " ".join(tally.missing)
    return write_manifest(
        out,
        name=f"kucoin-{begin}-{end}-{plan.bar}",
        title=f"KuCoin, {', '.join(plan.coins)}, {begin} to {end}",
        span=span,
        note=note,
        instruments=tally.instruments,
        rules="rules.json",
    )


def _moment(stamp_ms: int) -> str:
    return datetime.fromtimestamp(stamp_ms / 1_000, tz=UTC).strftime("%Y-%m-%d %H:%M")


def _day(stamp_ms: int) -> str:
    return datetime.fromtimestamp(stamp_ms / 1_000, tz=UTC).strftime("%Y%m%d")
