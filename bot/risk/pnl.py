"""Realised profit of a closed futures position and the margin a position shows.

Values are exact; nothing is rounded. Nothing here may know an account.

Source: KuCoin's API examples of closed positions and of a cross position.
"""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.instruments import ContractRules, Lots

__all__ = ["ClosedPosition", "closed_position", "cross_position_margin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedPosition:
    """What a round trip earned, in settle currency; ``net`` after fees."""

    gross: Decimal
    fee: Decimal
    net: Decimal


def closed_position(
    rules: ContractRules,
    lots: Lots,
    prices: tuple[Decimal, Decimal],
    fee_rates: tuple[Decimal, Decimal],
    funding: Decimal = Decimal(0),
) -> ClosedPosition:
    """The profit of opening and closing ``lots`` (signed as they were held).

    Args:
        rules: The contract.
        lots: Positive for a long.
        prices: Entry and exit.
        fee_rates: Of entry and exit, fractions of the value.
        funding: Funding received meanwhile, negative if paid.

    Example:
        KuCoin's own row: long 0.001 BTC from 93 859.8 to 94 443.5, maker twice.

        >>> from bot.risk.examples import XBTUSDTM
        >>> maker = Decimal("0.0002")
        >>> closed = closed_position(
        ...     XBTUSDTM, Lots(1), (Decimal("93859.8"), Decimal("94443.5")),
        ...     (maker, maker), Decimal("-0.03389521"),
        ... )
        >>> closed.gross, closed.fee, closed.net
        (Decimal('0.5837'), Decimal('0.03766066'), Decimal('0.51214413'))
    """
    entry, leave = (rules.value(Decimal(lots), price) for price in prices)
    gross = entry - leave if rules.is_inverse else leave - entry
    fee = abs(entry) * fee_rates[0] + abs(leave) * fee_rates[1]
    return ClosedPosition(gross=gross, fee=fee, net=gross - fee + funding)


def cross_position_margin(value: Decimal, rate: Decimal) -> Decimal:
    """Initial margin of a cross position: its unsigned value times the IMR.

    At entry value this is KuCoin's ``posInit`` (with 1 / leverage), at mark value
    its ``posMargin``.

    Example:
        >>> cross_position_margin(Decimal("-0.000407478"), Decimal("0.1"))
        Decimal('0.0000407478')
    """
    return abs(value) * rate
