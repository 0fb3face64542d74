"""The answers of assess against a second, naive computation in fractions."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.report.assess import assess
from bot.report.documents import read_documents
from bot.report.whatif import what_if

COINS: Final = ("BTC", "ETH", "USDT", "DOGE")
TOLERANCE: Final = Fraction(1, 10**25)


def numbers(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(
        min_value=Decimal(low),
        max_value=Decimal(high),
        places=places,
        allow_nan=False,
        allow_infinity=False,
    )


def _same(text: str | None, expected: Fraction) -> bool:
    assert text is not None
    return abs(Fraction(text) - expected) <= TOLERANCE * max(Fraction(1), abs(expected))


coin_state = st.fixed_dictionaries(
    {
        "total": numbers("0", "100000", 8),
        "liabilityPrincipal": numbers("0", "50000", 8),
        "liabilityInterest": numbers("0", "10", 8),
    }
)


@given(
    held=st.dictionaries(st.sampled_from(COINS), coin_state, min_size=1),
    marks=st.fixed_dictionaries(
        {coin: numbers("0.00000001", "2", 12) for coin in COINS if coin != "BTC"}
    ),
    weights=st.fixed_dictionaries({coin: numbers("0.1", "1", 4) for coin in COINS}),
    shock=numbers("-0.9", "3", 4),
)
def test_cross_margin_equals_the_naive_sum(
    held: dict[str, dict[str, Decimal]],
    marks: dict[str, Decimal],
    weights: dict[str, Decimal],
    shock: Decimal,
) -> None:
    """Debt over weighted assets, valued in BTC, before and after a BTC shock."""
    document = {
        "margin_cross": {
            "accounts": [
                {
                    "currency": coin,
                    **{name: str(value) for name, value in state.items()},
                    "liability": str(
                        state["liabilityPrincipal"] + state["liabilityInterest"]
                    ),
                }
                for coin, state in held.items()
            ]
        },
        "mark_prices": [
            {"symbol": f"{coin}-BTC", "value": str(price)}
            for coin, price in marks.items()
        ],
        "margin_currencies": [
            [{"currency": coin, "marginCoefficient": str(weight)}]
            for coin, weight in weights.items()
        ],
    }
    documents = read_documents(json.dumps(document), "account.json")
    answer: Any = what_if(documents, {"BTC": shock}, {})
    for state, factor in (("before", Fraction(1)), ("after", 1 + Fraction(shock))):
        prices = {c: Fraction(p) / factor for c, p in marks.items()} | {
            "BTC": Fraction(1)
        }
        asset = sum(Fraction(v["total"]) * prices[c] for c, v in held.items())
        weighted = sum(
            Fraction(v["total"]) * prices[c] * Fraction(weights[c])
            for c, v in held.items()
        )
        debt = sum(
            (Fraction(v["liabilityPrincipal"]) + Fraction(v["liabilityInterest"]))
            * prices[c]
            for c, v in held.items()
        )
        cross = answer[state]["margin_cross"]
        assert cross["missing"] == []
        assert _same(cross["total_asset_btc"], Fraction(asset))
        assert _same(cross["total_debt_btc"], Fraction(debt))
        if debt == 0:
            assert cross["debt_ratio"] == "0"
        elif weighted == 0:
            assert cross["debt_ratio"] == "Infinity"
        else:
            assert _same(cross["debt_ratio"], Fraction(debt) / Fraction(weighted))


contract_state = st.fixed_dictionaries(
    {
        "lots": st.integers(-5000, 5000),
        "entry": numbers("1", "100000", 2),
        "mark": numbers("1", "100000", 2),
        "buys": st.integers(0, 3000),
        "sells": st.integers(0, 3000),
        "reduce": st.integers(0, 3000),
    }
)


def _naive(book: dict[str, Any], *, is_inverse: bool) -> tuple[Fraction, ...]:
    """Profit, maintenance, order maintenance, exposed and opened value of a book."""
    multiplier = Fraction(1) if is_inverse else Fraction(1, 1000)

    def rate(lots: int) -> Fraction:
        size = Fraction(lots) if is_inverse else lots * multiplier
        return min(Fraction(3, 10), (1 + size / 3000) / (2 * 50))

    mark, entry = Fraction(book["mark"]), Fraction(book["entry"])
    lots, buys, sells = book["lots"], book["buys"], book["sells"]
    unit = multiplier / mark if is_inverse else multiplier * mark
    change = 1 / entry - 1 / mark if is_inverse else mark - entry
    worst = max(abs(lots + buys), abs(lots - sells))
    own = abs(lots) * unit * rate(abs(lots))
    return (
        lots * multiplier * change,
        own,
        worst * unit * rate(worst) - own,
        worst * unit,
        max(buys, sells) * unit,
    )


@given(
    is_inverse=st.booleans(),
    books=st.lists(contract_state, min_size=1, max_size=3),
    wallet=numbers("1", "10000000", 8),
    taker=numbers("0.0001", "0.001", 4),
)
def test_futures_equal_the_naive_sum(
    *,
    is_inverse: bool,
    books: list[dict[str, Any]],
    wallet: Decimal,
    taker: Decimal,
) -> None:
    """Risk rate and its parts from positions and netted orders, both contract kinds."""
    fee = max(Fraction(6, 10000), Fraction(taker))
    pnl, held, order, exposed, opened = (
        Fraction(sum(column))
        for column in zip(
            *(_naive(book, is_inverse=is_inverse) for book in books), strict=True
        )
    )
    closing, opening = exposed * fee, opened * fee
    document = _futures_document(
        books, wallet=wallet, taker=taker, is_inverse=is_inverse
    )
    found: Any = assess(read_documents(json.dumps(document), "account.json"))
    answer = found["futures"]["XBT" if is_inverse else "USDT"]
    assert _same(answer["total_margin"], Fraction(wallet) - 1 + pnl)
    assert _same(answer["maintenance_margin"], held)
    assert _same(answer["order_maintenance_margin"], order)
    assert _same(answer["closing_fee"], closing)
    assert _same(answer["opening_fee"], opening)
    margin = Fraction(wallet) - 1 + pnl - opening
    need = held + order + closing
    if need == 0:
        assert answer["risk_rate"] == "0"
        assert answer["tmmr"] is None
    elif margin <= 0:
        assert answer["risk_rate"] == "Infinity"
    else:
        assume(need / margin < 10**6)
        assert _same(answer["risk_rate"], need / margin)
        assert _same(answer["tmmr"], margin / need)


def _futures_document(
    books: list[dict[str, Any]], *, wallet: Decimal, taker: Decimal, is_inverse: bool
) -> dict[str, Any]:
    settle = "XBT" if is_inverse else "USDT"
    purse = {
        "currency": settle,
        "walletBalance": str(wallet),
        "isolatedOrderMargin": "0.4",
        "isolatedPosMargin": "0.6",
        "crossUnPnl": "12345",
    }
    contract = {
        "baseCurrency": "XBT",
        "quoteCurrency": "USD" if is_inverse else "USDT",
        "settleCurrency": settle,
        "isInverse": is_inverse,
        "multiplier": -1 if is_inverse else 0.001,
        "takerFeeRate": str(taker),
        "m": 3000,
        "mmrLevConstant": 50,
        "mmrLimit": 0.3,
    }
    position = {"markPrice": "3", "marginMode": "CROSS", "settleCurrency": settle}
    orders = [order for i, b in enumerate(books) for order in _orders(i, b, settle)]
    return {
        "futures": {
            "contracts": [
                contract | {"symbol": f"C{index}M", "markPrice": str(book["mark"])}
                for index, book in enumerate(books)
            ],
            "wallets": [purse],
            "positions": [
                position
                | {
                    "symbol": f"C{index}M",
                    "currentQty": book["lots"],
                    "avgEntryPrice": str(book["entry"]),
                }
                for index, book in enumerate(books)
            ],
            "orders": {"items": orders, "totalPage": 1},
        }
    }


def _orders(index: int, book: dict[str, Any], settle: str) -> list[dict[str, Any]]:
    """A buy, a sell and a reduce-only sell, each filled by seven lots already."""
    return [
        {
            "id": f"{index}-{side}-{flag}",
            "symbol": f"C{index}M",
            "type": "limit",
            "side": side,
            "price": "5",
            "size": size + 7,
            "filledSize": 7,
            "status": "open",
            "isActive": True,
            "marginMode": "CROSS",
            "settleCurrency": settle,
            "reduceOnly": flag == "reduce",
        }
        for side, flag, size in (
            ("buy", "", book["buys"]),
            ("sell", "", book["sells"]),
            ("sell", "reduce", book["reduce"]),
        )
    ]
