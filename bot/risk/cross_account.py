"""The cross futures of one settle currency, read out of the shadow.

Positions, resting orders and the wallet without what isolated positions keep, as the
formulas of this package take them. Nothing here calculates a risk number.
"""

from bot.domain.accounts import FUTURES, MarginMode
from bot.domain.instruments import Lots
from bot.domain.money import ZERO
from bot.domain.orders import Side
from bot.risk.futures_shape import FuturesAccount, OpenOrder
from bot.shadow.state import Shadow

__all__ = ["cross_account"]


def cross_account(shadow: Shadow, settle: str) -> FuturesAccount:
    """What the exchange liquidates together in one settle currency.

    Example:
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> cross_account(empty_shadow(Rules()), "USDT").positions
        ()
    """
    contracts = shadow.rules.contracts
    own = [
        p
        for key, p in shadow.positions.items()
        if key.symbol in contracts and contracts[key.symbol].settle == settle
    ]
    return FuturesAccount(
        settle=settle,
        wallet=shadow.balance(FUTURES, settle).total,
        isolated_position_margin=sum(
            (p.margin for p in own if p.mode is MarginMode.ISOLATED), ZERO
        ),
        positions=tuple(p for p in own if p.mode is MarginMode.CROSS),
        orders=_open_orders(shadow, settle),
    )


def _open_orders(shadow: Shadow, settle: str) -> tuple[OpenOrder, ...]:
    return tuple(
        OpenOrder(
            symbol=order.symbol,
            side=Side(order.side),
            lots=Lots(int(order.qty - order.filled_qty)),
            price=order.price,
            reduce_only=order.reduce_only,
            mode=order.margin_mode,
            position_side=order.position_side,
        )
        for order in shadow.orders.values()
        if order.account == FUTURES
        and order.symbol in shadow.rules.contracts
        and shadow.rules.contracts[order.symbol].settle == settle
    )
