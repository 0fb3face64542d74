"""KuCoin's published fee tables: rates by VIP level, class and discount.

They are the defaults of paper and replay; a live account's own rates come from the
exchange. Rates are fractions of the traded value, negative is a rebate. Class B and
C pairs pay two and three times the *positive* rates of class A; paying in KCS takes
20 % off positive spot rates. Nothing here knows an account.

Source: KuCoin help 48142946141635, 26 March 2026.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

__all__ = ["MAX_VIP", "FeeRates", "fee", "futures_fee_rates", "spot_fee_rates"]

_PER_CENT: Final = Decimal("0.01")
_KCS_FACTOR: Final = Decimal("0.8")


def _row(text: str) -> tuple[Decimal, ...]:
    """A row of the published table, printed there in hundredths."""
    return tuple(Decimal(each) * _PER_CENT for each in text.split())


_FUTURES_MAKER: Final = _row(
    ".02 .018 .015 .01 .008 .006 .004 .002 0 -.002 -.004 -.006 -.008"
)
_FUTURES_TAKER: Final = _row(
    ".06 .06 .06 .06 .053 .048 .043 .039 .036 .033 .03 .028 .025"
)
_SPOT_MAKER: Final = _row(".1 .095 .09 .075 .055 .035 .025 .015 .01 0 0 -.003 -.005")
_SPOT_TAKER: Final = _row(".1 .1 .1 .09 .075 .055 .045 .042 .04 .04 .03 .025 .025")

MAX_VIP: Final = len(_FUTURES_MAKER) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRates:
    """Fractions of the traded value."""

    maker: Decimal
    taker: Decimal


def futures_fee_rates(vip: int) -> FeeRates:
    """Futures rates of a VIP level, 0 to 12.

    Example:
        >>> rates = futures_fee_rates(0)
        >>> rates.maker, rates.taker
        (Decimal('0.0002'), Decimal('0.0006'))
    """
    _check_vip(vip)
    return FeeRates(maker=_FUTURES_MAKER[vip], taker=_FUTURES_TAKER[vip])


def spot_fee_rates(
    vip: int, fee_class: int = 1, *, pays_in_kcs: bool = False
) -> FeeRates:
    """Spot and margin rates of a VIP level for a pair's class (1 is A, 2 B, 3 C).

    Example:
        >>> spot_fee_rates(0, 2, pays_in_kcs=True).taker
        Decimal('0.0016')
        >>> spot_fee_rates(12, 3).maker
        Decimal('-0.00005')
    """
    _check_vip(vip)
    if fee_class not in {1, 2, 3}:
        raise ValueError(f"fee_class must be 1, 2 or 3, was {fee_class}")
    factor = fee_class * _KCS_FACTOR if pays_in_kcs else Decimal(fee_class)
    maker, taker = _SPOT_MAKER[vip], _SPOT_TAKER[vip]
    return FeeRates(
        maker=maker * factor if maker > 0 else maker,
        taker=taker * factor if taker > 0 else taker,
    )


def fee(value: Decimal, rate: Decimal) -> Decimal:
    """The fee on a traded value, unrounded; negative is a rebate.

    Example:
        KuCoin's own fill.

        >>> fee(Decimal("86.2751"), Decimal("0.00060"))
        Decimal('0.051765060')
    """
    return abs(value) * rate


def _check_vip(vip: int) -> None:
    if not 0 <= vip <= MAX_VIP:
        raise ValueError(f"vip must be a level from 0 to {MAX_VIP}, was {vip}")
