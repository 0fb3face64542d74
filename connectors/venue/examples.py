"""Two real contracts, for worked examples in docstrings and tests.

Facts of KuCoin's ``contracts/active`` answer (October 2026). Nothing that trades may
read its rules from here: those come from ``rules``.
"""

from decimal import Decimal
from typing import Final

from bot.domain.instruments import ContractRules

__all__ = ["XBTUSDM", "XBTUSDTM"]

XBTUSDTM: Final = ContractRules(
    symbol="XBTUSDTM",
    base="BTC",
    quote="USDT",
    settle="USDT",
    is_inverse=False,
    multiplier=Decimal("0.001"),
    lot_size=1,
    tick_size=Decimal("0.1"),
    max_order_lots=1000000,
    max_leverage=Decimal(125),
    k=Decimal(490),
    m=Decimal(300),
    f=Decimal("1.3"),
    mmr_limit=Decimal("0.3"),
    mmr_lev_constant=Decimal(125),
    maker_fee_rate=Decimal("0.0002"),
    taker_fee_rate=Decimal("0.0006"),
    price_band=Decimal("0.05"),
    initial_margin_rate=Decimal("0.008"),
    maintenance_margin_rate=Decimal("0.004"),
)

XBTUSDM: Final = ContractRules(
    symbol="XBTUSDM",
    base="BTC",
    quote="USD",
    settle="BTC",
    is_inverse=True,
    multiplier=Decimal(1),
    lot_size=1,
    tick_size=Decimal("0.1"),
    max_order_lots=1000000,
    max_leverage=Decimal(75),
    k=Decimal(2645000),
    m=Decimal(1640000),
    f=Decimal("1.3"),
    mmr_limit=Decimal("0.3"),
    mmr_lev_constant=Decimal(75),
    maker_fee_rate=Decimal("0.0002"),
    taker_fee_rate=Decimal("0.0006"),
    price_band=Decimal("0.05"),
    initial_margin_rate=Decimal("0.014"),
    maintenance_margin_rate=Decimal("0.007"),
)
