"""All that a strategy's file needs, in one import: ``from bot.strategy import ...``.

The vocabulary, the base class, the declared parameters and the calculators. Names
are only gathered here; nothing is defined. See ``docs/strategy.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import FUTURES, MAIN, MARGIN_CROSS, SPOT, AccountId
from bot.domain.intents import (
    Borrow,
    CancelOrder,
    Intent,
    PlaceOrder,
    Proposal,
    Repay,
    Transfer,
)
from bot.domain.money import ONE, ZERO, floor_to, plain
from bot.domain.orders import OrderType, Side, TimeInForce
from bot.domain.parameters import decimal, flag, text, texts, whole
from bot.domain.scheduled import Scheduled
from bot.domain.strategy import View
from bot.risk.trade import held_coins, trade

__all__ = [
    "FUTURES",
    "MAIN",
    "MARGIN_CROSS",
    "ONE",
    "SPOT",
    "ZERO",
    "AccountId",
    "Borrow",
    "CancelOrder",
    "Decimal",
    "Intent",
    "OrderType",
    "PlaceOrder",
    "Proposal",
    "Repay",
    "Scheduled",
    "Sequence",
    "Side",
    "TimeInForce",
    "Transfer",
    "View",
    "dataclass",
    "datetime",
    "decimal",
    "flag",
    "floor_to",
    "held_coins",
    "plain",
    "text",
    "texts",
    "timedelta",
    "trade",
    "whole",
]
