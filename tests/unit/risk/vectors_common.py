"""What the vector checks share: comparing numbers and building contracts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bot.domain.accounts import Position
from bot.domain.instruments import ContractRules, Lots
from bot.domain.money import ZERO
from bot.risk.examples import XBTUSDTM

Case = Mapping[str, Any]
Check = Callable[[Case, Case, Decimal], None]
D = Decimal


def tolerance_of(vector: Case) -> Decimal:
    """The number that a tolerance begins with; "exact" and the like are zero."""
    found = re.match(r"[0-9.]+", vector["tolerance"])
    return D(found[0]) if found else D(0)


def near(actual: Decimal | None, expected: Any, tolerance: Decimal = ZERO) -> None:
    """Assert that a number is within a tolerance of the printed one."""
    assert actual is not None
    assert abs(actual - D(str(expected))) <= tolerance, (actual, expected)


def contract(symbol: str, multiplier: str, mmr: str | None = None) -> ContractRules:
    """A linear contract; a given MMR holds for every size."""
    rules = replace(XBTUSDTM, symbol=symbol, multiplier=D(multiplier))
    if mmr is None:
        return rules
    return replace(
        rules,
        mmr_limit=D(mmr),
        mmr_lev_constant=D("0.5"),
        f=D(1),
        maintenance_margin_rate=D(mmr),
        tiers=(),
    )


def held(case: Case, rules: ContractRules, entry: str) -> Position:
    """A position of ``size_base`` coins on ``side`` at an entry price."""
    sign = 1 if case.get("side", "long").lower() == "long" else -1
    lots = Lots(sign * int(D(case.get("size_base", "1")) / rules.multiplier))
    return Position(
        symbol=rules.symbol,
        lots=lots,
        entry_value=rules.value(D(lots), D(case[entry])),
        margin=D(case.get("position_margin", case.get("position_margin_inferred", 0))),
    )
