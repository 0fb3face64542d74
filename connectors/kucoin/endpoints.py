"""Every REST endpoint that is used, with what it costs and what it needs.

One table. A *weight* counts against a pool of KuCoin's quotas, and is the larger one
where sources disagree. A *permission* is what the API key must have; empty means
that the request is not signed. Names of places in a path are KuCoin's. Nothing here
does I/O or knows a client.

Source: KuCoin's endpoint pages, as recorded with the official examples.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["ENDPOINTS", "Endpoint", "Host", "Paging", "Pool"]


class Host(StrEnum):
    """Which of KuCoin's two addresses serves it."""

    SPOT = "spot"
    FUTURES = "futures"


class Pool(StrEnum):
    """Which quota it counts against; Public counts by IP address, others by user."""

    SPOT = "Spot"
    FUTURES = "Futures"
    MANAGEMENT = "Management"
    PUBLIC = "Public"


class Paging(StrEnum):
    """How the rest of a long answer is asked for."""

    NONE = ""
    PAGE = "currentPage"
    LAST_ID = "lastId"
    OFFSET = "offset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint.

    ``fixed`` are query parameters that are always sent. ``proof`` are the fields of
    which one must be in the data of a write that was done. ``may_lack_data`` says
    that a success with ``data: null`` is an answer: nothing was found, or there is
    nothing to say.
    """

    name: str
    method: str
    path: str
    host: Host
    pool: Pool
    weight: int
    permission: str = ""
    pages: Paging = Paging.NONE
    fixed: tuple[tuple[str, str], ...] = ()
    proof: tuple[str, ...] = ()
    may_lack_data: bool = False

    @property
    def is_write(self) -> bool:
        """Whether it changes something; a stream token is asked for by POST."""
        return self.method != "GET" and "/bullet-" not in self.path

    @property
    def is_order(self) -> bool:
        """Whether it places or cancels orders."""
        return self.is_write and "order" in self.path.lower()

    @property
    def is_signed(self) -> bool:
        """Whether it needs an API key."""
        return bool(self.permission)


_PERMISSIONS: Final = {
    "-": "",
    "G": "General",
    "M": "Margin",
    "S": "Spot",
    "F": "Futures",
    "T": "InnerTransfer",
}
_POOLS: Final = {
    "S": Pool.SPOT,
    "F": Pool.FUTURES,
    "M": Pool.MANAGEMENT,
    "P": Pool.PUBLIC,
}

# name, method and path, pool and weight, permission
_SPOT_TEXT: Final = """
spot_time               GET /api/v1/timestamp                                   P3  -
spot_status             GET /api/v1/status                                      P3  -
currencies              GET /api/v3/currencies                                  P3  -
announcements           GET /api/v3/announcements                               P20 -
symbols                 GET /api/v2/symbols                                     P4  -
spot_ticker             GET /api/v1/market/orderbook/level1                     P2  -
spot_tickers            GET /api/v1/market/allTickers                           P15 -
spot_candles            GET /api/v1/market/candles                              P3  -
unified_candles         GET /api/ua/v1/market/kline                             P3  -
spot_book               GET /api/v1/market/orderbook/level2_{size}              P2  -
spot_marks              GET /api/v3/mark-price/all-symbols                      P10 -
spot_mark               GET /api/v1/mark-price/{symbol}/current                 P2  -
spot_bullet_public      POST /api/v1/bullet-public                              P10 -
spot_bullet_private     POST /api/v1/bullet-private                             S10 G
margin_config           GET /api/v1/margin/config                               S25 -
margin_symbols          GET /api/v3/margin/symbols                              P3  -
margin_currencies       GET /api/v3/margin/currencies                           S20 G
isolated_symbols        GET /api/v1/isolated/symbols                            P3  -
collateral_ratio        GET /api/v3/margin/collateralRatio                      P10 -
available_inventory     GET /api/v3/margin/available-inventory                  P10 -
borrow_rate             GET /api/v3/margin/borrowRate                           S20 G
api_key                 GET /api/v1/user/api-key                                M20 G
user_info               GET /api/v2/user-info                                   M20 G
account_mode            GET /api/ua/v1/account/mode                             M30 G
hf_opened               GET /api/v1/hf/accounts/opened                          S30 G
spot_trade_fees         GET /api/v1/trade-fees                                  S3  G
accounts                GET /api/v1/accounts                                    M5  G
margin_accounts         GET /api/v3/margin/accounts                             S15 G
isolated_accounts       GET /api/v3/isolated/accounts                           S15 G
transferable            GET /api/v1/accounts/transferable                       M20 G
transfer                POST /api/v3/accounts/universal-transfer                M4  T
main_ledger             GET /api/v1/accounts/ledgers                            M2  G
spot_ledger             GET /api/v1/hf/accounts/ledgers                         S2  G
margin_ledger           GET /api/v3/hf/margin/account/ledgers                   S2  G
borrow                  POST /api/v3/margin/borrow                              S15 M
borrow_history          GET /api/v3/margin/borrow                               S15 M
repay                   POST /api/v3/margin/repay                               S10 M
repay_history           GET /api/v3/margin/repay                                S15 M
interest_history        GET /api/v3/margin/interest                             S20 M
set_margin_leverage     POST /api/v3/position/update-user-leverage              S8  M
place_margin_order      POST /api/v3/hf/margin/order                            S2  M
cancel_margin_order     DELETE /api/v3/hf/margin/orders/{orderId}               S2  M
cancel_margin_order_by_client_id DELETE /api/v3/hf/margin/orders/client-order/{clientOid} S2 M
cancel_margin_orders    DELETE /api/v3/hf/margin/orders                         S5  M
active_margin_orders    GET /api/v3/hf/margin/orders/active                     S4  G
active_margin_symbols   GET /api/v3/hf/margin/order/active/symbols              S4  M
done_margin_orders      GET /api/v3/hf/margin/orders/done                       S10 G
margin_order            GET /api/v3/hf/margin/orders/{orderId}                  S5  G
margin_order_by_client_id GET /api/v3/hf/margin/orders/client-order/{clientOid} S5  G
margin_fills            GET /api/v3/hf/margin/fills                             S5  G
place_margin_stop       POST /api/v3/hf/margin/stop-order                       S3  M
cancel_margin_stop      DELETE /api/v3/hf/margin/stop-order/cancel-by-id        S3  M
cancel_margin_stop_by_client_id DELETE /api/v3/hf/margin/stop-order/cancel-by-clientOid S5 M
cancel_margin_stops     DELETE /api/v3/hf/margin/stop-order/cancel              S3  M
margin_stops            GET /api/v3/hf/margin/stop-orders                       S8  G
place_spot_order        POST /api/v1/hf/orders                                  S1  S
cancel_spot_order       DELETE /api/v1/hf/orders/{orderId}                      S1  S
cancel_spot_order_by_client_id DELETE /api/v1/hf/orders/client-order/{clientOid} S1 S
cancel_spot_orders      DELETE /api/v1/hf/orders                                S2  S
active_spot_orders      GET /api/v1/hf/orders/active                            S2  G
active_spot_symbols     GET /api/v1/hf/orders/active/symbols                    S2  S
done_spot_orders        GET /api/v1/hf/orders/done                              S2  G
spot_order              GET /api/v1/hf/orders/{orderId}                         S2  G
spot_order_by_client_id GET /api/v1/hf/orders/client-order/{clientOid}          S2  G
spot_fills              GET /api/v1/hf/fills                                    S2  G
place_spot_stop         POST /api/v1/stop-order                                 S1  S
cancel_spot_stop        DELETE /api/v1/stop-order/{orderId}                     S3  S
cancel_spot_stop_by_client_id DELETE /api/v1/stop-order/cancelOrderByClientOid  S5  S
cancel_spot_stops       DELETE /api/v1/stop-order/cancel                        S3  S
spot_stops              GET /api/v1/stop-order                                  S8  G
"""  # noqa: E501 - a table reads by its columns

_FUTURES_TEXT: Final = """
futures_time            GET /api/v1/timestamp                                   P2  -
futures_status          GET /api/v1/status                                      P4  -
futures_bullet_public   POST /api/v1/bullet-public                              P10 -
futures_bullet_private  POST /api/v1/bullet-private                             F10 G
contracts               GET /api/v1/contracts/active                            P3  -
contract                GET /api/v1/contracts/{symbol}                          P3  -
risk_limits             GET /api/v1/contracts/risk-limit/{symbol}               P5  -
futures_ticker          GET /api/v1/ticker                                      P2  -
futures_candles         GET /api/v1/kline/query                                 P3  -
futures_book            GET /api/v1/level2/depth{size}                          P5  -
futures_mark            GET /api/v1/mark-price/{symbol}/current                 P3  -
funding_rate            GET /api/v1/funding-rate/{symbol}/current               P2  -
public_funding_history  GET /api/v1/contract/funding-rates                      P5  -
funding_history         GET /api/v1/funding-history                             F5  F
futures_account         GET /api/v1/account-overview                            F5  F
futures_ledger          GET /api/v1/transaction-history                         F2  G
futures_trade_fees      GET /api/v1/trade-fees                                  F3  G
positions               GET /api/v1/positions                                   F2  F
position                GET /api/v1/position                                    F2  F
closed_positions        GET /api/v1/history-positions                           F2  F
position_mode           GET /api/v2/position/getPositionMode                    F2  G
set_position_mode       POST /api/v2/position/switchPositionMode                F2  F
margin_mode             GET /api/v2/position/getMarginMode                      F2  F
set_margin_mode         POST /api/v2/position/changeMarginMode                  F2  F
cross_leverage          GET /api/v2/getCrossUserLeverage                        F2  F
set_cross_leverage      POST /api/v2/changeCrossUserLeverage                    F2  F
cross_order_limits      GET /api/v2/batchGetCrossOrderLimit                     F2  F
max_open_size           GET /api/v2/getMaxOpenSize                              F2  F
max_withdraw_margin     GET /api/v1/margin/maxWithdrawMargin                    F10 F
deposit_isolated_margin POST /api/v1/position/margin/deposit-margin             F4  F
withdraw_isolated_margin POST /api/v1/margin/withdrawMargin                     F10 F
place_futures_order     POST /api/v1/orders                                     F2  F
cancel_futures_order    DELETE /api/v1/orders/{orderId}                         F1  F
cancel_futures_order_by_client_id DELETE /api/v1/orders/client-order/{clientOid} F1 F
cancel_futures_orders   DELETE /api/v3/orders                                   F30 F
open_futures_orders     GET /api/v1/orders                                      F2  G
done_futures_orders     GET /api/v1/orders                                      F2  G
recent_done_futures_orders GET /api/v1/recentDoneOrders                         F5  G
futures_order           GET /api/v1/orders/{orderId}                            F5  G
futures_order_by_client_id GET /api/v1/orders/byClientOid                       F5  G
futures_fills           GET /api/v1/fills                                       F5  G
recent_futures_fills    GET /api/v1/recentFills                                 F3  F
futures_stops           GET /api/v1/stopOrders                                  F6  G
cancel_futures_stops    DELETE /api/v1/stopOrders                               F15 F
"""

_PAGED: Final[Mapping[str, Paging]] = {
    "main_ledger": Paging.PAGE,
    "borrow_history": Paging.PAGE,
    "repay_history": Paging.PAGE,
    "interest_history": Paging.PAGE,
    "margin_stops": Paging.PAGE,
    "spot_stops": Paging.PAGE,
    "open_futures_orders": Paging.PAGE,
    "done_futures_orders": Paging.PAGE,
    "futures_fills": Paging.PAGE,
    "futures_stops": Paging.PAGE,
    "closed_positions": Paging.PAGE,
    "spot_ledger": Paging.LAST_ID,
    "margin_ledger": Paging.LAST_ID,
    "done_margin_orders": Paging.LAST_ID,
    "margin_fills": Paging.LAST_ID,
    "done_spot_orders": Paging.LAST_ID,
    "spot_fills": Paging.LAST_ID,
    "futures_ledger": Paging.OFFSET,
    "funding_history": Paging.OFFSET,
}
_FIXED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "open_futures_orders": (("status", "active"),),
    "done_futures_orders": (("status", "done"),),
}
_CANCELLED: Final = ("cancelledOrderIds", "cancelledOrderId", "orderId", "clientOid")
_PROOFS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        (
            *("place_margin_order", "place_margin_stop", "place_spot_order"),
            *("place_spot_stop", "place_futures_order", "transfer"),
        ),
        ("orderId",),
    ),
    **dict.fromkeys(("borrow", "repay"), ("orderNo",)),
    **dict.fromkeys(
        (
            *("cancel_margin_order", "cancel_margin_order_by_client_id"),
            *("cancel_margin_stop", "cancel_margin_stop_by_client_id"),
            *("cancel_spot_order", "cancel_spot_order_by_client_id"),
            *("cancel_spot_stop", "cancel_spot_stop_by_client_id"),
            *("cancel_futures_order", "cancel_futures_order_by_client_id"),
        ),
        _CANCELLED,
    ),
}
_MAY_LACK_DATA: Final = frozenset(
    {
        *("set_margin_leverage", "set_position_mode"),
        *("margin_order", "margin_order_by_client_id"),
        *("spot_order", "spot_order_by_client_id"),
        *("futures_order", "futures_order_by_client_id"),
    }
)


def _rows(text: str, host: Host) -> Iterable[Endpoint]:
    for line in text.strip().splitlines():
        name, method, path, cost, permission = line.split()
        yield Endpoint(
            name=name,
            method=method,
            path=path,
            host=host,
            pool=_POOLS[cost[0]],
            weight=int(cost[1:]),
            permission=_PERMISSIONS[permission],
            pages=_PAGED.get(name, Paging.NONE),
            fixed=_FIXED.get(name, ()),
            proof=_PROOFS.get(name, ()),
            may_lack_data=name in _MAY_LACK_DATA,
        )


ENDPOINTS: Final[Mapping[str, Endpoint]] = MappingProxyType(
    {
        row.name: row
        for text, host in ((_SPOT_TEXT, Host.SPOT), (_FUTURES_TEXT, Host.FUTURES))
        for row in _rows(text, host)
    }
)
