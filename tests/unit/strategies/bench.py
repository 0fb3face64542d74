"""A small account for the tests of strategies: one coin, round numbers, real view.

Shadows are made by hand and read through the real ``ShadowView``; a proposal is
"done" by the product's own projection, in full, at the expected price. Nothing here
asserts anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import (
    FUTURES,
    SPOT,
    AccountId,
    Balance,
    Position,
    PositionKey,
)
from bot.domain.events import BorrowRateQuoted, FundingQuoted, LiquidityQuoted
from bot.domain.instruments import (
    ContractRules,
    Lots,
    MarginCoinRules,
    Rules,
    SpotRules,
)
from bot.domain.intents import Proposal
from bot.domain.strategy import Setback
from bot.risk.examples import XBTUSDTM
from bot.risk.view import ShadowView
from bot.shadow.project import project
from bot.shadow.state import Shadow

NOW = datetime(2025, 3, 1, 12, 0, 0, tzinfo=UTC)
PRICE = Decimal(100)
SOLUSDTM: ContractRules = replace(
    XBTUSDTM, symbol="SOLUSDTM", base="SOL", multiplier=Decimal("0.1")
)


def spot_rules(base: str) -> SpotRules:
    """A pair with a step of 0.01 coins and least funds of one USDT."""
    return SpotRules(
        symbol=f"{base}-USDT",
        base=base,
        quote="USDT",
        base_increment=Decimal("0.01"),
        quote_increment=Decimal("0.0001"),
        price_increment=Decimal("0.01"),
        base_min=Decimal("0.01"),
        base_max=Decimal(100_000),
        min_funds=Decimal(1),
        price_limit_rate=Decimal("0.1"),
        fee_class=1,
    )


def rules() -> Rules:
    """SOL and BTC on spot, margin and futures."""
    coins = ("SOL", "BTC", "USDT")
    return Rules(
        spot={f"{coin}-USDT": spot_rules(coin) for coin in coins[:2]},
        contracts={"SOLUSDTM": SOLUSDTM, "XBTUSDTM": XBTUSDTM},
        margin_coins={
            coin: MarginCoinRules(
                coin=coin,
                coefficient=Decimal(1),
                borrow_min=Decimal("0.01"),
                borrow_unit=Decimal("0.01"),
            )
            for coin in coins
        },
        spot_fee_rates={
            f"{coin}-USDT": (Decimal("0.001"), Decimal("0.001")) for coin in coins[:2]
        },
    )


def balance(total: str = "0", owed: str = "0", interest: str = "0") -> Balance:
    """A coin with what is owned, borrowed and due, as text."""
    return Balance(
        total=Decimal(total), principal=Decimal(owed), interest=Decimal(interest)
    )


def position(symbol: str, lots: int, adl_rank: int | None = None) -> Position:
    """A position entered at the price that everything stands at."""
    contract = rules().contracts[symbol]
    return Position(
        symbol=symbol,
        lots=Lots(lots),
        entry_value=contract.value(Decimal(lots), PRICE),
        adl_rank=adl_rank,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What an account and its market look like, in few words.

    ``mark`` and ``futures_mark`` None are stale: known an hour ago. Other numbers
    that are None were never stated.
    """

    balances: Mapping[AccountId, Mapping[str, Balance]] = field(default_factory=dict)
    positions: Sequence[Position] = ()
    rate: str | None = "0.001"
    borrow: str | None = "0.05"
    available: str | None = None
    mark: Decimal | None = PRICE
    futures_mark: Decimal | None = PRICE
    half_spread: str | None = "0.0002"
    perp_half_spread: str = "0.0001"
    halted: frozenset[str] = frozenset()
    setbacks: Mapping[tuple[str, str], Setback] = field(default_factory=dict)
    closes: Mapping[str, tuple[tuple[datetime, Decimal], ...]] = field(
        default_factory=dict
    )

    def shadow(self) -> Shadow:
        """The shadow of this world."""
        marks = {"SOL": self.mark or PRICE, "BTC": self.mark or PRICE}
        futures = dict.fromkeys(("SOLUSDTM", "XBTUSDTM"), self.futures_mark or PRICE)
        stale = NOW - timedelta(hours=1)
        times = dict.fromkeys(marks, stale if self.mark is None else NOW)
        times |= dict.fromkeys(futures, stale if self.futures_mark is None else NOW)
        return Shadow(
            at=NOW,
            rules=rules(),
            balances=self.balances,
            positions={PositionKey(p.symbol): p for p in self.positions},
            margin_marks=marks,
            futures_marks=futures,
            mark_times=times,
            funding={} if self.rate is None else self._funding(self.rate),
            borrow={} if self.borrow is None else self._borrow(self.borrow),
            liquidity={} if self.half_spread is None else self._depth(self.half_spread),
            halted=self.halted,
            setbacks=self.setbacks,
            closes=self.closes,
            is_open=True,
        )

    def view(self) -> ShadowView:
        """The same, as a strategy sees it."""
        return view_of(self.shadow())

    @staticmethod
    def _funding(rate: str) -> dict[str, FundingQuoted]:
        return {
            symbol: FundingQuoted(
                at=NOW,
                symbol=symbol,
                funding_rate=Decimal(rate),
                settlement_at=NOW + timedelta(hours=4),
                funding_interval_h=Decimal(8),
            )
            for symbol in ("SOLUSDTM", "XBTUSDTM")
        }

    def _borrow(self, rate: str) -> dict[str, BorrowRateQuoted]:
        left = None if self.available is None else Decimal(self.available)
        return {
            coin: BorrowRateQuoted(
                at=NOW, coin=coin, annual_rate=Decimal(rate), available=left
            )
            for coin in ("SOL", "BTC", "USDT")
        }

    def _depth(self, half_spread: str) -> dict[str, LiquidityQuoted]:
        spreads = {
            "SOL-USDT": half_spread,
            "BTC-USDT": half_spread,
            "SOLUSDTM": self.perp_half_spread,
            "XBTUSDTM": self.perp_half_spread,
        }
        return {
            symbol: LiquidityQuoted(
                at=NOW,
                symbol=symbol,
                half_spread=Decimal(spread),
                sigma_1m=Decimal("0.001"),
                volume_1m=Decimal(100_000),
            )
            for symbol, spread in spreads.items()
        }


def view_of(shadow: Shadow) -> ShadowView:
    """A shadow as a strategy sees it."""
    return ShadowView(shadow, timedelta(seconds=3))


def done(shadow: Shadow, proposals: Sequence[Proposal]) -> Shadow:
    """The shadow after all proposals were done in full."""
    for proposal in proposals:
        shadow = project(shadow, proposal.intent)
    return shadow


def usdt(
    spot: str = "10000", futures: str = "10000"
) -> dict[AccountId, dict[str, Balance]]:
    """USDT in the spot account and the futures wallet."""
    return {SPOT: {"USDT": balance(spot)}, FUTURES: {"USDT": balance(futures)}}
