"""Every endpoint of the spot host, with its pool, its weight and its permission.

The weights are KuCoin's own tables; where sources disagree the larger one counts.
``PARTS`` has to be made when the server starts, because they watch the market from
then on: ``for part in PARTS: backend.part(part)``. This module only lists.
"""

from collections.abc import Callable
from typing import Final

from connectors.venue.server import account_handlers as account
from connectors.venue.server import ledger_handlers as ledger
from connectors.venue.server import loan_handlers as loan
from connectors.venue.server import margin_handlers as margin
from connectors.venue.server import market_handlers as market
from connectors.venue.server import spot_order_handlers as spot_order
from connectors.venue.server import stop_handlers as stop
from connectors.venue.server import transfer_handlers as transfer
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import SPOT_HOST, Handler, Route
from connectors.venue.server.order_family import MARGIN_ORDERS, SPOT_ORDERS
from connectors.venue.server.spot_candles import SpotCandles
from connectors.venue.server.stops import SpotStops

__all__ = ["PARTS", "ROUTES"]

PARTS: Final[tuple[Callable[[Backend], object], ...]] = (SpotCandles, SpotStops)
"""The parts of a backend that watch the market from the server's start."""

_Row = tuple[str, str, int, Handler]
"""Method, path, weight and handler."""


def _routes(pool: str, permission: str, rows: tuple[_Row, ...]) -> tuple[Route, ...]:
    """Rows that share a pool and a permission; an empty permission is public."""
    return tuple(
        Route(
            method=method,
            path=path,
            host=SPOT_HOST,
            pool=pool,
            weight=weight,
            handler=handler,
            permission=permission,
        )
        for method, path, weight, handler in rows
    )


_PUBLIC: Final = _routes(
    "Public",
    "",
    (
        ("GET", "/api/v1/timestamp", 3, market.timestamp),
        ("GET", "/api/v1/status", 3, market.status),
        ("GET", "/api/v3/announcements", 20, market.announcements),
        ("GET", "/api/v3/currencies", 3, market.currencies),
        ("GET", "/api/v3/currencies/{currency}", 3, market.currency),
        ("GET", "/api/v2/symbols", 4, market.symbols),
        ("GET", "/api/v2/symbols/{symbol}", 4, market.symbol),
        ("GET", "/api/v1/markets", 3, market.markets),
        ("GET", "/api/v1/market/allTickers", 15, market.all_tickers),
        ("GET", "/api/v1/market/stats", 15, market.ticker_24h),
        ("GET", "/api/v1/market/orderbook/level1", 2, market.ticker),
        ("GET", "/api/v1/market/orderbook/level2_20", 2, market.part_book_20),
        ("GET", "/api/v1/market/orderbook/level2_100", 4, market.part_book_100),
        ("GET", "/api/v1/market/candles", 3, market.klines),
        ("GET", "/api/v1/market/histories", 3, market.trade_history),
        ("GET", "/api/v1/prices", 3, market.fiat_prices),
        ("POST", "/api/v1/bullet-public", 10, account.bullet_public),
        ("GET", "/api/v3/mark-price/all-symbols", 10, margin.mark_prices),
        ("GET", "/api/v1/mark-price/{symbol}/current", 2, margin.mark_price),
        ("GET", "/api/v3/margin/symbols", 3, margin.cross_symbols),
        ("GET", "/api/v1/isolated/symbols", 3, margin.isolated_symbols),
        ("GET", "/api/v3/margin/collateralRatio", 10, margin.collateral_ratios),
        ("GET", "/api/v3/margin/available-inventory", 10, margin.inventory),
    ),
)
_PUBLIC_ON_SPOT: Final = _routes(
    "Spot", "", (("GET", "/api/v1/margin/config", 25, margin.margin_config),)
)
_READS: Final = _routes(
    "Spot",
    "General",
    (
        ("GET", "/api/v3/market/orderbook/level2", 3, market.full_book),
        ("POST", "/api/v1/bullet-private", 10, account.bullet_private),
        ("GET", "/api/v1/hf/accounts/opened", 30, account.hf_opened),
        ("GET", "/api/v3/margin/accounts", 15, account.cross_accounts),
        ("GET", "/api/v1/margin/account", 40, account.cross_account_v1),
        ("GET", "/api/v3/isolated/accounts", 15, account.isolated_accounts),
        ("GET", "/api/v1/isolated/accounts", 50, account.dead),
        ("GET", "/api/v1/isolated/account/{symbol}", 50, account.dead),
        ("GET", "/api/v3/margin/currencies", 20, margin.margin_currencies),
        ("GET", "/api/v3/margin/borrowRate", 20, margin.borrow_rates),
        ("GET", "/api/v1/base-fee", 3, account.base_fee),
        ("GET", "/api/v1/trade-fees", 3, account.trade_fees),
        ("GET", "/api/v1/hf/accounts/ledgers", 2, ledger.spot_ledgers),
        ("GET", "/api/v3/hf/margin/account/ledgers", 2, ledger.margin_ledgers),
    ),
)
_MANAGEMENT: Final = _routes(
    "Management",
    "General",
    (
        ("GET", "/api/v2/user-info", 20, account.user_info),
        ("GET", "/api/v1/user/api-key", 20, account.api_key),
        ("GET", "/api/ua/v1/account/mode", 30, account.account_mode),
        ("GET", "/api/v1/accounts", 5, account.accounts),
        ("GET", "/api/v1/accounts/ledgers", 2, ledger.ledgers),
        ("GET", "/api/v1/accounts/transferable", 20, transfer.transferable),
        ("GET", "/api/v1/accounts/{accountId}", 5, account.account_detail),
    ),
)
_TRANSFERS: Final = _routes(
    "Management",
    "InnerTransfer",
    (
        (
            "POST",
            "/api/v3/accounts/universal-transfer",
            4,
            transfer.universal_transfer,
        ),
        ("POST", "/api/v2/accounts/inner-transfer", 15, transfer.inner_transfer),
    ),
)
_LOANS: Final = _routes(
    "Spot",
    "Margin",
    (
        ("POST", "/api/v3/margin/borrow", 15, loan.borrow),
        ("GET", "/api/v3/margin/borrow", 15, loan.borrow_history),
        ("POST", "/api/v3/margin/repay", 10, loan.repay),
        ("GET", "/api/v3/margin/repay", 15, loan.repay_history),
        ("GET", "/api/v3/margin/interest", 20, loan.interest_history),
        ("POST", "/api/v3/position/update-user-leverage", 8, margin.update_leverage),
    ),
)

_HF: Final = "/api/v1/hf/orders"
_SPOT_WRITES: Final = _routes(
    "Spot",
    "Spot",
    (
        ("POST", _HF, 1, SPOT_ORDERS.place),
        ("POST", f"{_HF}/test", 1, SPOT_ORDERS.test),
        ("POST", f"{_HF}/sync", 1, spot_order.place_sync),
        ("POST", f"{_HF}/multi", 1, spot_order.place_many),
        ("POST", f"{_HF}/multi/sync", 1, spot_order.place_many_sync),
        ("DELETE", _HF, 2, SPOT_ORDERS.cancel_all),
        ("DELETE", f"{_HF}/cancelAll", 30, spot_order.cancel_everywhere),
        ("DELETE", f"{_HF}/sync/{{orderId}}", 1, spot_order.cancel_sync),
        (
            "DELETE",
            f"{_HF}/sync/client-order/{{clientOid}}",
            1,
            spot_order.cancel_sync_by_client,
        ),
        (
            "DELETE",
            f"{_HF}/client-order/{{clientOid}}",
            1,
            SPOT_ORDERS.cancel_by_client,
        ),
        ("DELETE", f"{_HF}/{{orderId}}", 1, SPOT_ORDERS.cancel),
        ("POST", f"{_HF}/dead-cancel-all", 2, spot_order.dead_switch),
        ("GET", f"{_HF}/dead-cancel-all/query", 2, spot_order.dead_switch_query),
        ("GET", f"{_HF}/active/symbols", 2, SPOT_ORDERS.active_symbols),
        ("POST", "/api/v1/stop-order", 2, stop.add_stop),
        ("DELETE", "/api/v1/stop-order/cancel", 3, stop.cancel_stops),
        (
            "DELETE",
            "/api/v1/stop-order/cancelOrderByClientOid",
            5,
            stop.cancel_by_client,
        ),
        ("DELETE", "/api/v1/stop-order/{orderId}", 3, stop.cancel_stop),
    ),
)
_SPOT_READS: Final = _routes(
    "Spot",
    "General",
    (
        ("GET", f"{_HF}/active", 2, SPOT_ORDERS.active),
        ("GET", f"{_HF}/active/page", 2, spot_order.active_page),
        ("GET", f"{_HF}/done", 2, SPOT_ORDERS.done),
        ("GET", f"{_HF}/client-order/{{clientOid}}", 2, SPOT_ORDERS.by_client),
        ("GET", f"{_HF}/{{orderId}}", 2, SPOT_ORDERS.by_id),
        ("GET", "/api/v1/hf/fills", 2, SPOT_ORDERS.fills),
        ("GET", "/api/v1/stop-order", 8, stop.stops),
        ("GET", "/api/v1/stop-order/queryOrderByClientOid", 3, stop.stop_by_client),
        ("GET", "/api/v1/stop-order/{orderId}", 3, stop.stop_by_id),
    ),
)

_HM: Final = "/api/v3/hf/margin"
_MARGIN_WRITES: Final = _routes(
    "Spot",
    "Margin",
    (
        ("POST", f"{_HM}/order", 2, MARGIN_ORDERS.place),
        ("POST", f"{_HM}/order/test", 2, MARGIN_ORDERS.test),
        ("DELETE", f"{_HM}/orders", 5, MARGIN_ORDERS.cancel_all),
        (
            "DELETE",
            f"{_HM}/orders/client-order/{{clientOid}}",
            2,
            MARGIN_ORDERS.cancel_by_client,
        ),
        ("DELETE", f"{_HM}/orders/{{orderId}}", 2, MARGIN_ORDERS.cancel),
        ("GET", f"{_HM}/order/active/symbols", 4, MARGIN_ORDERS.active_symbols),
        ("POST", f"{_HM}/stop-order", 3, stop.add_margin_stop),
        ("DELETE", f"{_HM}/stop-order/cancel", 3, stop.cancel_stops),
        ("DELETE", f"{_HM}/stop-order/cancel-by-id", 3, stop.cancel_margin_by_id),
        (
            "DELETE",
            f"{_HM}/stop-order/cancel-by-clientOid",
            5,
            stop.cancel_margin_by_client,
        ),
        ("POST", "/api/v1/margin/order", 5, account.dead),
        ("POST", "/api/v1/margin/order/test", 5, account.dead),
    ),
)
_MARGIN_READS: Final = _routes(
    "Spot",
    "General",
    (
        ("GET", f"{_HM}/orders/active", 4, MARGIN_ORDERS.active),
        ("GET", f"{_HM}/orders/done", 10, MARGIN_ORDERS.done),
        (
            "GET",
            f"{_HM}/orders/client-order/{{clientOid}}",
            5,
            MARGIN_ORDERS.by_client,
        ),
        ("GET", f"{_HM}/orders/{{orderId}}", 5, MARGIN_ORDERS.by_id),
        ("GET", f"{_HM}/fills", 5, MARGIN_ORDERS.fills),
        ("GET", f"{_HM}/stop-orders", 8, stop.stops),
        ("GET", f"{_HM}/stop-order/orderId", 3, stop.margin_stop_by_id),
        ("GET", f"{_HM}/stop-order/clientOid", 3, stop.margin_stop_by_client),
    ),
)

ROUTES: Final[tuple[Route, ...]] = (
    *_PUBLIC,
    *_PUBLIC_ON_SPOT,
    *_READS,
    *_MANAGEMENT,
    *_TRANSFERS,
    *_LOANS,
    *_SPOT_WRITES,
    *_SPOT_READS,
    *_MARGIN_WRITES,
    *_MARGIN_READS,
)
"""Fixed paths come before those with ``{name}`` parts that would match them too."""
