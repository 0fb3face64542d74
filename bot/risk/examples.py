"""KuCoin's published contract, for the worked examples in docstrings and tests.

A fact copied from the exchange's documentation. No decision may ever read it: an
account's rules come from the exchange.
"""

from decimal import Decimal
from typing import Final

from bot.domain.instruments import ContractRules

__all__ = ["XBTUSDTM"]

XBTUSDTM: Final = ContractRules(
    symbol="XBTUSDTM",
    base="BTC",
    quote="USDT",
    settle="USDT",
    is_inverse=False,
    multiplier=Decimal("0.001"),
    lot_size=1,
    tick_size=Decimal("0.1"),
    max_order_lots=1_000_000,
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
"""The linear BTC contract as KuCoin's API example prints it."""
