"""The frontier and the liquidation price against what shocks really do."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.report.assess import assess
from bot.report.documents import read_documents
from bot.report.whatif import what_if

COINS: Final = ("BTC", "ETH", "DOGE")
LEVEL: Final = Fraction(97, 100)


def numbers(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(
        min_value=Decimal(low),
        max_value=Decimal(high),
        places=places,
        allow_nan=False,
        allow_infinity=False,
    )


amounts = st.tuples(numbers("0", "1000", 6), numbers("0", "1000", 6))


def _account(
    held: dict[str, tuple[Decimal, Decimal]], prices: dict[str, Decimal]
) -> dict[str, Any]:
    """Amounts by coin and USDT prices as the exchange's documents, valued in BTC."""
    btc = prices["BTC"]
    marks = {"USDT": 1 / btc} | {c: prices[c] / btc for c in ("ETH", "DOGE")}
    return {
        "margin_cross": {
            "accounts": [
                {"currency": coin, "total": str(total), "liability": str(owed)}
                for coin, (total, owed) in held.items()
            ]
        },
        "mark_prices": [
            {"symbol": f"{coin}-BTC", "value": str(mark)}
            for coin, mark in marks.items()
        ],
    }


def _ratio(document: dict[str, Any], move: Decimal) -> Fraction:
    """The debt ratio after the same move of every coin but USDT; huge for infinite."""
    documents = read_documents(json.dumps(document), "account.json")
    answer: Any = what_if(documents, dict.fromkeys(COINS, move), {})
    text = answer["after"]["margin_cross"]["debt_ratio"]
    return Fraction(10**12) if text == "Infinity" else Fraction(text)


@given(
    held=st.fixed_dictionaries(
        dict.fromkeys(COINS, amounts)
        | {"USDT": st.tuples(numbers("0", "9999", 4), numbers("0", "9999", 4))}
    ),
    prices=st.fixed_dictionaries({coin: numbers("0.01", "90", 4) for coin in COINS}),
)
def test_the_frontier_is_reached_and_nothing_nearer_is(
    held: dict[str, tuple[Decimal, Decimal]], prices: dict[str, Decimal]
) -> None:
    """At the move the ratio is the threshold; half way it is below; None is never."""
    document = _account(held, prices)
    documents = read_documents(json.dumps(document), "account.json")
    answer: Any = what_if(documents, {}, {})
    reached = answer["frontier"]["margin_cross"]["0.97"]["uniform"]
    before = _ratio(document, Decimal(0))
    if before >= LEVEL:
        assert reached == {"down": "0", "up": "0"}
        return
    for text, far in (
        (reached["down"], Decimal("-0.9999")),
        (reached["up"], Decimal(9)),
    ):
        if text is None:
            assert _ratio(document, far) < LEVEL
            continue
        move = Decimal(text)
        assume(move > Decimal("-0.999999") and move < 10**6)
        assert abs(_ratio(document, move) - LEVEL) < Fraction(1, 10**15)
        assert _ratio(document, move / 2) < LEVEL


@given(
    base=amounts,
    quote=amounts,
    price=numbers("0.01", "1000", 4),
    limit=numbers("0.8", "0.98", 2),
    weights=st.tuples(numbers("0.5", "1", 2), numbers("0.5", "1", 2)),
)
def test_a_pair_is_at_its_limit_at_the_liquidation_price(
    base: tuple[Decimal, Decimal],
    quote: tuple[Decimal, Decimal],
    price: Decimal,
    limit: Decimal,
    weights: tuple[Decimal, Decimal],
) -> None:
    """Debt equals limit times weighted assets there, and nowhere if there is none."""
    lines = {
        f"{leg}Asset": {"currency": coin, "total": str(own), "liability": str(owed)}
        for leg, coin, (own, owed) in (("base", "BTC", base), ("quote", "USDT", quote))
    }
    found: Any = assess(
        read_documents(
            json.dumps(
                {
                    "margin_isolated": {"assets": [{"symbol": "BTC-USDT", **lines}]},
                    "mark_prices": [{"symbol": "USDT-BTC", "value": str(1 / price)}],
                    "isolated_symbols": [
                        {"symbol": "BTC-USDT", "flDebtRatio": str(limit)}
                    ],
                    "margin_currencies": [
                        {
                            "symbol": "BTC-USDT",
                            "baseMarginCoefficient": str(weights[0]),
                            "quoteMarginCoefficient": str(weights[1]),
                        }
                    ],
                }
            ),
            "account.json",
        )
    )
    pair = found["margin_isolated"]["BTC-USDT"]
    assert pair["missing"] == []
    slope = Fraction(base[1]) - Fraction(limit * base[0] * weights[0])
    constant = Fraction(quote[1]) - Fraction(limit * quote[0] * weights[1])
    text = pair["liquidation_price"]
    if text is None:
        assert slope == 0 or -constant / slope <= 0
        return
    at = Fraction(text)
    assert abs(constant + slope * at) < Fraction(1, 10**15) * (1 + abs(constant))
