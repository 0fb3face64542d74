"""What single rows of the exchange book: KuCoin's own examples and the odd ones."""

from decimal import Decimal

import pytest

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    PositionKey,
    isolated_account,
)
from bot.domain.events import Bucket, Cause
from bot.domain.orders import Outcome
from connectors.kucoin.books import (
    Explained,
    Names,
    borrow_row,
    interest_row,
    margin_row,
    plain_row,
    repay_row,
    spot_fill_row,
)
from connectors.kucoin.futures_books import (
    funding_row,
    futures_fill_row,
    futures_ledger_row,
    trade,
)
from connectors.kucoin.parse.funding import funding_payments
from connectors.kucoin.parse.futures_orders import futures_fills
from connectors.kucoin.parse.ledgers import (
    FuturesLedgerRow,
    LedgerRow,
    futures_ledger,
    ledger,
)
from connectors.kucoin.parse.loans import borrows, interests, repays
from connectors.kucoin.parse.node import Node
from connectors.kucoin.parse.spot_orders import spot_fills
from tests.unit.kucoin.listed_account import CONTRACT, D

NAMES = Names(
    intent_of={"6705f6350dc7210007d6a36d": "g1-5"}.get,
    mark_of={"BTC-USDT": D(67000)}.get,
)
PAIR = isolated_account("BTC-USDT")
ROW: dict[str, object] = {
    "id": 1949641706720,
    "currency": "USDT",
    "amount": "0.01000000",
    "fee": "0.00000000",
    "balance": "0.01000000",
    "accountType": "MARGIN_V2",
    "bizType": "TRANSFER",
    "direction": "in",
    "createdAt": 1728664091208,
    "context": "{}",
}
FUTURES_FILL: dict[str, object] = {
    "symbol": "XBTUSDTM",
    "tradeId": "1828954878212",
    "orderId": "284486580251463680",
    "side": "buy",
    "liquidity": "taker",
    "price": "86275.1",
    "size": 1,
    "value": "86.2751",
    "fee": "0.05176506",
    "feeCurrency": "USDT",
    "marginMode": "CROSS",
    "tradeType": "trade",
    "tradeTime": 1740640088244000000,
}
Booked = list[tuple[str, Cause, AccountId, str, Bucket, Decimal]]


def row_of(**changes: object) -> LedgerRow:
    return ledger(Node([ROW | changes], "rows"))[0]


def told(row: Explained | None) -> Booked:
    assert row is not None
    return [
        (b.entry_id, b.cause, p.account, p.coin, p.bucket, p.amount)
        for b in row.bookings
        for p in b.postings
    ]


def test_a_trade_row_is_split_into_trade_and_fee() -> None:
    """KuCoin's example: 1.5992 for the coins less 0.0015992 of fee came in."""
    row = row_of(
        id="254062248624417",
        amount="1.59760080",
        fee="0.00159920",
        accountType="TRADE_HF",
        bizType="TRADE_EXCHANGE",
        context='{"symbol":"KCS-USDT","orderId":"6705f6350dc7210007d6a36d",'
        '"tradeId":"10046097631627265"}',
    )

    found = plain_row("spot", SPOT, row, NAMES)

    coin = (SPOT, "USDT", Bucket.BALANCE)
    assert told(found) == [
        ("spot:254062248624417", Cause.TRADE, *coin, D("1.5992")),
        ("spot:254062248624417:fee", Cause.FEE, *coin, D("-0.0015992")),
    ]
    assert found.bookings[0].intent_id == "g1-5"
    assert (found.traded, found.trade_id) == ("KCS-USDT", "10046097631627265")


def test_a_transfer_is_one_sided() -> None:
    """KuCoin's example: what came into margin is booked there alone."""
    assert told(margin_row(row_of(), {}, NAMES)) == [
        (
            "margin:1949641706720",
            Cause.TRANSFER,
            MARGIN_CROSS,
            "USDT",
            Bucket.BALANCE,
            D("0.01"),
        )
    ]


@pytest.mark.parametrize(
    ("kind", "causes"),
    [
        ("LIQUIDATION", [Cause.LIQUIDATION, Cause.LIQUIDATION_FEE]),
        ("ASSERT_RETURN", [Cause.LIQUIDATION, Cause.LIQUIDATION_FEE]),
        ("Liquidation Fees", [Cause.LIQUIDATION_FEE]),
        ("RETURNED_FEES", [Cause.FEE]),
        ("SUB_TRANSFER", [Cause.TRANSFER]),
        ("WITHDRAW", [Cause.TRANSFER]),
        ("Borrowings", []),
        ("Debt Repayment", []),
    ],
)
def test_each_kind_of_row_has_its_cause(kind: str, causes: list[Cause]) -> None:
    """Loans are told by their histories, so that their ledger rows book nothing."""
    found = margin_row(row_of(bizType=kind, direction="out", fee="0.002"), {}, NAMES)

    assert [booked.cause for booked in found.bookings] == causes
    total = sum(booked.postings[0].amount for booked in found.bookings)
    assert total == (D("-0.01") if causes else 0)
    assert found.owes == (None if causes else "USDT")
    assert found.note is None


def test_an_unknown_kind_is_an_adjustment_and_a_note() -> None:
    """A new word books its money and says so."""
    found = plain_row("main", MAIN, row_of(bizType="KUCOIN_BONUS"), NAMES)

    assert [booked.cause for booked in found.bookings] == [Cause.ADJUSTMENT]
    assert found.note is not None
    assert "'KUCOIN_BONUS'" in found.note


@pytest.mark.parametrize(
    ("context", "pairs", "account"),
    [
        ('{"symbol":"BTC-USDT"}', (), PAIR),
        ("{}", ("BTC-USDT",), PAIR),
        ("not json", ("BTC-USDT",), PAIR),
    ],
)
def test_an_isolated_row_belongs_to_its_pair(
    context: str, pairs: tuple[str, ...], account: AccountId
) -> None:
    """The context names the pair; else the only pair that has the coin is it."""
    known = {pair: tuple(pair.split("-")) for pair in pairs}
    row = row_of(accountType="ISOLATED_V2", context=context)

    found = margin_row(row, {k: (v[0], v[1]) for k, v in known.items()}, NAMES)

    assert found.account == account
    assert len(found.bookings) == 1


def test_an_isolated_row_of_no_certain_pair_books_nothing() -> None:
    """Two pairs hold the coin: what is left of the statement will tell."""
    pairs = {"BTC-USDT": ("BTC", "USDT"), "ETH-USDT": ("ETH", "USDT")}
    found = margin_row(row_of(accountType="ISOLATED_V2"), pairs, NAMES)

    assert found.bookings == ()
    assert found.note is not None


def loans(**changes: object) -> Node:
    row = {
        "orderNo": "67187162c0d6990007717b15",
        "symbol": None,
        "currency": "USDT",
        "size": "10",
        "actualSize": "10",
        "principal": "9.99986518",
        "interest": "0.00013482",
        "status": "SUCCESS",
        "createdTime": 1729655138000,
    }
    return Node({"items": [row | changes], "totalPage": 1}, "loans")


def test_a_borrow_adds_coins_and_principal() -> None:
    """KuCoin's example of ten USDT."""
    ((record,), _) = borrows(loans())

    assert [each[4:] for each in told(borrow_row(MARGIN_CROSS, record, NAMES))] == [
        (Bucket.BALANCE, D(10)),
        (Bucket.PRINCIPAL, D(10)),
    ]


def test_a_repayment_pays_interest_and_principal_as_the_record_splits_it() -> None:
    """KuCoin's example: 0.00013482 of interest, 9.99986518 of principal."""
    ((record,), _) = repays(loans())

    assert [each[4:] for each in told(repay_row(PAIR, record, NAMES))] == [
        (Bucket.BALANCE, D(-10)),
        (Bucket.INTEREST, D("-0.00013482")),
        (Bucket.PRINCIPAL, D("-9.99986518")),
    ]


def test_a_pending_loan_is_no_row_yet_and_a_failed_one_books_nothing() -> None:
    """PENDING may still become either; FAILED is over."""
    ((pending,), _) = borrows(loans(status="PENDING"))
    ((failed,), _) = borrows(loans(status="FAILED", actualSize="0"))

    assert pending.outcome is Outcome.IN_DOUBT
    assert borrow_row(MARGIN_CROSS, pending, NAMES) is None
    assert told(borrow_row(MARGIN_CROSS, failed, NAMES)) == []


def test_interest_is_told_apart_by_coin_time_and_amount() -> None:
    """The record has no id; the same record twice is one."""
    row = {
        "currency": "USDT",
        "dayRatio": "0.000296",
        "interestAmount": "0.00000001",
        "createdTime": 1729663213375,
    }
    records, _ = interests(Node({"items": [row, row], "totalPage": 1}, "interest"))

    found = [interest_row(MARGIN_CROSS, record) for record in records]

    assert found[0] == found[1]
    assert told(found[0]) == [
        (
            "interest:margin_cross:USDT:1729663213375:0.00000001",
            Cause.INTEREST,
            MARGIN_CROSS,
            "USDT",
            Bucket.INTEREST,
            D("0.00000001"),
        )
    ]


def test_a_spot_fill_carries_its_intent_and_the_mark() -> None:
    """The money of a fill is in the ledger; the fill says what it was worth."""
    row = {
        "id": 19814995255305,
        "orderId": "6705f6350dc7210007d6a36d",
        "tradeId": 11029373945659392,
        "symbol": "BTC-USDT",
        "side": "buy",
        "liquidity": "taker",
        "price": "67717.6",
        "size": "0.00001",
        "funds": "0.677176",
        "fee": "0.000677176",
        "feeCurrency": "USDT",
        "tradeType": "liquid",
        "createdAt": 1729577515473,
    }
    (record,) = spot_fills(Node({"items": [row], "lastId": 1}, "fills"))

    found = spot_fill_row(SPOT, record, NAMES)

    assert found.row_id == "fill:BTC-USDT:11029373945659392:buy"
    assert found.bookings == ()
    assert found.fill is not None
    assert found.fill.intent_id == "g1-5"
    assert found.fill.reference_price == D(67000)
    assert found.fill.forced == "liquidation"


def fill(**changes: object) -> Explained:
    (row,) = futures_fills(Node([FUTURES_FILL | changes], "fills"))
    return futures_fill_row(row, NAMES)


def test_a_flip_closes_with_a_profit_and_opens_the_rest() -> None:
    """Three lots at 100,000, then five sold at 101,000: two are short now."""
    rows = [
        fill(size=3, price="100000", fee="0.18"),
        fill(size=5, price="101000", side="sell", tradeId="2", fee="0.303"),
    ]

    done = trade(rows, {}, {"XBTUSDTM": CONTRACT})

    assert [(b.cause, b.postings[0].amount) for b in done.bookings] == [
        (Cause.FEE, D("-0.18")),
        (Cause.REALISED_PNL, D(3)),
        (Cause.FEE, D("-0.303")),
    ]
    position = done.positions[PositionKey("XBTUSDTM")]
    assert (position.lots, position.entry_value) == (-2, D(-202))
    assert done.values == {"USDT": D(805)}


def test_a_liquidation_charges_a_liquidation_fee() -> None:
    """A forced fill is named, and its fee is no trading fee."""
    row = fill(tradeType="liquid")
    done = trade([row], {}, {"XBTUSDTM": CONTRACT})

    assert [booked.cause for booked in done.bookings] == [Cause.LIQUIDATION_FEE]
    assert row.fill is not None
    assert row.fill.forced == "liquidation"


def test_funding_is_booked_by_its_sign() -> None:
    """KuCoin's example: a long paid 0.05585669."""
    row = {
        "id": 1472387374042586,
        "symbol": "XBTUSDTM",
        "timePoint": 1731470400000,
        "fundingRate": D("0.000641"),
        "markPrice": D("87139.92"),
        "positionQty": 1,
        "funding": D("-0.05585669"),
        "settleCurrency": "USDT",
        "marginMode": "ISOLATED",
    }
    payments, _ = funding_payments(Node({"dataList": [row], "hasMore": False}, "f"))

    (booked,) = funding_row(payments[0]).bookings

    assert (booked.entry_id, booked.cause) == (
        "funding:1472387374042586",
        Cause.FUNDING,
    )
    assert booked.postings[0].amount == D("-0.05585669")
    assert booked.rate == D("0.000641")


@pytest.mark.parametrize(
    ("kind", "status", "cause", "amount"),
    [
        ("TransferIn", "Completed", Cause.TRANSFER, "0.01"),
        ("TransferOut", "Completed", Cause.TRANSFER, "-0.01"),
        ("Bonus", "Completed", Cause.ADJUSTMENT, "0.01"),
    ],
)
def test_a_futures_ledger_row_is_a_transfer(
    kind: str, status: str, cause: Cause, amount: str
) -> None:
    """Realised profit is not booked from the ledger; anything new is named."""
    found = futures_ledger_row(futures_row(kind, status))

    assert found is not None
    (booked,) = found.bookings
    assert (booked.cause, booked.postings[0].amount) == (cause, D(amount))
    assert booked.postings[0].account == FUTURES
    assert booked.postings[0].coin == "BTC"


def test_realised_profit_books_nothing_and_an_open_transfer_waits() -> None:
    """Fees and funding hide in realised profit; they are booked on their own."""
    folded = futures_ledger_row(futures_row("RealisedPNL", "Completed"))

    assert told(folded) == []
    assert futures_ledger_row(futures_row("TransferIn", "Pending")) is None


def futures_row(kind: str, status: str) -> FuturesLedgerRow:
    row = {
        "time": 1728665747000,
        "type": kind,
        "amount": D("0.01"),
        "fee": D(0),
        "accountEquity": D("14.02924938"),
        "status": status,
        "remark": "",
        "offset": 51360793,
        "currency": "XBT",
    }
    rows, _ = futures_ledger(Node({"dataList": [row], "hasMore": False}, "rows"))
    return rows[0]
