"""What KuCoin's public market answers, for the tests of the public market."""

from datetime import timedelta
from decimal import Decimal

from tests.unit.kucoin.world_bench import START, ms

D = Decimal
MINUTE = timedelta(minutes=1)
SETTLES = START + timedelta(minutes=2)


def reads() -> dict[str, object]:
    """KuCoin's public answers."""
    return {
        "spot_ticker": {"price": "50010", "bestBid": "50009", "bestAsk": "50011"},
        "futures_ticker": {
            "price": "50020",
            "bestBidPrice": "50019",
            "bestAskPrice": "50021",
            "ts": ms(START) * 1_000_000,
        },
        "available_inventory": [{"currency": "USDT", "borrowableAmount": "700"}],
        "spot_status": {"status": "open", "msg": ""},
        "futures_status": {"status": "open", "msg": ""},
        "funding_rate": {
            "symbol": ".XBTUSDTMFPI8H",
            "granularity": D(28_800_000),
            "timePoint": D(ms(START)),
            "value": D("0.0001"),
            "predictedValue": None,
            "fundingTime": D(ms(SETTLES)),
            "period": D(1),
        },
        "public_funding_history": [],
        "spot_book": {"bids": [["49999", "1"]], "asks": [["50001", "1"]]},
        "futures_book": {"bids": [["49990", 1]], "asks": [["50010", 1]]},
        "futures_candles": [
            [ms(START - back * MINUTE), "1", "1", "1", "50000", lots]
            for back, lots in ((2, "0"), (1, "600"))
        ],
        "spot_candles": [
            [str(ms(START - back * MINUTE) // 1000), "1", "50000", "1", "1", coins]
            for back, coins in ((1, "120"), (2, "0"))
        ],
    }
