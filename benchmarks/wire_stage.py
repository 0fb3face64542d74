"""The stage of ``bench_wire_latency.py``: its market, its accounts and its venue.

The market stands still while the bot starts, and then falls all the time, so that a
guard with its target close to its act distance cuts at almost every mark; nothing of
it is recorded. ``serve`` is ``gnomon venue
serve`` with one addition: the monotonic time at which each push goes out is kept.
"""

import asyncio
import hashlib
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Final

from bot.compose import paper_account
from bot.compose_venue import ServeOptions, compose_venue
from bot.domain.market import (
    BorrowRate,
    FundingQuote,
    Instrument,
    Liquidity,
    MarketDescription,
    MarketInstant,
    PathOrder,
)
from connectors.markets.manifest import perp_symbol_of
from connectors.venue.account_file import AccountFile, load_account
from connectors.venue.account_parts import Amount
from connectors.venue.server.fault_script import WebsocketRule
from connectors.venue.server.faults import FrameDice

__all__ = ["CASES", "Case", "FallingMarket", "account_of", "serve"]

_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_KEPT: Final = 400_000
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One size of account: the coins of the market, and how many of them as futures."""

    name: str
    coins: tuple[str, ...]
    positions: int
    still_s: int
    """Market seconds before prices move, for the start of the bot."""


_FIVE: Final = ("BTC", "ETH", "SOL", "XRP", "DOGE")
_HUNDRED: Final = ("BTC", "ETH", *(f"Q{n:02d}" for n in range(98)))

CASES: Final[Mapping[str, Case]] = {
    "small": Case(name="small", coins=_FIVE, positions=1, still_s=10),
    "large": Case(name="large", coins=_HUNDRED, positions=50, still_s=15),
}


def account_of(case: Case, folder: Path) -> AccountFile:
    """The default account, or one with all coins owned and fifty positions.

    Both without a reserve and with nothing to spare in the futures account, so that a
    cure is an order at once.
    """
    if case.name == "small":
        wallet = {"USDT": Amount(number=Decimal(3_600), is_worth=False)}
        return replace(paper_account(), main={}, wallet=wallet)
    first, *others = case.coins
    owned = ", ".join([f'{first} = "@51000"', *(f'{c} = "@1000"' for c in others)])
    lines = ['[margin_cross]\nleverage = "5"']
    lines += [f"balance = {{{owned}}}", 'principal = {USDT = "100000"}']
    lines += ['[futures]\nwallet = {USDT = "36000"}']
    lines += [
        f'[[futures.position]]\nsymbol = "{perp_symbol_of(coin)}"\nmode = "cross"\n'
        'base = "@3000"\nentry = "mark"\nleverage = 5'
        for coin in case.coins[: case.positions]
    ]
    path = folder / "account.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_account(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class FallingMarket:
    """Prices that stand still, fall by an eighth in five seconds, then creep down."""

    case: Case
    seconds: int = 3_600

    @property
    def description(self) -> MarketDescription:
        """What it is."""
        case = self.case
        return MarketDescription(
            name=f"falling-{case.name}",
            title="one long fall",
            start=_START,
            end=_START + timedelta(seconds=self.seconds),
            instruments=tuple(
                Instrument(
                    coin=coin,
                    spot_symbol=f"{coin}-USDT",
                    perp_symbol=perp_symbol_of(coin),
                    resolution="1s",
                )
                for coin in case.coins
            ),
            resolution="1s",
            digest=hashlib.sha256(repr(case).encode()).hexdigest(),
            is_synthetic=True,
        )

    def first_prices(self) -> MarketInstant:
        """The first instant."""
        return self._instant(0)

    def instants(self, path_order: Mapping[str, PathOrder]) -> Iterator[MarketInstant]:
        """One instant a second."""
        return (self._instant(second) for second in range(self.seconds))

    def history(self) -> Mapping[str, Sequence[tuple[datetime, Decimal]]]:
        """Nothing is known of what was before."""
        return {}

    def _instant(self, second: int) -> MarketInstant:
        at, coins = _START + timedelta(seconds=second), self.case.coins
        prices = {c: self._price(place, second) for place, c in enumerate(coins)}
        perps = {perp_symbol_of(c): price for c, price in prices.items()}
        spots = {f"{c}-USDT": price for c, price in prices.items()}
        depth = Liquidity(
            half_spread=Decimal("0.0002"),
            sigma_1m=Decimal("0.001"),
            volume_1m=Decimal(1_000_000),
        )
        is_first = second == 0
        return MarketInstant(
            at=at,
            last_prices={**spots, **perps},
            margin_marks=prices,
            futures_marks=perps,
            liquidity=dict.fromkeys((*spots, *perps), depth) if is_first else {},
            funding_quotes=tuple(
                FundingQuote(
                    symbol=name,
                    funding_rate=Decimal("0.0001"),
                    settlement_at=_START + 8 * _HOUR,
                    funding_interval_h=Decimal(8),
                )
                for name in (perps if is_first else ())
            ),
            borrow_rates=tuple(
                BorrowRate(coin=coin, annual_rate=Decimal("0.1"))
                for coin in ((*coins, "USDT") if is_first else ())
            ),
        )

    def _price(self, place: int, second: int) -> Decimal:
        """A price of five digits: the fall, and a small swing of the coin's own."""
        start = {0: Decimal(60_000), 1: Decimal(3_000)}.get(place, Decimal(place + 1))
        passed = max(second - self.case.still_s, 0)
        fallen = min(passed, 5) * Decimal("0.027") + passed * Decimal("0.001")
        swing = Decimal((second * (place + 3)) % 7) * Decimal("0.0001")
        raw = start * (1 - min(fallen, Decimal("0.6")) + swing)
        digits = Decimal(1).scaleb(raw.adjusted() - 4)
        return raw.quantize(digits, rounding=ROUND_HALF_EVEN)


class _Stamps(FrameDice):
    """No faults: it keeps when the sockets asked whether to send a frame."""

    def __init__(self) -> None:
        self.sent: deque[tuple[float, str]] = deque(maxlen=_KEPT)

    def draw(self, host: str, topic: str, at: datetime) -> WebsocketRule | None:
        """Keep the monotonic time right before the frame is written."""
        self.sent.append((time.monotonic(), topic))
        return None


def serve(case: Case, speed: float, folder: Path) -> None:
    """Serve until SIGTERM; ``sent.json`` then says when each push went out."""
    stamps = _Stamps()
    process = compose_venue(
        ServeOptions(
            market=FallingMarket(case=case),
            account=account_of(case, folder),
            speed=speed,
        )
    )
    process.front.faults.frames = stamps
    code = asyncio.run(process.run(lambda line: print(line, flush=True)))
    text = json.dumps(list(stamps.sent))
    (folder / "sent.json").write_text(text, encoding="utf-8")
    raise SystemExit(code)
