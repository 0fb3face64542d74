"""Every example that the exchange prints is read, and read right."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from bot.domain.accounts import (
    MarginMode,
    PositionKey,
    PositionSide,
    isolated_account,
)
from bot.domain.instruments import Lots
from bot.domain.orders import OrderState, OrderType, Outcome, Side
from connectors.kucoin.parse import (
    account_pushes,
    candles,
    contracts,
    decode,
    depth,
    funding,
    futures_orders,
    ledgers,
    loans,
    margin_accounts,
    margin_pushes,
    margin_rules,
    marks,
    modes,
    positions,
    service,
    spot_orders,
    spot_rules,
    tickers,
    wallets,
)
from connectors.kucoin.parse.node import Node

_FILE: Final = (
    Path(__file__).resolve().parents[1] / "golden/kucoin/official-examples.json"
)
_LOADED: Final = decode.decode(_FILE.read_bytes())
assert isinstance(_LOADED, dict)
EXAMPLES: Final[dict[str, Any]] = _LOADED

READERS: Final[dict[str, Callable[[Node], object]]] = {
    "account-overview": wallets.account_overview,
    "accounts": ledgers.plain_balances,
    "api-key": service.key_info,
    "borrow": loans.loan_answer,
    "borrow-history": loans.borrows,
    "contract": contracts.contract,
    "contracts-active": contracts.contracts,
    "cross-leverage": modes.cross_leverage,
    "cross-order-limits": contracts.cross_order_limits,
    "funding-history": funding.funding_payments,
    "funding-rate": funding.funding_rate,
    "funding-rates": funding.past_rates,
    "futures-book": depth.top_of_book,
    "futures-candles": candles.futures_candles,
    "futures-fills": futures_orders.futures_fills,
    "futures-mark": marks.contract_mark,
    "futures-order": futures_orders.futures_order,
    "futures-order-by-client-id": futures_orders.futures_order,
    "futures-order-placed": spot_orders.placed_order,
    "futures-orders": futures_orders.futures_orders,
    "futures-orders-done": futures_orders.futures_orders,
    "futures-recent-fills": futures_orders.futures_fills,
    "futures-ticker": tickers.futures_ticker,
    "futures-token": service.stream_token,
    "futures-trade-fees": spot_rules.fee_rates,
    "hf-ledgers": ledgers.ledger,
    "interest-history": loans.interests,
    "isolated-accounts": margin_accounts.isolated_pairs,
    "isolated-symbols": margin_rules.isolated_terms,
    "ledgers": ledgers.ledger,
    "margin-accounts": margin_accounts.cross_account,
    "margin-config": margin_rules.margin_config,
    "margin-currencies": margin_rules.margin_terms,
    "margin-fills": spot_orders.spot_fills,
    "margin-ledgers": ledgers.ledger,
    "margin-mark": marks.margin_mark,
    "margin-mode": modes.margin_mode,
    "margin-order": spot_orders.spot_order,
    "margin-order-placed": spot_orders.placed_order,
    "margin-orders-active": spot_orders.spot_orders,
    "margin-orders-done": spot_orders.spot_orders,
    "margin-symbols": spot_rules.spot_listings,
    "mark-prices": marks.margin_marks,
    "position": lambda node: positions.position_line(node["data"]),
    "positions": positions.positions,
    "repay": loans.loan_answer,
    "repay-history": loans.repays,
    "risk-limits": contracts.risk_tiers,
    "spot-book": depth.top_of_book,
    "spot-candles": candles.spot_candles,
    "spot-fills": spot_orders.spot_fills,
    "spot-order": spot_orders.spot_order,
    "spot-order-by-client-id": spot_orders.spot_order,
    "spot-order-placed": spot_orders.placed_order,
    "spot-orders-active": spot_orders.spot_orders,
    "spot-orders-done": spot_orders.spot_orders,
    "spot-symbol": spot_rules.spot_listings,
    "spot-symbols": spot_rules.spot_listings,
    "spot-ticker": tickers.spot_ticker,
    "spot-token": service.stream_token,
    "spot-trade-fees": spot_rules.fee_rates,
    "status": service.service_state,
    "timestamp": service.server_time,
    "transaction-history": ledgers.futures_ledger,
    "transferable": ledgers.transferable,
    "user-info": service.vip_level,
    "ws-announcement": funding.settlement_notice,
    "ws-balance": ledgers.balance_push,
    "ws-cross": margin_pushes.cross_position_push,
    "ws-cross-leverage": account_pushes.user_config_push,
    "ws-futures-order": futures_orders.futures_order_push,
    "ws-futures-order-all": futures_orders.futures_order_push,
    "ws-futures-position": positions.position_change_push,
    "ws-futures-position-all": positions.position_change_push,
    "ws-futures-stop": account_pushes.stop_order_push,
    "ws-futures-wallet": wallets.wallet,
    "ws-instrument": marks.contract_mark_push,
    "ws-isolated": margin_pushes.isolated_position_push,
    "ws-isolated-position": margin_pushes.isolated_position_push,
    "ws-margin-index": marks.margin_mark_push,
    "ws-margin-mark": marks.margin_mark_push,
    "ws-margin-mode": account_pushes.user_config_push,
    "ws-margin-position": margin_pushes.cross_position_push,
    "ws-position": positions.position_change_push,
    "ws-spot-balance": ledgers.balance_push,
    "ws-spot-order": spot_orders.spot_order_push,
    "ws-spot-order-open": spot_orders.spot_order_push,
    "ws-spot-order-received": spot_orders.spot_order_push,
    "ws-spot-stop": account_pushes.stop_order_push,
    "ws-wallet": wallets.wallet,
}


def _example(name: str) -> Node:
    return Node(EXAMPLES[name], name)


def test_every_example_has_a_reader() -> None:
    """An example that is added to the golden file cannot be forgotten."""
    assert set(READERS) == set(EXAMPLES)


@pytest.mark.parametrize("name", sorted(READERS))
def test_an_example_is_read(name: str) -> None:
    """The reader of a family accepts the exchange's own example."""
    assert READERS[name](_example(name)) is not None


def test_cross_account_keeps_every_digit() -> None:
    """Totals, holds and debts come out as they were printed."""
    line = margin_accounts.cross_account(_example("margin-accounts")).lines["USDT"]

    assert line.total == Decimal("38.68855864")
    assert line.hold == Decimal("18.66939173")
    assert line.liability == 0
    assert line.max_borrow == Decimal(163)


def test_isolated_debt_is_there_although_the_ratio_prints_zero() -> None:
    """A printed ratio of 0 does not mean that nothing is owed."""
    pair = margin_accounts.isolated_pairs(_example("isolated-accounts"))["BTC-USDT"]

    assert pair.debt_ratio == 0
    assert pair.quote.liability == Decimal("0.00038891")
    assert pair.quote.balance().interest == Decimal("0.00000003")
    assert pair.quote.balance().principal == Decimal("0.00038888")


def test_inverse_position_has_an_exact_cost_in_coin() -> None:
    """One lot of ETHUSDM at 2457.12 costs 1/2457.12 ETH, positive for a long."""
    lines = positions.positions(_example("positions"))
    line = lines[PositionKey("ETHUSDM")]
    rules = contracts.contract_rules(contracts.contract(_example("contract")))

    assert line.mode is MarginMode.CROSS
    assert line.lots == Lots(1)
    assert line.entry_price == Decimal("2457.12")
    assert line.stated_cost == Decimal("-0.0004069805")
    assert line.adl_rank == 4
    linear = positions.position(lines[PositionKey("XBTUSDTM")], rules)
    assert linear.entry_value == Decimal("67.4309")
    assert linear.margin == Decimal("22.1310912243")


def test_contract_speaks_of_btc_and_keeps_its_symbol() -> None:
    """XBT becomes BTC in coins only; the price band follows from the limits."""
    item = contracts.contract(_example("contract"))

    assert (item.symbol, item.base, item.settle) == ("XBTUSDTM", "BTC", "USDT")
    assert item.k == 490
    assert item.price_band == Decimal("0.05")
    assert item.funding_interval_h == 8


def test_wallet_push_has_its_own_margins() -> None:
    """The wallet is read from strings, with its version and time."""
    purse = wallets.wallet(_example("ws-wallet"))

    assert purse.balance == Decimal("81.072921258")
    assert purse.isolated_order_margin == Decimal("18.1188")
    assert purse.version == 1337
    assert purse.at is not None
    assert purse.at.tzinfo is UTC


def test_repayment_is_split_interest_first() -> None:
    """A repay of 10 booked 9.99986518 of principal and the rest as interest."""
    (record,), is_complete = loans.repays(_example("repay-history"))

    assert is_complete
    assert record.principal == Decimal("9.99986518")
    assert record.interest == Decimal("0.00013482")
    assert record.done_amount == 10
    assert record.pair is None


def test_a_failed_loan_is_a_refusal() -> None:
    """A loan request can be accepted and still have failed."""
    records, _ = loans.borrows(_example("borrow-history"))

    assert [each.outcome for each in records] == [Outcome.DONE, Outcome.REFUSED]
    assert records[1].done_amount == 0


def test_closed_order_with_nothing_filled_was_cancelled() -> None:
    """Done without fills means cancelled."""
    (order,) = spot_orders.spot_orders(_example("margin-orders-done"))

    assert order.state is OrderState.CANCELLED
    assert order.account == "margin_cross"
    assert order.type is OrderType.LIMIT


def test_futures_fill_pays_its_fee() -> None:
    """A fill has whole lots, a positive fee and a time in nanoseconds."""
    (fill,) = futures_orders.futures_fills(_example("futures-fills"))

    assert fill.side is Side.BUY
    assert fill.fee == Decimal("0.05176506")
    assert fill.at == datetime(2025, 2, 27, 7, 8, 8, 244000, tzinfo=UTC)
    assert fill.forced is None


def test_funding_paid_is_negative() -> None:
    """A long pays a positive rate: the amount is below zero."""
    (payment,), has_more = funding.funding_payments(_example("funding-history"))

    assert has_more
    assert payment.amount == Decimal("-0.05585669")
    assert payment.lots == 1


def test_cross_ratio_push_matches_its_parts() -> None:
    """The exchange's own ratio push is read with numbers and texts alike."""
    ratio = margin_pushes.cross_position_push(_example("ws-margin-position"))

    assert isinstance(ratio, margin_pushes.CrossRatio)
    assert ratio.total_asset == ratio.weighted_asset == Decimal("0.0005243177228408")
    assert ratio.owned == {"BTC": Decimal("0.00002"), "USDT": Decimal("33.68855864")}


def test_cross_status_push_is_told_by_its_type() -> None:
    """A frozen account is recognised under either subject."""
    frozen = margin_pushes.cross_position_push(
        Node(
            {
                "topic": "/margin/position",
                "subject": "debt.ratio",
                "data": {"type": "FROZEN_FL", "timestamp": Decimal(1729912435657)},
            },
            "push",
        )
    )

    assert isinstance(frozen, margin_pushes.CrossStatus)
    assert frozen.word == "FROZEN_FL"


def test_balance_push_names_its_account() -> None:
    """The account is told by the beginning of the event's name, in every form."""
    found = ledgers.balance_push(_example("ws-balance"))
    assert found.account == "spot"
    assert found.total == Decimal("21.133773386762")
    for event, account in {
        "margin.transfer": "margin_cross",
        "isolated_BTC-USDT.hold": isolated_account("BTC-USDT"),
        "isolatedV2_ETH-USDT.transfer": isolated_account("ETH-USDT"),
        "trade_hf.hold": "spot",
        "elsewhere.other": None,
    }.items():
        changed = {**EXAMPLES["ws-balance"]["data"], "relationEvent": event}
        assert ledgers.balance_push(Node(changed, "push")).account == account


def test_partial_position_push_follows_the_mark_only() -> None:
    """A message without a size must be merged; a whole one carries the position."""
    whole = positions.position_change_push(_example("ws-position"))
    assert whole.line is not None
    assert whole.line.margin == Decimal("18.40492004")
    assert whole.symbol == "XBTUSDTM"

    partial = positions.position_change_push(
        Node(
            {
                "topic": "/contract/position:XBTUSDTM",
                "subject": "position.change",
                "data": {"markPrice": Decimal("91839.79"), "changeReason": "x"},
            },
            "push",
        )
    )
    assert partial.line is None
    assert partial.symbol == "XBTUSDTM"
    assert partial.side is PositionSide.BOTH
    assert partial.mark_price == Decimal("91839.79")


def test_recorded_contracts_have_all_trading_rules(shared_data: Path) -> None:
    """The eleven recorded contracts can all be traded on."""
    text = (
        shared_data / "data/ref/kucoin_contracts_active_2026-10-03.json"
    ).read_bytes()
    listed = contracts.contracts(Node(decode.decode(text), "contracts"))

    assert len(listed) == 11
    rules = {name: contracts.contract_rules(item) for name, item in listed.items()}
    assert rules["XBTUSDM"].is_inverse
    assert rules["XBTUSDM"].multiplier == 1
    assert rules["SOLUSDCM"].settle == "USDC"
    assert rules["DOGEUSDTM"].k == 19_200_000
    assert all(item.mark_price for item in listed.values())
