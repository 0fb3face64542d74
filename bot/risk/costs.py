"""What a trade cost against the mark, in USDT.

Slippage is what a fill's price was worse than its reference; fees are valued at
the mark of the moment. A coin without a mark has no value in USDT, which is None
and never zero. This module must not sum anything up.
"""

from decimal import Decimal

from bot.domain.accounts import FUTURES
from bot.domain.events import Filled
from bot.domain.money import ONE
from bot.shadow.state import Shadow

__all__ = ["fee_usdt", "mark_usdt", "slippage_usdt"]


def mark_usdt(shadow: Shadow, coin: str) -> Decimal | None:
    """USDT for one coin; USDT is its own unit unless a mark says otherwise."""
    mark = shadow.margin_marks.get(coin)
    return ONE if mark is None and coin == "USDT" else mark


def fee_usdt(event: Filled, shadow: Shadow) -> Decimal | None:
    """The fee of a fill in USDT, negative for a rebate; None without a mark."""
    mark = mark_usdt(shadow, event.fee_coin)
    if not event.fee:
        return event.fee
    return None if mark is None else event.fee * mark


def slippage_usdt(event: Filled, shadow: Shadow) -> Decimal | None:
    """What a fill's price was worse than the reference, in USDT; a loss is positive.

    Spot: ``(price - reference) x qty`` of a buy. Linear contracts the same on
    their size in coins. Inverse contracts are worth ``lots x multiplier / price``
    coins, so a buyer who pays a higher price gets a *smaller* value: the sign turns.

    Example:
        Buying 0.5 BTC ten USDT over the mark costs five.

        >>> from datetime import UTC, datetime
        >>> from bot.domain.accounts import MARGIN_CROSS
        >>> from bot.domain.instruments import Rules
        >>> from bot.domain.orders import Side
        >>> from bot.shadow.state import empty_shadow
        >>> fill = Filled(at=datetime(2025, 1, 1, tzinfo=UTC), trade_id="t",
        ...     order_id="o", intent_id=None, account=MARGIN_CROSS, symbol="BTC-USDT",
        ...     side=Side.BUY, qty=Decimal("0.5"), price=Decimal(60010),
        ...     reference_price=Decimal(60000), fee=Decimal(0), fee_coin="USDT",
        ...     is_maker=False)
        >>> slippage_usdt(fill, empty_shadow(Rules()))
        Decimal('5.0')
    """
    if event.account != FUTURES:
        rules = shadow.rules.spot.get(event.symbol)
        quote = event.symbol.rpartition("-")[2] if rules is None else rules.quote
        price = mark_usdt(shadow, quote)
        worse = (event.price - event.reference_price) * event.side.sign
        return None if price is None else worse * event.qty * price
    contract = shadow.rules.contracts.get(event.symbol)
    price = None if contract is None else mark_usdt(shadow, contract.settle)
    if contract is None or price is None:
        return None
    value = contract.value(event.qty, event.price)
    reference = contract.value(event.qty, event.reference_price)
    sign = -event.side.sign if contract.is_inverse else event.side.sign
    return (value - reference) * sign * price
