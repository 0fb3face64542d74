"""Every figure that KuCoin prints about futures, reproduced within its tolerance.

The vectors are facts copied to ``tests/golden``; each has a check here by its name.
What cannot be an oracle (misprints, old rules, the unified account) is skipped by
rule, printed, and pinned, so that a new vector cannot be ignored silently.
"""

import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from tests.unit.risk import vectors_cross as cross
from tests.unit.risk import vectors_other as other
from tests.unit.risk.vectors_common import (
    Case,
    Check,
    tolerance_of,
)

VECTORS: Final[dict[str, Any]] = {
    each["name"]: each
    for each in json.loads(
        (
            Path(__file__).parents[2] / "golden" / "kucoin-vectors-futures.json"
        ).read_text("utf-8"),
        parse_float=Decimal,
    )
}
SKIPPED_KINDS: Final = ("wrong", "inconsistent", "truncated")
SKIPPED_PREFIXES: Final = ("uta_", "isolated_pre2025_", "isolated_help_old_")


def skip_reason(vector: Case) -> str | None:
    """Why a vector is no oracle, by its kind or by its name."""
    for word in SKIPPED_KINDS:
        if vector["kind"].endswith(word):
            return f"the printed figures are {word}"
    for prefix in SKIPPED_PREFIXES:
        if vector["name"].startswith(prefix):
            return f"{prefix}* follows other rules"
    return None


SKIPPED: Final = {
    name: reason
    for name, vector in VECTORS.items()
    if (reason := skip_reason(vector)) is not None
}


CHECKS: Final[Mapping[str, Check]] = {
    "cross_risk_rate_help_page": cross.check_risk_rate,
    "cross_tmmr_from_help_page": cross.check_tmmr,
    "cross_max_open_help_page": cross.check_max_open,
    "margin_needed_for_size_inverse_of_max_open": cross.check_margin_for_size,
    "batchGetCrossOrderLimit_XBTUSDTM": cross.check_order_limit,
    "batchGetCrossOrderLimit_ETHUSDTM": cross.check_order_limit,
    "mmr_reaches_limit_XBTUSDTM": cross.check_limit_size,
    "imr_second_branch_XBTUSDTM": cross.check_crossover,
    "cross_liq_help_page_ETH_short": cross.check_help_liquidation,
    "cross_position_ETHUSDM_margin_fields": cross.check_inverse_margins,
    "cross_position_ETHUSDM_liq_and_bankrupt": cross.check_inverse_prices,
    "cross_total_margin_wallet_ws_classic": cross.check_wallet,
    "cross_total_margin_ws_unified_channel": cross.check_wallet,
    "cross_initial_margin_and_pnl": cross.check_initial_margin,
    "isolated_post2025_long_XBTUSDTM": other.check_isolated,
    "isolated_post2025_short_XBTUSDTM": other.check_isolated,
    "isolated_uta_short_TRUMPUSDTM": other.check_isolated,
    "isolated_insurance_page_long": other.check_insurance_page,
    "isolated_order_cost": other.check_order_cost,
    "ladder_reduction_level4": other.check_ladder,
    "funding_inverse_long_pays": other.check_funding_inverse,
    "funding_private_history": other.check_funding,
    "funding_uta_1": other.check_funding,
    "funding_uta_2": other.check_funding,
    "funding_cap_XBTUSDTM": other.check_cap,
    "funding_cap_help_example": other.check_cap,
    "fill_fee_taker": other.check_fill,
    "closed_position_pnl_maker_both_sides": other.check_closed,
    "closed_position_pnl_uta_taker": other.check_closed,
    "adl_return_rate_long": other.check_adl,
    "adl_return_rate_short": other.check_adl,
    "adl_return_rate_inverse_long": other.check_adl,
    "adl_return_rate_inverse_short": other.check_adl,
    "price_band_XBTUSDTM": other.check_band,
}


@pytest.mark.parametrize("name", [each for each in VECTORS if each not in SKIPPED])
def test_vector(name: str) -> None:
    """What KuCoin printed comes out within the vector's own tolerance."""
    vector = VECTORS[name]

    CHECKS[name](vector["inputs"], vector["expected"], tolerance_of(vector))


def test_exactly_these_vectors_are_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    """The list of skipped vectors is printed, and no other vector lacks a check."""
    with capsys.disabled():
        for name, reason in SKIPPED.items():
            sys.stdout.write(f"\nskipped vector {name}: {reason}")

    assert set(SKIPPED) == {
        "cross_liq_help_page_BTC_long_MISPRINT",
        "account_overview_official_example_unreproducible",
        "margin_offset_opposite_orders",
        "isolated_pre2025_long_details",
        "isolated_pre2025_long_list",
        "isolated_pre2025_long_ws",
        "isolated_help_old_short_liq",
        "uta_overview_risk_ratio",
        "uta_cross_position",
        "uta_lw_push_adjusted_equity",
        "uta_haircut_progressive_help",
        "uta_haircut_cdrEquity_is_cumulative",
    }
    assert set(CHECKS) | set(SKIPPED) == set(VECTORS)
    assert not set(CHECKS) & set(SKIPPED)
