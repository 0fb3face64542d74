"""KuCoin's official client reads everything at the served venue.

Every answer is taken by the client's own models, and what it reads of the accounts
is, to the last digit, what the venue's books say.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.official_sdk import (
    ITS_WARNINGS,
    VERSION,
    accounts,
    contracts,
    fees,
    funding,
    margin_market,
    positions,
    risk_limits,
    spot_market,
    transfers,
    typed,
)
from tests.contract.sdk_desk import (
    CONTRACT,
    PAIR,
    Desk,
    books_row,
    cross,
    desk_at,
    futures_wallet,
    isolated,
    spot_totals,
)
from tests.contract.served import CROSS, ISOLATED, serve

pytestmark = pytest.mark.filterwarnings(ITS_WARNINGS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serve(tmp_path_factory.mktemp("sdk"), "--clock", "x60") as served:
        yield desk_at(served)


def test_it_is_the_release_that_is_promised() -> None:
    """The client is the official one of the version that the documents name."""
    assert VERSION == "1.3.2"


Look = Callable[[Desk], Any]

LOOKS: dict[str, Look] = {
    "user": lambda d: d.accounts.get_account_info(),
    "key": lambda d: d.accounts.get_apikey_info(),
    "high frequency": lambda d: d.accounts.get_spot_account_type(),
    "margin of old": lambda d: d.accounts.get_margin_account_detail(),
    "ledger": lambda d: d.accounts.get_spot_ledger(accounts.GetSpotLedgerReq()),
    "futures ledger": lambda d: d.accounts.get_futures_ledger(
        accounts.GetFuturesLedgerReq(currency="USDT")
    ),
    "base fee": lambda d: d.fees.get_basic_fee(fees.GetBasicFeeReq(currency_type=0)),
    "spot fees": lambda d: d.fees.get_spot_actual_fee(
        fees.GetSpotActualFeeReq(symbols="BTC-USDT,ETH-USDT")
    ),
    "futures fees": lambda d: d.fees.get_futures_actual_fee(
        fees.GetFuturesActualFeeReq(symbol=CONTRACT)
    ),
    "transferable": lambda d: d.transfers.get_transfer_quotas(
        transfers.GetTransferQuotasReq(currency="USDT", type="ISOLATED", tag=PAIR)
    ),
    "coins": lambda d: d.spot_market.get_all_currencies(),
    "coin": lambda d: d.spot_market.get_currency(
        spot_market.GetCurrencyReq(currency="BTC")
    ),
    "pairs": lambda d: d.spot_market.get_all_symbols(spot_market.GetAllSymbolsReq()),
    "pair": lambda d: d.spot_market.get_symbol(spot_market.GetSymbolReq(symbol=PAIR)),
    "ticker": lambda d: d.spot_market.get_ticker(spot_market.GetTickerReq(symbol=PAIR)),
    "tickers": lambda d: d.spot_market.get_all_tickers(),
    "day": lambda d: d.spot_market.get24hr_stats(
        spot_market.Get24hrStatsReq(symbol=PAIR)
    ),
    "candles": lambda d: d.spot_market.get_klines(
        spot_market.GetKlinesReq(symbol=PAIR, type="1min")
    ),
    "top of the book": lambda d: d.spot_market.get_part_order_book(
        spot_market.GetPartOrderBookReq(symbol=PAIR, size="20")
    ),
    "book": lambda d: d.spot_market.get_full_order_book(
        spot_market.GetFullOrderBookReq(symbol=PAIR)
    ),
    "worth": lambda d: d.spot_market.get_fiat_price(spot_market.GetFiatPriceReq()),
    "markets": lambda d: d.spot_market.get_market_list(),
    "time": lambda d: d.spot_market.get_server_time(),
    "status": lambda d: d.spot_market.get_service_status(),
    "token": lambda d: d.spot_market.get_private_token(),
    "margin pairs": lambda d: d.margin_market.get_cross_margin_symbols(
        margin_market.GetCrossMarginSymbolsReq()
    ),
    "margin thresholds": lambda d: d.margin_market.get_margin_config(),
    "isolated pairs": lambda d: d.margin_market.get_isolated_margin_symbols(),
    "margin marks": lambda d: d.margin_market.get_mark_price_list(),
    "margin mark": lambda d: d.margin_market.get_mark_price_detail(
        margin_market.GetMarkPriceDetailReq(symbol="USDT-BTC")
    ),
    "cross limits": lambda d: d.risk_limits.get_margin_risk_limit(
        risk_limits.GetMarginRiskLimitReq(is_isolated=False)
    ),
    "isolated limits": lambda d: d.risk_limits.get_margin_risk_limit(
        risk_limits.GetMarginRiskLimitReq(is_isolated=True, symbol=PAIR)
    ),
    "contracts": lambda d: d.contracts.get_all_symbols(),
    "contract": lambda d: d.contracts.get_symbol(
        contracts.GetSymbolReq(symbol=CONTRACT)
    ),
    "contract ticker": lambda d: d.contracts.get_ticker(
        contracts.GetTickerReq(symbol=CONTRACT)
    ),
    "contract tickers": lambda d: d.contracts.get_all_tickers(),
    "contract book": lambda d: d.contracts.get_full_order_book(
        contracts.GetFullOrderBookReq(symbol=CONTRACT)
    ),
    "contract candles": lambda d: d.contracts.get_klines(
        contracts.GetKlinesReq(symbol=CONTRACT, granularity=1)
    ),
    "contract mark": lambda d: d.contracts.get_mark_price(
        contracts.GetMarkPriceReq(symbol=CONTRACT)
    ),
    "contract index": lambda d: d.contracts.get_spot_index_price(
        contracts.GetSpotIndexPriceReq(symbol=".KXBTUSDT")
    ),
    "contract premium": lambda d: d.contracts.get_premium_index(
        contracts.GetPremiumIndexReq(symbol=".XBTUSDTMPI")
    ),
    "futures time": lambda d: d.contracts.get_server_time(),
    "futures status": lambda d: d.contracts.get_service_status(),
    "futures token": lambda d: d.contracts.get_private_token(),
    "funding rate": lambda d: d.funding.get_current_funding_rate(
        funding.GetCurrentFundingRateReq(symbol=CONTRACT)
    ),
    "funding rates": lambda d: d.funding.get_public_funding_history(
        funding.GetPublicFundingHistoryReq(
            symbol=CONTRACT, from_=1_700_000_000_000, to=1_900_000_000_000
        )
    ),
    "funding paid": lambda d: d.funding.get_private_funding_history(
        funding.GetPrivateFundingHistoryReq(symbol=CONTRACT)
    ),
    "margin mode": lambda d: d.positions.get_margin_mode(
        positions.GetMarginModeReq(symbol=CONTRACT)
    ),
    "largest order": lambda d: d.positions.get_max_open_size(
        positions.GetMaxOpenSizeReq(symbol=CONTRACT, price="60000", leverage=5)
    ),
    "positions": lambda d: d.positions.get_position_list(
        positions.GetPositionListReq()
    ),
    "past positions": lambda d: d.positions.get_positions_history(
        positions.GetPositionsHistoryReq()
    ),
    "cross leverage": lambda d: d.positions.get_cross_margin_leverage(
        positions.GetCrossMarginLeverageReq(symbol=CONTRACT)
    ),
    "cross limit": lambda d: d.positions.get_cross_margin_risk_limit(
        positions.GetCrossMarginRiskLimitReq(symbol=CONTRACT)
    ),
    "isolated tiers": lambda d: d.positions.get_isolated_margin_risk_limit(
        positions.GetIsolatedMarginRiskLimitReq(symbol=CONTRACT)
    ),
}
"""What the client may look at, by a name for each look."""


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_its_models_take_every_answer(desk: Desk, look: Look) -> None:
    """What the venue tells has the client's own names, kinds and spellings."""
    assert typed(look(desk)).common_response.code == "200000"


def test_every_account_reads_as_the_books_are(desk: Desk) -> None:
    """Main, spot, cross, isolated and futures: the client's numbers are the books'."""
    line = desk.served.line
    assert spot_totals(desk) == {
        ("main", "USDT"): line("main", "USDT").total,
        ("trade", "USDT"): line("spot", "USDT").total,
        ("trade", "BTC"): line("spot", "BTC").total,
    }
    for coin in ("USDT", "BTC"):
        assert cross(desk)[coin] == books_row(desk, CROSS, coin)
        assert isolated(desk)[coin] == books_row(desk, ISOLATED, coin)
    assert futures_wallet(desk) == line("futures", "USDT").total
