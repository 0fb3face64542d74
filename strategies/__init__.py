"""The strategies: pure, scheduled decisions, one file each.

``KINDS`` maps the ``kind`` of a ``[strategy.NAME]`` table to what builds it. A
strategy sees the shadow through ``View`` and returns proposals; it knows no
exchange, no clock and no other strategy.
"""

from collections.abc import Mapping
from typing import Final

from bot.domain.scheduled import Kind, kind_of
from strategies.auto_repay import AutoRepay
from strategies.beta_hedge import BetaHedge
from strategies.diversified_beta import DiversifiedBeta
from strategies.funding_arbitrage import FundingArbitrage

__all__ = ["KINDS"]

KINDS: Final[Mapping[str, Kind]] = {
    name: kind_of(name, made_of)
    for name, made_of in (
        ("auto_repay", AutoRepay),
        ("beta_hedge", BetaHedge),
        ("diversified_beta", DiversifiedBeta),
        ("funding_arbitrage", FundingArbitrage),
    )
}
"""The kinds that come with Gnomon; each builds a strategy when it is called."""
