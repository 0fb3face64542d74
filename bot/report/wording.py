"""Names and sentences for people: accounts, requests, fills, what the exchange did.

The journal keeps the exact values; here they become what a trader would say.
Numbers are rounded by ``bot.report.figures`` and are never read back. This module
must not decide, compute a risk number, or do any input or output.
"""

import re
from decimal import Decimal
from typing import Final, assert_never

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_pair,
)
from bot.domain.events import AccountStatus, AccountStatusChanged
from bot.domain.instruments import Rules
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    CancelStop,
    Intent,
    PlaceOrder,
    PlaceStop,
    Repay,
    Transfer,
)
from bot.domain.orders import Side
from bot.report import figures
from bot.report.frame import Tone

__all__ = [
    "account_title",
    "done_title",
    "intent_title",
    "ratio_word",
    "status_title",
    "subject_title",
    "subject_words",
    "trade_title",
]

_FUTURES: Final = "futures:"
_ISOLATED: Final = "futures_isolated:"
_ACCOUNTS: Final = {
    MAIN: "main",
    SPOT: "spot",
    MARGIN_CROSS: "cross margin",
    FUTURES: "futures",
}
_NAMES: Final = re.compile(
    r"margin_cross|margin_isolated:[A-Z0-9]+-[A-Z0-9]+"
    r"|futures_isolated:[A-Z0-9]+(?::(?:LONG|SHORT))?|futures:[A-Z0-9]+"
)
"""The names of subjects as the journal has them."""
_DONE: Final = {Side.BUY: "bought", Side.SELL: "sold"}
_PAST: Final = {
    "buy": "bought",
    "sell": "sold",
    "cancel": "cancelled",
    "rest": "rested",
    "add": "added",
    "withdraw": "withdrew",
    "move": "moved",
    "borrow": "borrowed",
    "repay": "repaid",
}


def account_title(account: AccountId) -> str:
    """An account as people call it.

    Example:
        >>> account_title(MARGIN_CROSS), account_title(AccountId("margin_isolated:A-B"))
        ('cross margin', 'A-B isolated')
    """
    pair = isolated_pair(account)
    if pair is not None:
        return f"{pair} isolated"
    return _ACCOUNTS.get(account, str(account))


def subject_title(subject: str) -> str:
    """An endangered account as people call it.

    Example:
        >>> subject_title("futures:USDT"), subject_title("margin_cross")
        ('futures USDT', 'cross margin')
        >>> subject_title("futures_isolated:XBTUSDTM")
        'XBTUSDTM isolated'
    """
    if subject.startswith(_ISOLATED):
        return f"{subject.removeprefix(_ISOLATED)} isolated"
    if subject.startswith(_FUTURES):
        return f"futures {subject.removeprefix(_FUTURES)}"
    return account_title(AccountId(subject))


def subject_words(text: str) -> str:
    """A sentence of the guard with the accounts' names as people say them.

    Example:
        >>> subject_words("move 5 USDT to margin_cross: 14 % liquidates futures:USDT")
        'move 5 USDT to cross margin: 14 % liquidates futures USDT'
    """
    return _NAMES.sub(lambda found: subject_title(found.group()), text)


def ratio_word(subject: str) -> str:
    """The name of the ratio that the exchange liquidates a subject by.

    Example:
        >>> ratio_word("futures:USDT"), ratio_word("margin_cross")
        ('risk rate', 'debt ratio')
    """
    return "risk rate" if subject.startswith("futures") else "debt ratio"


def _quantity(rules: Rules, account: AccountId, symbol: str, qty: Decimal) -> str:
    """Coins with their name; lots with the coins they stand for."""
    if account != FUTURES:
        spot = rules.spot.get(symbol)
        coin = symbol.partition("-")[0] if spot is None else spot.base
        return f"{figures.amount(qty)} {coin}"
    contract = rules.contracts.get(symbol)
    if contract is None or contract.is_inverse:
        return f"{figures.amount(qty)} lots of {symbol}"
    coins = figures.amount(qty * contract.multiplier)
    return f"{coins} {contract.base} of {symbol}"


def trade_title(
    rules: Rules, order: PlaceOrder, qty: Decimal, price: Decimal | None
) -> str:
    """What an order traded: how much, where, at which average price.

    Example:
        >>> trade_title(Rules(), PlaceOrder(account=MARGIN_CROSS, symbol="BTC-USDT",
        ...     side=Side.SELL, qty=Decimal("0.5")), Decimal("0.12"), Decimal(58210))
        'sold 0.12 BTC at 58,210.00 in cross margin'
    """
    size = _quantity(rules, order.account, order.symbol, qty)
    return (
        f"{_DONE[order.side]} {size} at {figures.price(price)}{_where(order.account)}"
    )


def intent_title(rules: Rules, intent: Intent) -> str:
    """A request in the imperative.

    Example:
        >>> intent_title(Rules(), Transfer(source=MAIN, target=FUTURES, coin="USDT",
        ...                                amount=Decimal(2000)))
        'move 2,000 USDT from main to futures'
    """
    if isinstance(intent, PlaceOrder):
        return _order_title(rules, intent)
    verb, rest = _plain_title(intent)
    return f"{verb} {rest}"


def done_title(intent: Intent) -> str:
    """A request that was done, in the past tense; orders have ``trade_title``.

    Example:
        >>> done_title(Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(10)))
        'repaid 10 USDT in cross margin'
    """
    verb, rest = _plain_title(intent)
    return f"{_PAST[verb]} {rest}"


def _plain_title(intent: Intent) -> tuple[str, str]:
    """The verb of a request and what it is done to."""
    match intent:
        case PlaceOrder(side=side, symbol=symbol):
            return side.value, symbol
        case CancelOrder(symbol=symbol):
            return "cancel", f"an order of {symbol}"
        case PlaceStop() | CancelStop():
            return _stop_title(intent)
        case AdjustMargin(symbol=symbol, amount=amount):
            verb = "add" if amount > 0 else "withdraw"
            return verb, f"{figures.amount(abs(amount))} of margin of {symbol}"
        case Borrow() | Repay() | Transfer():
            return _money_title(intent)
        case never:
            assert_never(never)


def _stop_title(intent: PlaceStop | CancelStop) -> tuple[str, str]:
    if isinstance(intent, CancelStop):
        return "withdraw", f"a stop of {intent.symbol}"
    price = figures.price(intent.stop_price)
    return "rest", f"a stop that would {intent.side.value} {intent.symbol} at {price}"


def _money_title(intent: Borrow | Repay | Transfer) -> tuple[str, str]:
    size = figures.amount(intent.amount)
    if intent.coin == "USDT" and intent.amount >= 1:
        size = figures.usdt(intent.amount).removesuffix(".00")
    coins = f"{size} {intent.coin}"
    if isinstance(intent, Transfer):
        source, target = account_title(intent.source), account_title(intent.target)
        return "move", f"{coins} from {source} to {target}"
    verb = "borrow" if isinstance(intent, Borrow) else "repay"
    return verb, f"{coins} in {account_title(intent.account)}"


def _where(account: AccountId) -> str:
    return "" if account == FUTURES else f" in {account_title(account)}"


def _order_title(rules: Rules, order: PlaceOrder) -> str:
    at = "" if order.price is None else f" at {figures.price(order.price)}"
    where = _where(order.account)
    if order.close:
        return f"close {order.symbol}{at}{where}"
    size = _quantity(rules, order.account, order.symbol, order.qty)
    return f"{order.side.value} {size}{at}{where}"


_STATUS: Final = {
    AccountStatus.NORMAL: ("lifts every limit on {}", Tone.CALM),
    AccountStatus.WARNED: ("warns {}", Tone.DANGER),
    AccountStatus.ORDERS_CANCELLED: ("cancels the orders of {}", Tone.DANGER),
    AccountStatus.LIQUIDATING: ("takes {} over", Tone.DANGER),
    AccountStatus.LIQUIDATED: ("has liquidated {}", Tone.DANGER),
    AccountStatus.BANKRUPT: ("carries what {} cannot pay", Tone.DANGER),
}


def status_title(event: AccountStatusChanged) -> tuple[str, Tone]:
    """What the exchange did with an account, as its next words, and how bad it is.

    Example:
        >>> from datetime import UTC, datetime
        >>> text, tone = status_title(AccountStatusChanged(
        ...     at=datetime(2025, 1, 1, tzinfo=UTC), account=MARGIN_CROSS,
        ...     status=AccountStatus.WARNED, ratio=Decimal("0.9512")))
        >>> text.replace(figures.NBSP, " "), tone.value
        ('warns cross margin: debt ratio 95.12 % (high risk)', 'danger')
    """
    name = account_title(event.account)
    if event.account == FUTURES and event.coin:
        name = f"futures {event.coin}"
    sentence, tone = _STATUS[event.status]
    text = sentence.format(name)
    if event.ratio is not None and event.ratio > 0:
        word = ratio_word(event.account)
        text += f": {word} {figures.banded(event.ratio)}"
    return text, tone
