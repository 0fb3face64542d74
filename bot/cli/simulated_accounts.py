"""The accounts that ``gnomon simulate`` puts in danger, one after the other.

Each is levered so that some scenario endangers it: longs, shorts of other coins,
and a pair whose one leg wins what the other loses. Nothing here runs anything.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from bot.domain.accounts import MarginMode, PositionSide
from connectors.venue.account_parts import (
    AccountFile,
    Amount,
    MarginPart,
    PositionPart,
)

__all__ = ["ACCOUNTS"]


def _worth(amounts: Mapping[str, int]) -> dict[str, Amount]:
    """Amounts in USDT at the first mark."""
    return {
        coin: Amount(number=Decimal(number), is_worth=True)
        for coin, number in amounts.items()
    }


def _perpetual(symbol: str, usdt: int, leverage: int) -> PositionPart:
    return PositionPart(
        name="futures.position",
        symbol=symbol,
        mode=MarginMode.CROSS,
        side=PositionSide.BOTH,
        lots=None,
        base=Amount(number=Decimal(usdt), is_worth=True),
        entry=None,
        leverage=Decimal(leverage),
        margin=None,
    )


def _account(
    name: str,
    *,
    owned: Mapping[str, int],
    owed: Mapping[str, int],
    wallet: int,
    position: PositionPart,
) -> AccountFile:
    return AccountFile(
        path=Path(name),
        digest=hashlib.sha256(name.encode()).hexdigest(),
        vip=0,
        main=_worth({"USDT": 1000}),
        spot={},
        margin_cross=MarginPart(
            leverage=Decimal(5), balance=_worth(owned), principal=_worth(owed)
        ),
        margin_isolated={},
        wallet=_worth({"USDT": wallet}),
        positions=(position,),
    )


ACCOUNTS: Final[tuple[AccountFile, ...]] = (
    _account(
        "long",
        owned={"BTC": 24_000, "SOL": 16_000},
        owed={"USDT": 29_000},
        wallet=5_000,
        position=_perpetual("ETHUSDTM", 20_000, 5),
    ),
    _account(
        "short",
        owned={"USDT": 40_000},
        owed={"SOL": 29_000},
        wallet=5_000,
        position=_perpetual("ETHUSDTM", -20_000, 5),
    ),
    _account(
        "pair",
        owned={"ETH": 40_000},
        owed={"USDT": 29_000},
        wallet=9_000,
        position=_perpetual("ETHUSDTM", -40_000, 5),
    ),
)
"""A long, a short and a hedged pair, all of them levered about four times."""
