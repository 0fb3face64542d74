"""Every endpoint of the futures host: method, path, pool, weight, permission, handler.

Pools, weights and permissions are KuCoin's (futures-and-unified.md 7.2); where sources
disagree the larger weight counts. The time and the status of the host belong to the
core. This module holds the table and nothing else.
"""

from typing import Final

from connectors.venue.server import futures_account_handlers as account
from connectors.venue.server import futures_market_handlers as market
from connectors.venue.server import futures_order_handlers as orders
from connectors.venue.server import futures_order_reads as reads
from connectors.venue.server import futures_position_handlers as positions
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import FUTURES_HOST, Handler, Route
from connectors.venue.server.futures_candles import FuturesCandles
from connectors.venue.server.futures_position_log import position_log
from connectors.venue.server.futures_settings import FuturesSettings
from connectors.venue.server.futures_stops import futures_stops

__all__ = ["ROUTES", "prepare"]


def prepare(backend: Backend) -> None:
    """Make the parts that have to hear everything, before anything happens."""
    for part in (FuturesCandles, position_log, FuturesSettings, futures_stops):
        backend.part(part)


def _public(method: str, path: str, weight: int, handler: Handler) -> Route:
    return Route(
        method=method,
        path=path,
        host=FUTURES_HOST,
        pool="Public",
        weight=weight,
        handler=handler,
    )


def _private(
    method: str, path: str, weight: int, handler: Handler, permission: str = "Futures"
) -> Route:
    return Route(
        method=method,
        path=path,
        host=FUTURES_HOST,
        pool="Futures",
        weight=weight,
        handler=handler,
        permission=permission,
    )


_MARKET: Final = (
    _public("GET", "/api/v1/contracts/active", 3, market.active_contracts),
    _public("GET", "/api/v1/contracts/risk-limit/{symbol}", 5, market.risk_limits),
    _public("GET", "/api/v1/contracts/{symbol}", 3, market.one_contract),
    _public("GET", "/api/v1/ticker", 2, market.ticker),
    _public("GET", "/api/v1/allTickers", 5, market.all_tickers),
    _public("GET", "/api/v1/level2/snapshot", 3, market.order_book),
    _public("GET", "/api/v1/level2/depth20", 5, market.order_book),
    _public("GET", "/api/v1/level2/depth100", 5, market.order_book),
    _public("GET", "/api/v1/trade/history", 5, market.trade_history),
    _public("GET", "/api/v1/kline/query", 3, market.klines),
    _public("GET", "/api/v1/mark-price/{symbol}/current", 3, market.mark_price),
    _public("GET", "/api/v1/index/query", 2, market.index_history),
    _public("GET", "/api/v1/interest/query", 5, market.interest_history),
    _public("GET", "/api/v1/premium/query", 3, market.premium_history),
    _public("GET", "/api/v1/trade-statistics", 3, market.trade_statistics),
    _public(
        "GET", "/api/v1/funding-rate/{symbol}/current", 2, market.current_funding_rate
    ),
    _public("GET", "/api/v1/contract/funding-rates", 5, market.funding_rates),
    _public("POST", "/api/v1/bullet-public", 10, account.bullet_public),
)

_ACCOUNT: Final = (
    _private("GET", "/api/v1/account-overview", 5, account.account_overview),
    _private(
        "GET",
        "/api/v1/transaction-history",
        2,
        account.transaction_history,
        "General",
    ),
    _private("GET", "/api/v1/funding-history", 5, account.funding_history),
    _private("GET", "/api/v1/trade-fees", 3, account.trade_fees, "General"),
    _private("POST", "/api/v1/bullet-private", 10, account.bullet_private, "General"),
)

_POSITIONS: Final = (
    _private("GET", "/api/v1/positions", 2, positions.positions),
    _private("GET", "/api/v1/position", 2, positions.position),
    _private("GET", "/api/v2/position", 2, positions.positions_v2, "General"),
    _private("GET", "/api/v1/history-positions", 2, positions.history_positions),
    _private("GET", "/api/v2/position/getMarginMode", 2, positions.margin_mode),
    _private(
        "POST", "/api/v2/position/changeMarginMode", 2, positions.change_margin_mode
    ),
    _private(
        "POST",
        "/api/v2/position/batchChangeMarginMode",
        2,
        positions.batch_margin_mode,
    ),
    _private(
        "GET", "/api/v2/position/getPositionMode", 2, positions.position_mode, "General"
    ),
    _private(
        "POST",
        "/api/v2/position/switchPositionMode",
        2,
        positions.switch_position_mode,
    ),
    _private("GET", "/api/v2/getCrossUserLeverage", 2, positions.leverage),
    _private("POST", "/api/v2/changeCrossUserLeverage", 2, positions.change_leverage),
    _private("GET", "/api/v2/getMaxOpenSize", 2, positions.max_open_size),
    _private("GET", "/api/v2/batchGetCrossOrderLimit", 2, positions.batch_order_limits),
    _private(
        "POST",
        "/api/v2/getCrossModeMarginRequirement",
        3,
        positions.margin_requirement,
    ),
    _private(
        "GET", "/api/v1/margin/maxWithdrawMargin", 10, positions.max_withdraw_margin
    ),
    _private(
        "POST", "/api/v1/position/margin/deposit-margin", 4, positions.deposit_margin
    ),
    _private("POST", "/api/v1/margin/withdrawMargin", 10, positions.withdraw_margin),
    _private(
        "POST", "/api/v1/position/risk-limit-level/change", 5, positions.not_served
    ),
    _private(
        "POST",
        "/api/v1/position/margin/auto-deposit-status",
        4,
        positions.not_served,
    ),
)

_ORDERS: Final = (
    _private("POST", "/api/v1/orders", 2, orders.place_order),
    _private("POST", "/api/v1/orders/test", 2, orders.check_order),
    _private("POST", "/api/v1/orders/multi", 20, orders.place_many),
    _private("POST", "/api/v1/st-orders", 2, orders.place_protected),
    _private("DELETE", "/api/v1/orders/multi-cancel", 30, orders.cancel_many),
    _private(
        "DELETE",
        "/api/v1/orders/client-order/{clientOid}",
        1,
        orders.cancel_by_client_id,
    ),
    _private("DELETE", "/api/v1/orders/{orderId}", 1, orders.cancel_by_id),
    _private("DELETE", "/api/v1/orders", 800, orders.cancel_all),
    _private("DELETE", "/api/v3/orders", 30, orders.cancel_all_of_symbol),
    _private("DELETE", "/api/v1/stopOrders", 15, orders.cancel_stops),
    _private("GET", "/api/v1/stopOrders", 6, reads.stop_orders, "General"),
    _private("GET", "/api/v1/orders", 2, reads.orders, "General"),
    _private(
        "GET", "/api/v1/orders/byClientOid", 5, reads.order_by_client_id, "General"
    ),
    _private("GET", "/api/v1/orders/{orderId}", 5, reads.order_by_id, "General"),
    _private("GET", "/api/v1/recentDoneOrders", 5, reads.recent_done_orders, "General"),
    _private(
        "GET",
        "/api/v1/openOrderStatistics",
        10,
        reads.open_order_statistics,
        "General",
    ),
    _private("GET", "/api/v1/fills", 5, reads.fills, "General"),
    _private("GET", "/api/v1/recentFills", 3, reads.recent_fills),
)

ROUTES: Final[tuple[Route, ...]] = (*_MARKET, *_ACCOUNT, *_POSITIONS, *_ORDERS)
"""Longer fixed paths stand before those with a named part, so that they match first."""
