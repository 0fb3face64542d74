"""One order from a number of coins: rounded, split at flat, marked as a reduction.

The exchange counts spot in base increments and contracts in whole lots, and a
reduction must say that it is one. ``trade`` answers "buy or sell so many coins here"
with an order that the rules accept, or with nothing. It decides nothing and knows no
strategy.
"""

from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, AccountId, MarginMode
from bot.domain.instruments import ContractRules, SpotRules
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE, ZERO, floor_to
from bot.domain.orders import Side
from bot.domain.strategy import View
from bot.risk.sizing import lot_coins, spot_qty

__all__ = ["held_coins", "trade"]

_LEVERAGE: Final = Decimal(3)


def held_coins(view: View, account: AccountId, symbol: str) -> Decimal | None:
    """Coins of a market's base in an account: owned less owed, or the position's.

    Returns:
        Signed coins; None where the rules do not know the market, or the contract is
        inverse, whose lots are no number of coins.
    """
    if account == FUTURES:
        contract = view.rules.contracts.get(symbol)
        if contract is None or contract.is_inverse:
            return None
        position = view.position(symbol)
        return ZERO if position is None else position.lots * contract.multiplier
    rules = view.rules.spot.get(symbol)
    if rules is None:
        return None
    balance = view.balance(account, rules.base)
    return balance.total - balance.liability


def trade(
    view: View,
    account: AccountId,
    symbol: str,
    coins: Decimal,
    *,
    leverage: Decimal = _LEVERAGE,
) -> PlaceOrder | None:
    """A market order for signed coins: more than nought buys, less sells.

    What would turn a holding round goes to flat only: the rest is new risk and is
    asked for when that is done.

    Args:
        view: The shadow.
        account: Where; futures take a contract's symbol, all others a pair's.
        symbol: ``BTC-USDT``, or ``XBTUSDTM`` in futures.
        coins: How many, signed; rounded towards nought to what the rules accept.
        leverage: Of a new futures position, cut to the contract's highest.

    Returns:
        The order; None where the rules leave none or the market is not known.
    """
    held = held_coins(view, account, symbol)
    if held is None or not coins:
        return None
    reduces = held * coins < 0
    wanted = min(abs(coins), abs(held)) if reduces else abs(coins)
    side = Side.BUY if coins > 0 else Side.SELL
    contract = view.rules.contracts.get(symbol)
    if account == FUTURES and contract is not None:
        return _of_lots(view, contract, side, wanted, leverage if not reduces else ZERO)
    pair = view.rules.spot.get(symbol)
    return None if pair is None else _of_coins(view, pair, account, side, wanted)


def _of_lots(
    view: View, contract: ContractRules, side: Side, coins: Decimal, leverage: Decimal
) -> PlaceOrder | None:
    """An order in whole lots; leverage nought reduces what is there."""
    lots = floor_to(coins, lot_coins(contract)) / contract.multiplier
    lots = min(lots, Decimal(contract.max_order_lots))
    if lots <= 0:
        return None
    position = view.position(contract.symbol)
    return PlaceOrder(
        account=FUTURES,
        symbol=contract.symbol,
        side=side,
        qty=lots,
        reduce_only=not leverage,
        is_reduction=not leverage,
        margin_mode=MarginMode.CROSS if position is None else position.mode,
        leverage=max(min(leverage, contract.max_leverage), ONE),
    )


def _of_coins(
    view: View, pair: SpotRules, account: AccountId, side: Side, coins: Decimal
) -> PlaceOrder | None:
    qty = spot_qty(pair, coins, view.mark(pair.base))
    if qty <= 0:
        return None
    balance = view.balance(account, pair.base)
    net = balance.total - balance.liability
    return PlaceOrder(
        account=account,
        symbol=pair.symbol,
        side=side,
        qty=qty,
        is_reduction=net * side.sign < 0,
    )
