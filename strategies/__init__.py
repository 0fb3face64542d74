"""The strategies: pure, scheduled decisions, one file each.

``KINDS`` maps the ``kind`` of a ``[strategy.NAME]`` table to what builds it. A
strategy sees the shadow through ``View`` and returns proposals; it knows no
exchange, no clock and no other strategy.
"""

from collections.abc import Callable, Mapping
from typing import Final

from bot.domain.strategy import Strategy
from strategies.auto_repay import from_mapping as auto_repay
from strategies.beta_hedge import from_mapping as beta_hedge
from strategies.diversified_beta import from_mapping as diversified_beta
from strategies.funding_arbitrage import from_mapping as funding_arbitrage

__all__ = ["KINDS"]

KINDS: Final[
    Mapping[str, Callable[[str, str | None, Mapping[str, object]], Strategy]]
] = {
    "auto_repay": auto_repay,
    "beta_hedge": beta_hedge,
    "diversified_beta": diversified_beta,
    "funding_arbitrage": funding_arbitrage,
}
"""Kind to its maker: ``(name, schedule, parameters) -> Strategy``."""
