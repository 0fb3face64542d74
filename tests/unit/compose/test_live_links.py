"""What a live start follows, besides what the account shows."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from bot.domain.accounts import FUTURES, SPOT, AccountId, AccountSnapshot
from bot.domain.events import Filled
from bot.domain.orders import Side
from bot.live_links import Links, interests_at_start
from connectors.kucoin.parse.contracts import ContractCoins

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = date(2026, 3, 2)
LISTED = {"ETHUSDTM": ContractCoins(base="ETH", settle="USDT")}
EMPTY = AccountSnapshot(balances={})


def fill(symbol: str, account: AccountId = FUTURES, at: datetime = NOON) -> Filled:
    """A trade of ours."""
    return Filled(
        at=at,
        trade_id="1",
        order_id="1",
        intent_id=None,
        account=account,
        symbol=symbol,
        side=Side.SELL,
        qty=Decimal(600),
        price=Decimal(2500),
        reference_price=Decimal(2500),
        fee=Decimal(0),
        fee_coin="USDT",
        is_maker=False,
    )


def test_a_contract_that_was_closed_today_is_followed() -> None:
    """Its fills count for the day's turnover, and its multiplier is in its rules.

    600 lots of ETHUSDTM at 2,500 are 15,000 USDT; taken as coins they were 1,500,000,
    which used the day's turnover up at the first restart.
    """
    found = interests_at_start(EMPTY, [], [fill("ETHUSDTM")], TODAY)
    assert found.contracts == {"ETHUSDTM"}
    assert Links().begin(found, LISTED).coins == {"BTC", "ETH", "USDT"}


def test_what_was_traded_before_today_is_not_followed() -> None:
    """The budget of another day needs no rules."""
    fills = [fill("ETHUSDTM", at=NOON - timedelta(days=1)), fill("SOL-USDT", SPOT)]
    found = interests_at_start(EMPTY, ["XBTUSDTM"], fills, TODAY)
    assert found.contracts == {"XBTUSDTM"}
    assert found.coins == {"BTC", "USDT"}
