"""Who the user is and what lies in the accounts: the spot host's account endpoints.

They read the venue and change nothing.
"""

from typing import Final

from bot.domain.accounts import MAIN, SPOT, AccountId, isolated_account
from bot.domain.fees import spot_fee_rates
from bot.domain.money import plain
from connectors.venue.server.asks import invalid, names, query_word
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import SPOT_HOST, Call, ProblemError
from connectors.venue.server.market_handlers import spot_pair
from connectors.venue.server.words_spot_accounts import MarginReader
from connectors.venue.server.words_spot_basic import account_number, ms

__all__ = [
    "account_detail",
    "account_mode",
    "accounts",
    "api_key",
    "base_fee",
    "bullet_private",
    "bullet_public",
    "cross_account_v1",
    "cross_accounts",
    "dead",
    "hf_opened",
    "isolated_accounts",
    "trade_fees",
    "user_info",
]

_PERMISSIONS: Final = (
    "General",
    "Futures",
    "Spot",
    "Earn",
    "InnerTransfer",
    "Transfer",
    "Margin",
)
_KINDS: Final[dict[str, AccountId]] = {"main": MAIN, "trade": SPOT}
_MOST_FEE_SYMBOLS: Final = 10
_KEY_CREATED_MS: Final = 1_728_443_843_000
_PING_INTERVAL_MS: Final = 18000
_PING_TIMEOUT_MS: Final = 10000
_SUBS: Final = ("", "spot", "margin", "futures", "option")


def dead(backend: Backend, call: Call) -> object:
    """An endpoint that KuCoin has switched off."""
    raise ProblemError("401000", "The interface has been deprecated.")


def user_info(backend: Backend, call: Call) -> object:
    """``GET /api/v2/user-info``: ``level`` is the VIP level; there are no subs."""
    words: dict[str, object] = {"level": backend.venue.vip}
    for kind in _SUBS:
        words[f"{kind}SubQuantity" if kind else "subQuantity"] = 0
        words[f"max{kind.capitalize()}SubQuantity"] = 0
    return words | {"maxDefaultSubQuantity": 0}


def api_key(backend: Backend, call: Call) -> object:
    """``GET /api/v1/user/api-key``: what the key that asks may do."""
    granted = [name for name in _PERMISSIONS if name in call.permissions]
    digits = "".join(letter for letter in backend.uid if letter.isdigit())
    return {
        "remark": "served venue",
        "apiKey": account_number(AccountId(backend.uid), ",".join(granted)),
        "apiVersion": 3,
        "permission": ",".join(granted),
        "ipWhitelist": "127.0.0.1",
        "createdAt": _KEY_CREATED_MS,
        "uid": int(digits or "0"),
        "isMaster": True,
    }


def account_mode(backend: Backend, call: Call) -> object:
    """``GET /api/ua/v1/account/mode``: a classic account."""
    return {
        "selfAccountMode": "CLASSIC",
        "unifiedSubAccount": [],
        "classicSubAccount": [],
    }


def hf_opened(backend: Backend, call: Call) -> object:
    """``GET /api/v1/hf/accounts/opened``: every account is of the fast kind."""
    return True


def _rows(backend: Backend, kind: str, word: str) -> list[dict[str, object]]:
    """The coins of the main or spot account; ``word`` is how its type is written."""
    account = _KINDS[kind]
    lines = backend.venue.snapshot().balances.get(account, {})
    return [
        {
            "id": account_number(account, coin),
            "currency": coin,
            "type": word,
            "balance": plain(line.total),
            "available": plain(line.available),
            "holds": plain(line.hold),
        }
        for coin, line in sorted(lines.items())
    ]


def accounts(backend: Backend, call: Call) -> object:
    """``GET /api/v1/accounts``; ``trade_hf`` is a synonym of ``trade``."""
    kind = query_word(call, "type", ("main", "trade", "trade_hf", "option"))
    if kind == "option":
        return []
    if kind == "trade_hf":
        found = _rows(backend, "trade", "trade_hf")
    else:
        kinds = list(_KINDS) if kind is None else [kind]
        found = [row for name in kinds for row in _rows(backend, name, name)]
    wanted = call.query.get("currency", "")
    return [row for row in found if wanted in {"", row["currency"]}]


def account_detail(backend: Backend, call: Call) -> object:
    """``GET /api/v1/accounts/{accountId}``."""
    for kind in _KINDS:
        for row in _rows(backend, kind, kind):
            if row["id"] == call.args["accountId"]:
                return {
                    name: row[name]
                    for name in ("currency", "balance", "available", "holds")
                }
    raise invalid(f"account {call.args['accountId']} does not exist.")


def _unit(call: Call) -> str:
    return query_word(call, "quoteCurrency", ("USDT", "KCS", "BTC")) or "USDT"


def cross_accounts(backend: Backend, call: Call) -> object:
    """``GET /api/v3/margin/accounts``."""
    query_word(call, "queryType", ("MARGIN", "MARGIN_V2", "ALL"))
    return MarginReader(backend.venue, _unit(call)).cross()


def cross_account_v1(backend: Backend, call: Call) -> object:
    """``GET /api/v1/margin/account``: deprecated, still answered."""
    return MarginReader(backend.venue, "USDT").cross_v1()


def isolated_accounts(backend: Backend, call: Call) -> object:
    """``GET /api/v3/isolated/accounts``."""
    query_word(call, "queryType", ("ISOLATED", "ISOLATED_V2", "ALL"))
    symbol = call.query.get("symbol") or None
    if symbol is not None and symbol not in backend.venue.rules.isolated_pairs:
        account = isolated_account(symbol)
        raise ProblemError("130303", f"{account} does not exist.")
    return MarginReader(backend.venue, _unit(call)).isolated(symbol, ms(call.at))


def base_fee(backend: Backend, call: Call) -> object:
    """``GET /api/v1/base-fee``: the rates of class A pairs at our level."""
    rates = spot_fee_rates(backend.venue.vip, 1)
    return {"takerFeeRate": plain(rates.taker), "makerFeeRate": plain(rates.maker)}


def trade_fees(backend: Backend, call: Call) -> object:
    """``GET /api/v1/trade-fees``: our own rates of at most ten pairs."""
    wanted = names(call, "symbols", _MOST_FEE_SYMBOLS)
    if not wanted:
        raise invalid("symbols is required in the query.")
    rows = []
    for name in wanted:
        pair = spot_pair(backend, name)
        maker, taker = backend.venue.rules.spot_fee_rates[pair.symbol]
        rows.append(
            {
                "symbol": pair.symbol,
                "takerFeeRate": plain(taker),
                "makerFeeRate": plain(maker),
            }
        )
    return rows


def _bullet(backend: Backend, call: Call, *, is_private: bool) -> object:
    """A token and the socket that it opens."""
    url = backend.socket_urls.get(SPOT_HOST)
    if url is None:
        raise ProblemError("500000", "the socket of the spot host does not listen.")
    return {
        "token": backend.tokens.issue(is_private, backend.uid, call.at),
        "instanceServers": [
            {
                "endpoint": url,
                "encrypt": False,
                "protocol": "websocket",
                "pingInterval": _PING_INTERVAL_MS,
                "pingTimeout": _PING_TIMEOUT_MS,
            }
        ],
    }


def bullet_public(backend: Backend, call: Call) -> object:
    """``POST /api/v1/bullet-public``."""
    return _bullet(backend, call, is_private=False)


def bullet_private(backend: Backend, call: Call) -> object:
    """``POST /api/v1/bullet-private``."""
    return _bullet(backend, call, is_private=True)
