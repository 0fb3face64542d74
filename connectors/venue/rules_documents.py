"""A market's own rules: a file of KuCoin documents, read for the venue.

Field names of KuCoin are read by ``connectors.kucoin.parse`` alone, which also turns
its values into rules. Nothing here knows a price.
"""

from collections.abc import Mapping
from typing import Final

from bot.domain.errors import UsageError
from connectors.kucoin.parse.contracts import contracts, risk_tiers
from connectors.kucoin.parse.margin_rules import (
    MarginTerms,
    collateral_tiers,
    isolated_terms,
    margin_config,
    margin_terms,
)
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.spot_rules import spot_listings
from connectors.kucoin.parse.stated_rules import (
    NO_CONFIG,
    StatedRules,
    coin_rules,
    pair_rules,
    stated_contract,
    stated_spot,
)

__all__ = [
    "DOCUMENT_KEYS",
    "StatedRules",
    "coin_rules",
    "pair_rules",
    "read_documents",
    "stated_contract",
    "stated_spot",
]

DOCUMENT_KEYS: Final = frozenset(
    {
        "contracts",
        "currencies",
        "symbols",
        "isolated_symbols",
        "margin_config",
        "collateral_ratio",
        "risk_limits",
    }
)


def read_documents(documents: Mapping[str, object] | None) -> StatedRules:
    """Read a market's rules file, already decoded from JSON.

    Raises:
        UsageError: A key is not one of ``DOCUMENT_KEYS``, or a field is broken.
    """
    if not documents:
        return StatedRules()
    unknown = sorted(set(documents) - DOCUMENT_KEYS)
    if unknown:
        raise UsageError(
            f"The rules file has the unknown key {unknown[0]!r}; it may hold "
            f"{', '.join(sorted(DOCUMENT_KEYS))}."
        )
    nodes = {name: Node(value, name) for name, value in documents.items()}
    has = nodes.keys()
    return StatedRules(
        contracts=contracts(nodes["contracts"]) if "contracts" in has else {},
        tiers=risk_tiers(nodes["risk_limits"]) if "risk_limits" in has else {},
        spot=spot_listings(nodes["symbols"]) if "symbols" in has else {},
        margin=(
            margin_terms(nodes["currencies"]) if "currencies" in has else MarginTerms()
        ),
        isolated=(
            isolated_terms(nodes["isolated_symbols"])
            if "isolated_symbols" in has
            else {}
        ),
        collateral=(
            collateral_tiers(nodes["collateral_ratio"])
            if "collateral_ratio" in has
            else {}
        ),
        config=(
            margin_config(nodes["margin_config"])
            if "margin_config" in has
            else NO_CONFIG
        ),
    )
