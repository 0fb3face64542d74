"""How many coins the whole account is long or short, and where.

An exposure is signed base coins of one coin in one account: spot and margin
holdings less what is owed there, and futures positions (an inverse contract
counts ``lots x multiplier / mark``). Hedges are exposures of opposite sign in
different accounts. Nothing here judges or plans.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.accounts import FUTURES, MAIN, AccountId, Position
from bot.domain.instruments import ContractRules
from bot.domain.money import ZERO
from bot.shadow.state import Shadow

__all__ = [
    "Exposure",
    "HedgeQty",
    "coin_exposures",
    "hedge_qty",
    "net_exposures",
    "position_base_qty",
]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Signed coins in one account, under one symbol."""

    account: AccountId
    symbol: str
    base_qty: Decimal

    @property
    def is_wallet(self) -> bool:
        """Whether it is coins of the futures wallet, which nothing there can sell."""
        return self.account == FUTURES and "-" in self.symbol


@dataclass(frozen=True, slots=True)
class HedgeQty:
    """The opposite leg and how many of its coins go with a reduction."""

    account: AccountId | None
    symbol: str
    qty: Decimal


def position_base_qty(
    contract: ContractRules, position: Position, mark: Decimal | None
) -> Decimal | None:
    """Signed coins of a position; None for an inverse one without a mark.

    Example:
        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> position_base_qty(XBTUSDTM, Position(
        ...     symbol="XBTUSDTM", lots=Lots(-150), entry_value=Decimal(-9000)), None)
        Decimal('-0.150')
    """
    lots = Decimal(position.lots)
    if not contract.is_inverse:
        return lots * contract.multiplier
    if mark is None or mark <= 0:
        return None
    return lots * contract.multiplier / mark


def coin_exposures(shadow: Shadow, coin: str) -> tuple[Exposure, ...]:
    """Where a coin is held, owed or traded, one entry an account and symbol.

    The main account is the reserve and no leg of any hedge. A futures wallet that
    settles in the coin itself counts as holding it.
    """
    found: list[Exposure] = []
    for account, coins in shadow.balances.items():
        balance = coins.get(coin)
        if balance is None or account == MAIN:
            continue
        net = balance.total - balance.liability
        if net:
            found.append(Exposure(account, f"{coin}-USDT", net))
    for key, position in shadow.positions.items():
        contract = shadow.rules.contracts.get(key.symbol)
        if contract is None or contract.base != coin:
            continue
        qty = position_base_qty(
            contract, position, shadow.futures_marks.get(key.symbol)
        )
        if qty:
            found.append(Exposure(FUTURES, key.symbol, qty))
    return tuple(found)


def net_exposures(shadow: Shadow) -> dict[str, Decimal]:
    """Net signed coins of everything but USDT over all accounts but main."""
    net = {coin: ZERO for held in shadow.balances.values() for coin in held}
    for account, held in shadow.balances.items():
        for coin, balance in held.items() if account != MAIN else ():
            net[coin] += balance.total - balance.liability
    for key, position in shadow.positions.items():
        contract = shadow.rules.contracts.get(key.symbol)
        if contract is None:
            continue
        mark = shadow.futures_marks.get(key.symbol)
        qty = position_base_qty(contract, position, mark) or ZERO
        net[contract.base] = net.get(contract.base, ZERO) + qty
    return {coin: net[coin] for coin in sorted(net) if coin != "USDT"}


def hedge_qty(
    exposures: Sequence[Exposure],
    *,
    exposure_sign: int,
    qty: Decimal,
    from_account: AccountId,
    from_symbol: str,
) -> HedgeQty:
    """How much of the opposite leg leaves with ``qty`` coins of this one.

    The hedged part of the exposure is cut evenly: when only half of it is hedged,
    half of ``qty`` is taken from the other leg. The largest opposite leg that can
    trade is chosen: another account's, or another contract of the futures account.
    Coins in the futures wallet hedge, but they are no leg that can be sold there.

    Example:
        Long 1 BTC in margin against a short of 0.5 BTC: selling 0.2 buys back 0.1.

        >>> legs = (
        ...     Exposure(AccountId("margin_cross"), "BTC-USDT", Decimal(1)),
        ...     Exposure(FUTURES, "XBTUSDTM", Decimal("-0.5")),
        ... )
        >>> hedge_qty(legs, exposure_sign=1, qty=Decimal("0.2"),
        ...           from_account=AccountId("margin_cross"),
        ...           from_symbol="BTC-USDT").qty
        Decimal('0.10')
    """
    same = sum((e.base_qty for e in exposures if e.base_qty * exposure_sign > 0), ZERO)
    others = [
        e
        for e in exposures
        if e.base_qty * exposure_sign < 0
        and (e.account, e.symbol) != (from_account, from_symbol)
    ]
    legs = [e for e in others if not e.is_wallet]
    if not legs or not same:
        return HedgeQty(None, "", ZERO)
    total = sum((e.base_qty for e in others), ZERO)
    leg = max(legs, key=lambda e: (abs(e.base_qty), e.account, e.symbol))
    share = min(abs(total) / abs(same), Decimal(1))
    return HedgeQty(leg.account, leg.symbol, min(qty * share, abs(leg.base_qty)))
