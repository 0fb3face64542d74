"""A small venue for tests: two pairs, two contracts, round numbers.

Prices are set by hand, depth is generous unless a test says otherwise. Nothing
here asserts anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import (
    AccountId,
    AccountSnapshot,
    Balance,
    Position,
    PositionKey,
)
from bot.domain.events import Event, IntentSettled
from bot.domain.instruments import (
    IsolatedPairRules,
    MarginCoinRules,
    Rules,
    SpotRules,
)
from bot.domain.intents import Approved, Intent
from bot.domain.market import BorrowRate, Liquidity, MarketInstant
from connectors.venue.examples import XBTUSDM, XBTUSDTM
from connectors.venue.venue import Venue

START = datetime(2025, 1, 1, 12, 0, 0, tzinfo=UTC)
DEEP = Liquidity(
    half_spread=Decimal("0.0002"), sigma_1m=Decimal("0.001"), volume_1m=Decimal(10000)
)
THIN = replace(DEEP, volume_1m=Decimal(10))


def spot_rules(base: str, *, tick: str = "0.1") -> SpotRules:
    """A pair against USDT with a step of 1e-5 and least funds of 0.1."""
    return SpotRules(
        symbol=f"{base}-USDT",
        base=base,
        quote="USDT",
        base_increment=Decimal("0.00001"),
        quote_increment=Decimal("0.000001"),
        price_increment=Decimal(tick),
        base_min=Decimal("0.00001"),
        base_max=Decimal(10000),
        min_funds=Decimal("0.1"),
        price_limit_rate=Decimal("0.1"),
        fee_class=1,
    )


def coin_rules(coin: str, *, coefficient: str = "1") -> MarginCoinRules:
    """A coin that can be borrowed in steps of 1e-4, without a personal limit."""
    return MarginCoinRules(
        coin=coin,
        coefficient=Decimal(coefficient),
        borrow_min=Decimal("0.001"),
        borrow_unit=Decimal("0.0001"),
    )


def rules() -> Rules:
    """BTC and ETH on spot, cross and isolated margin; BTC and inverse futures."""
    return Rules(
        spot={f"{c}-USDT": spot_rules(c) for c in ("BTC", "ETH")},
        contracts={"XBTUSDTM": XBTUSDTM, "XBTUSDM": XBTUSDM},
        margin_coins={c: coin_rules(c) for c in ("BTC", "ETH", "USDT")},
        isolated_pairs={
            "BTC-USDT": IsolatedPairRules(
                symbol="BTC-USDT",
                base="BTC",
                quote="USDT",
                max_leverage=Decimal(10),
                liquidation_debt_ratio=Decimal("0.97"),
                base_rules=coin_rules("BTC"),
                quote_rules=coin_rules("USDT"),
            )
        },
        spot_fee_rates={
            f"{c}-USDT": (Decimal("0.001"), Decimal("0.001")) for c in ("BTC", "ETH")
        },
    )


def instant(
    at: datetime = START,
    *,
    btc: str = "50000",
    eth: str = "2500",
    liquidity: Liquidity | None = None,
    rates: Sequence[BorrowRate] = (),
    halted: Mapping[str, bool] | None = None,
) -> MarketInstant:
    """The market at a time: spot, marks and futures at the same price."""
    price, other = Decimal(btc), Decimal(eth)
    depth = (
        {}
        if liquidity is None
        else dict.fromkeys(("BTC-USDT", "ETH-USDT", "XBTUSDTM", "XBTUSDM"), liquidity)
    )
    return MarketInstant(
        at=at,
        last_prices={
            "BTC-USDT": price,
            "ETH-USDT": other,
            "XBTUSDTM": price,
            "XBTUSDM": price,
        },
        margin_marks={"BTC": price, "ETH": other},
        futures_marks={"XBTUSDTM": price, "XBTUSDM": price},
        liquidity=depth,
        borrow_rates=tuple(rates),
        halted=halted or {},
    )


RATES = (
    BorrowRate(coin="USDT", annual_rate=Decimal("0.11")),
    BorrowRate(coin="BTC", annual_rate=Decimal("0.04")),
    BorrowRate(coin="ETH", annual_rate=Decimal("0.04")),
)


def opening(
    balances: Mapping[str, Mapping[str, str]],
    *,
    debts: Mapping[str, Mapping[str, str]] | None = None,
    positions: Sequence[Position] = (),
    leverage: Mapping[str, str] | None = None,
) -> AccountSnapshot:
    """An opening account; ``debts`` are principals, by account and coin."""
    owed = debts or {}
    accounts: dict[AccountId, dict[str, Balance]] = {}
    for name in sorted({*balances, *owed}):
        totals, principals = balances.get(name, {}), owed.get(name, {})
        accounts[AccountId(name)] = {
            coin: Balance(
                total=Decimal(totals.get(coin, "0")),
                principal=Decimal(principals.get(coin, "0")),
            )
            for coin in sorted({*totals, *principals})
        }
    return AccountSnapshot(
        balances=accounts,
        positions={PositionKey(p.symbol, p.side): p for p in positions},
        margin_leverage={
            AccountId(name): Decimal(x) for name, x in (leverage or {}).items()
        },
    )


def venue(
    account: AccountSnapshot,
    *,
    first: MarketInstant | None = None,
    with_rules: Rules | None = None,
) -> Venue:
    """A venue at ``START`` with deep books and quoted lending rates."""
    return Venue(
        rules=with_rules or rules(),
        opening=account,
        first=first or instant(liquidity=DEEP, rates=RATES),
        at=START,
    )


def later(seconds: float) -> datetime:
    """That many seconds after ``START``."""
    return START + timedelta(seconds=seconds)


def approved(intent: Intent, intent_id: str = "i-1") -> Approved:
    """An intent as the guard would let it pass."""
    return Approved(intent_id=intent_id, owner="test", intent=intent, reason="test")


def settled(events: Sequence[Event]) -> IntentSettled:
    """The answer at the head of the events of a request."""
    head = events[0]
    if not isinstance(head, IntentSettled):
        raise TypeError(f"the first event must be the answer, was {head}")
    return head
