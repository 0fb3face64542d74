"""The official client's services at one served venue, and its readings of accounts.

Every reading goes through the client's own models. Nothing here asserts anything.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.contract.official_sdk import accounts, exact, official_client, typed
from tests.contract.served import Key, Served

PAIR = "BTC-USDT"
CONTRACT = "XBTUSDTM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The client's services, and the server behind them."""

    served: Served
    accounts: Any
    transfers: Any
    fees: Any
    loans: Any
    margin: Any
    margin_market: Any
    risk_limits: Any
    spot: Any
    spot_market: Any
    futures: Any
    contracts: Any
    positions: Any
    funding: Any


def desk_at(served: Served, key: Key | None = None) -> Desk:
    """The services of the official client at a served venue."""
    rest = official_client(served, key or served.full).rest_service()
    account, margin = rest.get_account_service(), rest.get_margin_service()
    spot, futures = rest.get_spot_service(), rest.get_futures_service()
    return Desk(
        served=served,
        accounts=account.get_account_api(),
        transfers=account.get_transfer_api(),
        fees=account.get_fee_api(),
        loans=margin.get_debit_api(),
        margin=margin.get_order_api(),
        margin_market=margin.get_market_api(),
        risk_limits=margin.get_risk_limit_api(),
        spot=spot.get_order_api(),
        spot_market=spot.get_market_api(),
        futures=futures.get_order_api(),
        contracts=futures.get_market_api(),
        positions=futures.get_positions_api(),
        funding=futures.get_funding_fees_api(),
    )


def spot_totals(desk: Desk) -> dict[tuple[str, str], Decimal]:
    """Totals of the main and the spot account, by account and coin."""
    told = typed(desk.accounts.get_spot_account_list(accounts.GetSpotAccountListReq()))
    return {(row.type.value, row.currency): Decimal(row.balance) for row in told.data}


def cross(desk: Desk) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """Total, hold and liability of each coin of the cross account."""
    told = typed(
        desk.accounts.get_cross_margin_account(accounts.GetCrossMarginAccountReq())
    )
    return {row.currency: _margin_row(row) for row in told.accounts}


def isolated(desk: Desk) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """Total, hold and liability of both coins of the isolated pair."""
    told = typed(
        desk.accounts.get_isolated_margin_account(
            accounts.GetIsolatedMarginAccountReq(symbol=PAIR)
        )
    )
    (pair,) = [row for row in told.assets if row.symbol == PAIR]
    sides = (pair.base_asset, pair.quote_asset)
    return {row.currency: _margin_row(row) for row in sides}


def _margin_row(row: Any) -> tuple[Decimal, Decimal, Decimal]:
    return Decimal(row.total), Decimal(row.hold), Decimal(row.liability)


def books_row(desk: Desk, account: str, coin: str) -> tuple[Decimal, Decimal, Decimal]:
    """Total, hold and liability of a coin by the books."""
    line = desk.served.line(account, coin)
    return line.total, line.hold, line.liability


def futures_wallet(desk: Desk) -> Decimal:
    """The wallet balance: equity without what is not realised."""
    told = typed(
        desk.accounts.get_futures_account(
            accounts.GetFuturesAccountReq(currency="USDT")
        )
    )
    return exact(told.account_equity) - exact(told.unrealised_pnl)
