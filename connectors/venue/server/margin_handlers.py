"""Marks and margin rules on the spot host: what an account of debts is measured by.

Marks are counted in BTC as at KuCoin. They read and change nothing, but for the
leverage that the user chooses.
"""

from decimal import Decimal
from typing import Final

from bot.domain.accounts import MARGIN_CROSS, AccountId, isolated_account
from bot.domain.money import LEDGER_QUANTUM, plain
from connectors.venue.server.asks import (
    body_flag,
    body_number,
    body_text,
    invalid,
    names,
    query_flag,
)
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.words_spot_basic import btc_mark, btc_symbol, ms
from connectors.venue.server.words_spot_rules import (
    NO_LIMIT,
    coin_names,
    collateral_words,
    isolated_limit_words,
    isolated_symbol_words,
    margin_coin_words,
    margin_symbol_words,
)

__all__ = [
    "borrow_rates",
    "collateral_ratios",
    "cross_symbols",
    "inventory",
    "isolated_symbols",
    "margin_config",
    "margin_currencies",
    "mark_price",
    "mark_prices",
    "update_leverage",
]

_HOURS_A_YEAR: Final = 8760
_RATE: Final = Decimal("0.0000000001")
_MOST_NAMES: Final = 50


def _mark_words(backend: Backend, call: Call, coin: str) -> dict[str, object] | None:
    """A coin's mark in BTC, as a bare number; None for BTC and for an unknown one."""
    value = None if coin == "BTC" else btc_mark(backend.venue.tape, coin)
    if value is None:
        return None
    seen = backend.last_instant
    at = call.at if seen is None else min(seen.at, call.at)
    return {"symbol": btc_symbol(coin), "timePoint": ms(at), "value": value}


def mark_prices(backend: Backend, call: Call) -> object:
    """``GET /api/v3/mark-price/all-symbols``."""
    found = (_mark_words(backend, call, c) for c in coin_names(backend.venue.rules))
    return [words for words in found if words is not None]


def mark_price(backend: Backend, call: Call) -> object:
    """``GET /api/v1/mark-price/{symbol}/current``: ``-BTC`` symbols only."""
    name = call.args["symbol"]
    coin = name.removesuffix("-BTC")
    known = name.endswith("-BTC") and coin in coin_names(backend.venue.rules)
    words = _mark_words(backend, call, coin) if known else None
    if words is None:
        raise ProblemError("900001", f"symbol {name} does not exist.")
    return words


def margin_config(backend: Backend, call: Call) -> object:
    """``GET /api/v1/margin/config``."""
    rules = backend.venue.rules
    return {
        "maxLeverage": rules.margin_max_leverage,
        "warningDebtRatio": plain(rules.margin_warning_debt_ratio),
        "liqDebtRatio": plain(rules.margin_liquidation_debt_ratio),
        "currencyList": sorted(rules.margin_coins),
    }


def cross_symbols(backend: Backend, call: Call) -> object:
    """``GET /api/v3/margin/symbols``: pairs with both coins in cross margin."""
    rules, wanted = backend.venue.rules, call.query.get("symbol", "")
    items = [
        margin_symbol_words(pair, backend.venue.tape)
        for pair in rules.spot.values()
        if {pair.base, pair.quote} <= set(rules.margin_coins)
        and wanted in {"", pair.symbol}
    ]
    return {"timestamp": ms(call.at), "items": items}


def isolated_symbols(backend: Backend, call: Call) -> object:
    """``GET /api/v1/isolated/symbols``."""
    pairs = backend.venue.rules.isolated_pairs.values()
    return [isolated_symbol_words(pair, backend.venue.tape) for pair in pairs]


def margin_currencies(backend: Backend, call: Call) -> object:
    """``GET /api/v3/margin/currencies``: cross by coin, or isolated by pair."""
    rules, at = backend.venue.rules, ms(call.at)
    if query_flag(call, "isIsolated"):
        wanted = call.query.get("symbol", "")
        pairs = rules.isolated_pairs.values()
        return [
            isolated_limit_words(pair, at)
            for pair in pairs
            if wanted in {"", pair.symbol}
        ]
    wanted = call.query.get("currency", "")
    return [
        margin_coin_words(coin, at)
        for name, coin in sorted(rules.margin_coins.items())
        if wanted in {"", name}
    ]


def collateral_ratios(backend: Backend, call: Call) -> object:
    """``GET /api/v3/margin/collateralRatio``."""
    wanted = names(call, "currencyList", _MOST_NAMES)
    return collateral_words(backend.venue.rules, wanted)


def inventory(backend: Backend, call: Call) -> object:
    """``GET /api/v3/margin/available-inventory``: coins whose rate is quoted."""
    venue, wanted = backend.venue, names(call, "currency", _MOST_NAMES)
    rows = []
    for coin in sorted(venue.rules.margin_coins):
        if (wanted and coin not in wanted) or venue.tape.borrow_rate(coin) is None:
            continue
        stock = venue.loans.stock(coin)
        amount = plain(NO_LIMIT if stock is None else stock)
        rows.append({"currency": coin, "borrowableAmount": amount})
    return rows


def borrow_rates(backend: Backend, call: Call) -> object:
    """``GET /api/v3/margin/borrowRate``: coins whose rate is quoted."""
    venue, wanted = backend.venue, names(call, "currency", _MOST_NAMES)
    items = []
    for coin in sorted(venue.rules.margin_coins):
        quoted = venue.tape.borrow_rate(coin)
        if quoted is None or (wanted and coin not in wanted):
            continue
        hourly = (quoted.annual_rate / _HOURS_A_YEAR).quantize(_RATE)
        items.append(
            {
                "currency": coin,
                "hourlyBorrowRate": plain(hourly),
                "annualizedBorrowRate": plain(quoted.annual_rate),
            }
        )
    return {"vipLevel": venue.vip, "items": items}


def update_leverage(backend: Backend, call: Call) -> object:
    """``POST /api/v3/position/update-user-leverage``."""
    account: AccountId = MARGIN_CROSS
    if body_flag(call.body, "isIsolated"):
        account = isolated_account(body_text(call.body, "symbol"))
    leverage = body_number(call.body, "leverage")
    if leverage % LEDGER_QUANTUM != 0:
        raise invalid("leverage has too many decimals.")
    refusal = backend.venue.set_margin_leverage(account, leverage)
    if refusal is not None:
        raise ProblemError(refusal.code, refusal.sentence)
    return None
