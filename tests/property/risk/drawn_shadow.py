"""Random whole accounts: every sort of subject, two marks a coin, gaps among them."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    Balance,
    MarginMode,
    Position,
    PositionKey,
    PositionSide,
    isolated_account,
)
from bot.domain.events import OrderChanged
from bot.domain.instruments import (
    ContractRules,
    IsolatedPairRules,
    Lots,
    MarginCoinRules,
    RiskTier,
    Rules,
)
from bot.domain.orders import OrderState, Side
from bot.shadow.state import Shadow
from tests.property.risk.drawn import (
    COINS,
    accounts,
    contracts,
    decimals,
    fractions_of_one,
    positions,
    seldom,
)
from tests.unit.venue.builders import START

__all__ = ["LINEAR", "marks", "shadows"]

LINEAR: Final = ("XBTUSDTM", "XBTMU26", "ETHUSDTM")
INVERSE: Final = ("XBTUSDM", "XBTMZ26")
PAIRS: Final = ("BTC-USDT", "ETH-USDT")
FUTURES_COIN: Final = {"XBT": "BTC"}

marks = decimals("500", "2000", 2)


@st.composite
def _tiers(draw: st.DrawFn, value: Decimal) -> tuple[RiskTier, ...]:
    """Up to four tiers around a value, in any order; one may be the value itself."""
    shares = draw(st.lists(st.integers(3, 20), unique=True, max_size=4))
    return tuple(
        RiskTier(
            max_notional=value * share / 10,
            max_leverage=Decimal(10),
            initial_margin_rate=Decimal(share) / 50,
            maintenance_margin_rate=Decimal(share) / 100,
        )
        for share in shares
    )


@st.composite
def _contract(draw: st.DrawFn, symbol: str) -> ContractRules:
    """A contract of BTC or ETH without tiers, now and then without its curve."""
    rules = draw(contracts(symbol, is_inverse=symbol in INVERSE))
    coin = FUTURES_COIN.get(rules.base, rules.base)
    return replace(
        rules,
        base=coin,
        settle="BTC" if rules.is_inverse else "USDT",
        m=None if draw(st.integers(0, 30)) == 0 else rules.m,
        maintenance_margin_rate=draw(
            st.sampled_from([Decimal("0.004"), Decimal("0.01"), None])
        ),
    )


@st.composite
def _held(draw: st.DrawFn, rules: ContractRules) -> list[Position]:
    """No position, one, or the two of hedge mode; cross or isolated."""
    both, long, short = PositionSide.BOTH, PositionSide.LONG, PositionSide.SHORT
    sides = draw(st.sampled_from([(), (both,), (both,), (both,), (long, short)]))
    found = []
    for side in sides:
        position = draw(positions(rules, side))
        lots = Lots(0) if draw(seldom) and draw(seldom) else position.lots
        mode = draw(st.sampled_from(MarginMode))
        rate = draw(st.sampled_from([None, Decimal("0.003"), Decimal("0.1")]))
        rate = rate if mode is MarginMode.ISOLATED else None
        held = replace(position, mode=mode, lots=lots, maintenance_margin_rate=rate)
        found.append(held)
    return found


def _orders(symbols: tuple[str, ...]) -> st.SearchStrategy[list[OrderChanged]]:
    return st.lists(
        st.builds(
            OrderChanged,
            at=st.just(START),
            order_id=st.uuids().map(str),
            intent_id=st.none(),
            account=st.just(FUTURES),
            symbol=st.sampled_from(symbols),
            side=st.sampled_from(Side),
            state=st.just(OrderState.OPEN),
            qty=st.integers(0, 3000).map(Decimal),
            filled_qty=st.just(Decimal(0)),
            reduce_only=seldom,
            position_side=st.sampled_from(PositionSide),
        ),
        max_size=3,
    )


def _coin(coin: str, coefficient: Decimal) -> MarginCoinRules:
    return MarginCoinRules(coin=coin, coefficient=coefficient)


@st.composite
def _rules(draw: st.DrawFn) -> Rules:
    weights = {coin: draw(fractions_of_one) for coin in COINS}
    known = draw(st.sets(st.sampled_from(COINS)))
    return Rules(
        contracts={
            symbol: draw(_contract(symbol))
            for symbol in (*LINEAR, *INVERSE)
            if draw(st.integers(0, 20))
        },
        margin_coins={coin: _coin(coin, weights[coin]) for coin in sorted(known)},
        isolated_pairs={
            pair: IsolatedPairRules(
                symbol=pair,
                base=pair[:3],
                quote="USDT",
                max_leverage=Decimal(10),
                liquidation_debt_ratio=draw(fractions_of_one),
                base_rules=_coin(pair[:3], weights[pair[:3]]),
                quote_rules=_coin("USDT", weights["USDT"]),
            )
            for pair in PAIRS
            if draw(st.booleans())
        },
    )


def _gappy(
    draw: st.DrawFn, names: tuple[str, ...], of: st.SearchStrategy[Decimal]
) -> Mapping[str, Decimal]:
    """A mark for most names; some have none or zero."""
    found: dict[str, Decimal] = {}
    for name in names:
        luck = draw(st.integers(0, 20))
        if luck:
            found[name] = draw(of) if luck > 1 else Decimal(0)
    return found


@st.composite
def shadows(draw: st.DrawFn) -> Shadow:
    """An account with margin, cross futures of two currencies and lone positions."""
    rules = draw(_rules())
    held = [p for c in rules.contracts.values() for p in draw(_held(c))]
    tiers = {p.symbol: draw(_tiers(abs(p.entry_value))) for p in held}
    tiered = {
        name: replace(each, tiers=tiers.get(name, ()))
        for name, each in rules.contracts.items()
    }
    rules = replace(rules, contracts=tiered)
    if draw(seldom):
        held.append(Position(symbol="NEWM", lots=Lots(1), entry_value=Decimal(1)))
    symbols = (*LINEAR, *INVERSE)
    margin = {
        name: draw(accounts)
        for name in (MARGIN_CROSS, *map(isolated_account, PAIRS))
        if draw(st.booleans())
    }
    wallets = {
        "USDT": Balance(total=draw(decimals("0", "3000000", 2))),
        "BTC": Balance(total=draw(decimals("0", "50", 6))),
    }
    coins = COINS if draw(seldom) else tuple(c for c in COINS if c != "USDT")
    return Shadow(
        at=START,
        rules=rules,
        balances={**margin, FUTURES: wallets},
        positions={PositionKey(p.symbol, p.side): p for p in held},
        orders={each.order_id: each for each in draw(_orders(symbols))},
        margin_marks=_gappy(draw, coins, decimals("0.0001", "200000", 6)),
        futures_marks=_gappy(draw, symbols, marks),
    )
