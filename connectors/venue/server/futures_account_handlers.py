"""The futures host's account endpoints: overview, ledger, funding, fees, tokens.

They read the venue and its archive; the only thing that changes is the list of tokens.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, PositionSide
from bot.domain.events import Cause
from bot.domain.money import ONE, ZERO, plain
from connectors.venue.server.archive import FundingRecord, LedgerRecord
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import FUTURES_HOST, Call, ProblemError
from connectors.venue.server.futures_forms import (
    BAD_PARAMETER,
    asked_contract,
    query_flag,
    query_int,
    span,
)
from connectors.venue.server.futures_position_log import position_log
from connectors.venue.server.futures_settings import FuturesSettings
from connectors.venue.server.words_futures_common import (
    coin_of,
    exact,
    mode_word,
    ms,
    scaled,
    word,
)
from connectors.venue.server.words_futures_wallets import overview, wallet_figures

__all__ = [
    "account_overview",
    "bullet_private",
    "bullet_public",
    "funding_history",
    "settle_currencies",
    "trade_fees",
    "transaction_history",
]

_DEFAULT_CURRENCY: Final = "XBT"
_KNOWN: Final = frozenset({"BTC", "USDT", "USDC"})
_SETTLE_HOURS: Final = timedelta(hours=8)
_SETTLE_FROM: Final = timedelta(hours=4)
_PING_INTERVAL_MS: Final = 18_000
_PING_TIMEOUT_MS: Final = 10_000
_MOST_ROWS: Final = 100


def settle_currencies(backend: Backend) -> list[str]:
    """The coins that contracts of this venue settle in, sorted."""
    return sorted({rules.settle for rules in backend.venue.rules.contracts.values()})


def _currency(backend: Backend, call: Call, default: str | None) -> str | None:
    """The coin that a query asks for, in the venue's own word; None is all."""
    name = call.query.get("currency", "").strip() or default
    if name is None:
        return None
    known = settle_currencies(backend)
    if name in known:
        return name
    coin = coin_of(name)
    if coin not in {*known, *_KNOWN}:
        raise ProblemError(BAD_PARAMETER, f"Currency {name} settles no contract.")
    return coin


def account_overview(backend: Backend, call: Call) -> object:
    """``GET /api/v1/account-overview``; without a currency it is XBT's.

    A risk rate that is not known because the margin is used up is given as 1.
    """
    coin = _currency(backend, call, _DEFAULT_CURRENCY) or _DEFAULT_CURRENCY
    futures = backend.venue.futures
    rate = futures.risk_rate(coin)
    figures = wallet_figures(futures.state, coin)
    return overview(figures, ONE if rate is None else rate, futures.free_cash(coin))


@dataclass(slots=True, kw_only=True)
class _Row:
    """One row of the ledger; realised profit of a settlement period is one row."""

    at: datetime
    kind: str
    amount: Decimal
    balance: Decimal
    remark: str
    offset: int
    coin: str
    is_pending: bool = False

    def document(self) -> dict[str, object]:
        """As ``transaction-history`` lists it."""
        return {
            "time": ms(self.at),
            "type": self.kind,
            "amount": exact(self.amount),
            "fee": ZERO,
            "accountEquity": exact(self.balance),
            "status": "Pending" if self.is_pending else "Completed",
            "remark": self.remark,
            "offset": self.offset,
            "currency": word(self.coin),
        }


def transaction_history(backend: Backend, call: Call) -> object:
    """``GET /api/v1/transaction-history``, newest first.

    Transfers are rows of their own at once. Profit, fees and funding of a contract
    are one row for each settlement period of 8 hours, pending while the period runs
    and the contract is held.
    """
    coin = _currency(backend, call, None)
    kind = call.query.get("type", "").strip().lower()
    first, last = span(call, "startAt", "endAt")
    rows = [
        row
        for row in _ledger_rows(backend, call.at)
        if (coin is None or row.coin == coin)
        and (not kind or row.kind.lower() == kind)
        and first <= row.at <= last
    ]
    rows.sort(key=lambda row: -row.offset)
    return _window(call, [(row.offset, row.document()) for row in rows], "dataList")


def _window(
    call: Call, rows: list[tuple[int, dict[str, object]]], name: str
) -> Mapping[str, object]:
    """Rows after (or before) an offset, newest first, at most ``maxCount``."""
    count = max(1, query_int(call, "maxCount", 50, _MOST_ROWS))
    offset = query_int(call, "offset", 0)
    if offset:
        forward = query_flag(call, "forward", default=True)
        rows = [r for r in rows if (r[0] < offset if forward else r[0] > offset)]
    return {name: [row for _, row in rows[:count]], "hasMore": len(rows) > count}


def _ledger_rows(backend: Backend, now: datetime) -> list[_Row]:
    """The ledger of the futures account, realised profit gathered by period."""
    held = {key.symbol for key in backend.venue.futures.positions}
    closings = [
        (story.key.symbol, story.closed_at)
        for story in backend.part(position_log).closed
        if story.closed_at is not None
    ]
    rows: list[_Row] = []
    open_rows: dict[tuple[object, ...], _Row] = {}
    for record in backend.archive.ledger:
        if record.account != FUTURES:
            continue
        symbol = record.booking.symbol
        if symbol is None:
            rows.append(_plain_row(record))
            continue
        end = _period_end(record.at)
        done = sum(1 for s, at in closings if s == symbol and at < record.at)
        key = (symbol, record.coin, end, done)
        row = open_rows.get(key)
        if row is None:
            row = open_rows[key] = _profit_row(record, symbol)
            rows.append(row)
        row.amount += record.amount
        row.balance, row.offset = record.balance, record.number
        row.at = end if end <= now else record.at
        row.is_pending = end > now and symbol in held
    return rows


def _period_end(at: datetime) -> datetime:
    """The settlement time (04:00, 12:00, 20:00) at or after a time.

    Example:
        >>> from datetime import UTC
        >>> _period_end(datetime(2025, 1, 1, 4, 0, 1, tzinfo=UTC)).hour
        12
    """
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = at - day - _SETTLE_FROM
    return day + _SETTLE_FROM - (-passed // _SETTLE_HOURS) * _SETTLE_HOURS


def _plain_row(record: LedgerRecord) -> _Row:
    """A transfer, the opening, or what the insurance fund paid."""
    is_in = record.amount > 0
    kind, remark = "RealisedPNL", "Insurance fund"
    if record.booking.cause is Cause.TRANSFER:
        kind = "TransferIn" if is_in else "TransferOut"
        place = "from" if is_in else "to"
        remark = f"Transferred {place} High-Frequency Trading Account"
    elif record.booking.cause is Cause.OPENING:
        kind, remark = "Deposit", "Deposit"
    return _Row(
        at=record.at,
        kind=kind,
        amount=record.amount,
        balance=record.balance,
        remark=remark,
        offset=record.number,
        coin=record.coin,
    )


def _profit_row(record: LedgerRecord, symbol: str) -> _Row:
    return _Row(
        at=record.at,
        kind="RealisedPNL",
        amount=ZERO,
        balance=record.balance,
        remark=symbol,
        offset=record.number,
        coin=record.coin,
    )


def funding_history(backend: Backend, call: Call) -> object:
    """``GET /api/v1/funding-history``: what we paid and received, newest first."""
    symbol = asked_contract(backend, call).symbol
    first, last = span(call, "startAt", "endAt")
    rows = [
        (record.number, _funding(backend, record))
        for record in reversed(backend.archive.funding)
        if record.symbol == symbol and first <= record.at <= last
    ]
    return _window(call, rows, "dataList")


def _funding(backend: Backend, record: FundingRecord) -> dict[str, object]:
    rules = backend.venue.rules.contracts[record.symbol]
    settings = backend.part(FuturesSettings)
    mode = mode_word(settings.mode(record.symbol))
    side = PositionSide.BOTH
    if settings.is_hedged:
        side = PositionSide.LONG if record.lots > 0 else PositionSide.SHORT
    value = rules.value(Decimal(record.lots), record.mark_price)
    return {
        "id": record.number,
        "symbol": record.symbol,
        "timePoint": ms(record.at),
        "fundingRate": exact(record.funding_rate),
        "markPrice": exact(record.mark_price),
        "positionQty": record.lots,
        "positionCost": scaled(-value if rules.is_inverse else value),
        "funding": exact(record.amount),
        "settleCurrency": word(record.settle),
        "context": json.dumps({"marginMode": mode, "positionSide": side.name}),
        "marginMode": mode,
    }


def trade_fees(backend: Backend, call: Call) -> object:
    """``GET /api/v1/trade-fees`` of one contract."""
    rules = asked_contract(backend, call)
    return {
        "symbol": rules.symbol,
        "takerFeeRate": plain(rules.taker_fee_rate),
        "makerFeeRate": plain(rules.maker_fee_rate),
    }


def bullet_public(backend: Backend, call: Call) -> object:
    """``POST /api/v1/bullet-public``: a token for public topics."""
    return _bullet(backend, call, is_private=False)


def bullet_private(backend: Backend, call: Call) -> object:
    """``POST /api/v1/bullet-private``: a token for all topics."""
    return _bullet(backend, call, is_private=True)


def _bullet(backend: Backend, call: Call, *, is_private: bool) -> Mapping[str, object]:
    endpoint = backend.socket_urls.get(FUTURES_HOST)
    if endpoint is None:
        raise ProblemError("500000", "The futures socket does not listen yet.", 503)
    return {
        "token": backend.tokens.issue(is_private, backend.uid, call.at),
        "instanceServers": [
            {
                "endpoint": endpoint,
                "encrypt": endpoint.startswith("wss:"),
                "protocol": "websocket",
                "pingInterval": _PING_INTERVAL_MS,
                "pingTimeout": _PING_TIMEOUT_MS,
            }
        ],
    }
