"""Assess and what-if are total: any file is answered or refused in a sentence."""

import json
from decimal import Decimal
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import UsageError
from bot.report.assess_view import assessment_view, what_if_view
from bot.report.documents import read_documents
from bot.report.whatif import what_if

ACCOUNT: Final[dict[str, Any]] = {
    "margin_cross": {
        "accounts": [
            {
                "currency": "BTC",
                "total": "1",
                "hold": "0.1",
                "liability": "0.2",
                "liabilityPrincipal": "0.1",
                "liabilityInterest": "0.1",
            },
            {"currency": "USDT", "total": "100", "hold": "0", "liability": "9000"},
        ]
    },
    "margin_isolated": {
        "assets": [
            {
                "symbol": "BTC-USDT",
                "baseAsset": {"currency": "BTC", "total": "1", "liability": "0.2"},
                "quoteAsset": {"currency": "USDT", "total": "1", "liability": "7"},
            }
        ]
    },
    "mark_prices": [{"symbol": "USDT-BTC", "value": "0.00002"}],
    "margin_currencies": [
        [
            {
                "currency": "BTC",
                "marginCoefficient": "0.9",
                "borrowMaxAmount": "10",
                "borrowMinAmount": "0.1",
                "borrowMinUnit": "0.1",
                "borrowEnabled": True,
            }
        ],
        [{"symbol": "BTC-USDT", "baseMarginCoefficient": "0.9"}],
    ],
    "isolated_symbols": [
        {
            "symbol": "BTC-USDT",
            "baseCurrency": "BTC",
            "quoteCurrency": "USDT",
            "flDebtRatio": "0.97",
            "maxLeverage": 10,
        }
    ],
    "margin_config": {"maxLeverage": 5, "liqDebtRatio": "0.97"},
    "collateral_ratio": [
        {
            "currencyList": ["BTC", "USDT"],
            "items": [
                {"lowerLimit": "0", "upperLimit": "9", "collateralRatio": "1"},
                {"lowerLimit": "9", "upperLimit": "99999", "collateralRatio": "0.5"},
            ],
        }
    ],
    "futures": {
        "contracts": [
            {
                "symbol": symbol,
                "baseCurrency": "XBT",
                "quoteCurrency": quote,
                "settleCurrency": settle,
                "multiplier": multiplier,
                "isInverse": settle == "XBT",
                "lotSize": 1,
                "maxOrderQty": 1000,
                "markPrice": 50000,
                "takerFeeRate": 0.0006,
                "maintainMargin": 0.004,
                "k": 490,
                "m": 300,
                "f": 1.3,
                "mmrLevConstant": 125,
                "mmrLimit": 0.3,
                "crossRiskLimit": 1000000,
            }
            for symbol, quote, settle, multiplier in (
                ("XBTUSDTM", "USDT", "USDT", 0.001),
                ("XBTUSDM", "USD", "XBT", -1),
            )
        ],
        "wallets": [
            {
                "currency": currency,
                "walletBalance": "1000",
                "isolatedOrderMargin": "0",
                "isolatedPosMargin": "3",
                "crossPosMargin": "1",
                "crossOrderMargin": "1",
            }
            for currency in ("USDT", "XBT")
        ],
        "positions": [
            {
                "symbol": symbol,
                "currentQty": lots,
                "avgEntryPrice": 49000,
                "markPrice": 50000,
                "marginMode": mode,
                "settleCurrency": settle,
                "leverage": 5,
                "posMargin": 3,
                "maintMarginReq": 0.004,
                "positionSide": side,
            }
            for symbol, lots, mode, settle, side in (
                ("XBTUSDTM", -100, "CROSS", "USDT", "SHORT"),
                ("XBTUSDTM", 10, "ISOLATED", "USDT", "LONG"),
                ("XBTUSDM", 100, "CROSS", "XBT", "BOTH"),
            )
        ],
        "orders": [
            {
                "id": "1",
                "symbol": "XBTUSDTM",
                "type": "limit",
                "side": "buy",
                "price": "50000",
                "size": 10,
                "status": "open",
                "marginMode": "CROSS",
                "settleCurrency": "USDT",
                "leverage": "3",
            }
        ],
    },
}

DROPPED: Final = object()
strange = st.sampled_from(
    [
        DROPPED,
        None,
        "",
        "0",
        "-1",
        "1e-30",
        "1e39",
        "12345678901234567890.123456789",
        "BTC",
        "CROSS",
        "ISOLATED",
        "LONG",
        True,
        False,
        [],
        {},
        0,
        1,
        -3,
    ]
)


def _places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found += _places(inner, (*path, index))
    return found


def _replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    head, *rest = path
    copy = value.copy()
    if rest:
        copy[head] = _replaced(value[head], tuple(rest), new)
    elif new is DROPPED:
        del copy[head]
    else:
        copy[head] = new
    return copy


def _check_numbers(value: object) -> None:
    """Every text in the place of a number is a number in plain notation."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in {"missing", "assumed", "reason", "margin_mode"}:
                _check_numbers(inner)
    elif value is not None:
        assert isinstance(value, str)
        assert not Decimal(value).is_nan()
        assert value == "Infinity" or "e" not in value.lower()


@given(data=st.data())
def test_files_with_strange_fields_are_answered_or_refused(data: st.DataObject) -> None:
    """Up to three fields may hold anything: plain numbers come back, or one error."""
    document: Any = ACCOUNT
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(_places(document)))
        document = _replaced(document, path, data.draw(strange))
    try:
        documents = read_documents(json.dumps(document), "account.json")
        answer = what_if(documents, {"BTC": Decimal("-0.3")}, {"BTC": Decimal(1)})
    except UsageError as error:
        assert str(error).endswith(".")  # noqa: PT017 - the law is about the message
        return
    _check_numbers(answer)
    json.dumps(answer)
    before = answer["before"]
    assert isinstance(before, dict)
    assessment_view(before)
    what_if_view(answer)
