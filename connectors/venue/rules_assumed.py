"""Rules for instruments that nobody stated, scaled to the first mark.

DESIGN section 11: a lot is the power of ten of coins worth 1 to 10 USDT, a tick about
1e-4 of the price, constant 50, m worth 3 M and k worth 5 M USDT, mmrLimit 0.3, f 1.3.
Ours beyond that page, all labelled the same way: leverage is the constant, price band
10 %, the first isolated tier ends at 25,000 USDT and the ladder above it is that of
XBTUSDTM; a spot size step is worth at most a cent, the least order 0.1 USDT. Nothing
here reads a document.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from bot.domain.fees import futures_fee_rates
from bot.domain.instruments import ContractRules, RiskTier, SpotRules
from bot.domain.money import ONE
from connectors.venue.rules_table import ContractFacts

__all__ = [
    "assumed_spot",
    "assumed_tiers",
    "complete_contract",
    "is_complete",
    "lot_of",
    "tick_of",
]

_CONSTANT: Final = Decimal(50)
_K_USDT: Final = Decimal(5_000_000)
_M_USDT: Final = Decimal(3_000_000)
_F: Final = Decimal("1.3")
_MMR_LIMIT: Final = Decimal("0.3")
_BAND: Final = Decimal("0.1")
_MAX_ORDER_LOTS: Final = 1_000_000
_FIRST_TIER_USDT: Final = Decimal(25_000)
_TICK_SHARE: Final = Decimal("0.0001")
_CENT: Final = Decimal("0.01")
_LADDER: Final = (1, 5, 10, 20, 30, 50, 80, 120, 200, 300, 400, 500)
_LADDER_RATES: Final = (
    ("100", "0.01", "0.005"),
    ("75", "0.014", "0.007"),
    ("50", "0.02", "0.01"),
    ("30", "0.034", "0.017"),
    ("20", "0.05", "0.025"),
    ("10", "0.1", "0.05"),
    ("5", "0.2", "0.1"),
    ("4", "0.25", "0.125"),
    ("3", "0.334", "0.167"),
    ("2", "0.5", "0.25"),
    ("1", "1", "0.5"),
)


def lot_of(price: Decimal) -> Decimal:
    """The power of ten of coins that is worth 1 to 10 USDT.

    Example:
        >>> lot_of(Decimal(60000)), lot_of(Decimal("0.25"))
        (Decimal('0.0001'), Decimal('10'))
    """
    return Decimal(10) ** -price.adjusted()


def tick_of(price: Decimal) -> Decimal:
    """The power of ten nearest to 1e-4 of a price, on the scale of logarithms.

    Example:
        >>> tick_of(Decimal(60000)), tick_of(Decimal("0.25"))
        (Decimal('10'), Decimal('0.00001'))
    """
    exponent = (price * _TICK_SHARE).log10().to_integral_value(ROUND_HALF_EVEN)
    return Decimal(10) ** exponent


def is_complete(facts: ContractFacts) -> bool:
    """Whether a contract is known well enough to need no assumption but tiers."""
    needed = (
        facts.multiplier,
        facts.tick_size,
        facts.max_leverage,
        facts.k,
        facts.m,
        facts.mmr_lev_constant,
    )
    return all(value is not None for value in needed)


def assumed_tiers(
    leverage: Decimal, rates: tuple[Decimal, Decimal], first_limit: Decimal
) -> tuple[RiskTier, ...]:
    """An isolated ladder in the shape of XBTUSDTM's.

    Args:
        leverage: The contract's maximum, which the first tier allows.
        rates: Initial and maintenance margin rate of the first tier.
        first_limit: Where the first tier ends, in settle currency.
    """
    first = (leverage, *rates)
    lower = [
        (Decimal(lev), Decimal(initial), Decimal(maintenance))
        for lev, initial, maintenance in _LADDER_RATES
        if Decimal(lev) < leverage and Decimal(maintenance) > rates[1]
    ]
    return tuple(
        RiskTier(
            max_notional=first_limit * multiple,
            max_leverage=lev,
            initial_margin_rate=initial,
            maintenance_margin_rate=maintenance,
        )
        for multiple, (lev, initial, maintenance) in zip(
            _LADDER, (first, *lower), strict=False
        )
    )


def complete_contract(facts: ContractFacts, price: Decimal, vip: int) -> ContractRules:
    """The rules of a contract, known facts first, assumptions where none is known.

    Args:
        facts: What the table states.
        price: The first mark, quote units a coin.
        vip: Fee level, 0 to 12.
    """
    constant = facts.mmr_lev_constant or facts.max_leverage or _CONSTANT
    leverage = facts.max_leverage or constant
    initial = facts.initial_margin_rate or ONE / constant
    maintenance = facts.maintenance_margin_rate or ONE / (2 * constant)
    per_usdt = ONE if facts.is_inverse else ONE / price
    first_limit = facts.risk_limit or (
        _FIRST_TIER_USDT / price if facts.is_inverse else _FIRST_TIER_USDT
    )
    fees = futures_fee_rates(vip)
    return ContractRules(
        symbol=facts.symbol,
        base=facts.base,
        quote=facts.quote,
        settle=facts.settle,
        is_inverse=facts.is_inverse,
        multiplier=facts.multiplier or (ONE if facts.is_inverse else lot_of(price)),
        lot_size=facts.lot_size or 1,
        tick_size=facts.tick_size or tick_of(price),
        max_order_lots=facts.max_order_lots or _MAX_ORDER_LOTS,
        max_leverage=leverage,
        k=facts.k or _K_USDT * per_usdt,
        m=facts.m or _M_USDT * per_usdt,
        f=facts.f or _F,
        mmr_limit=facts.mmr_limit or _MMR_LIMIT,
        mmr_lev_constant=constant,
        maker_fee_rate=fees.maker,
        taker_fee_rate=fees.taker,
        price_band=facts.price_band or _BAND,
        cross_risk_limit=facts.cross_risk_limit,
        tiers=facts.tiers
        or assumed_tiers(leverage, (initial, maintenance), first_limit),
        initial_margin_rate=initial,
        maintenance_margin_rate=maintenance,
        funding_rate_cap=facts.funding_rate_cap,
        funding_rate_floor=facts.funding_rate_floor,
    )


def assumed_spot(symbol: str, base: str, quote: str, price: Decimal) -> SpotRules:
    """The rules of a spot pair nobody stated; fee class B (DESIGN section 11).

    Args:
        symbol: KuCoin's name, such as ``SOL-USDT``.
        base: The coin that is bought.
        quote: The coin that pays, taken as worth a dollar.
        price: The first price, quote coins a base coin.
    """
    step = _CENT * Decimal(10) ** -(price.adjusted() + 1)
    return SpotRules(
        symbol=symbol,
        base=base,
        quote=quote,
        base_increment=max(step, Decimal("0.00000001")),
        quote_increment=Decimal("0.000001"),
        price_increment=tick_of(price),
        base_min=max(10 * step, Decimal("0.00000001")),
        base_max=Decimal(10_000_000_000),
        min_funds=Decimal("0.1"),
        price_limit_rate=_BAND,
        fee_class=2,
    )
