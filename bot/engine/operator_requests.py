"""What an operator asks for in words, as proposals of the owner ``operator``.

A request is words: ``borrow``, ``repay``, ``transfer``, ``cancel-all``, ``flatten``,
``rest-stops``, which asks for nothing itself.
The proposals pass the same admission, journal and executor as everything else.
Pure: words and the shadow in, proposals out.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
)
from bot.domain.errors import UsageError
from bot.domain.instruments import Rules
from bot.domain.intents import (
    AdjustMargin,
    Borrow,
    CancelOrder,
    CancelStop,
    Intent,
    PlaceOrder,
    PlaceStop,
    Proposal,
    Repay,
    Transfer,
)
from bot.domain.money import LEDGER_QUANTUM, decimal_from, floor_to, plain
from bot.guard.flatten import OPERATOR, cancel_everything, flatten_round
from bot.shadow.state import Shadow, empty_shadow

__all__ = ["account_named", "check_words", "intent_words", "proposals_for"]

_ACCOUNTS: Final = {
    "main": MAIN,
    "spot": SPOT,
    "margin": MARGIN_CROSS,
    "margin_cross": MARGIN_CROSS,
    "futures": FUTURES,
}
_LEAST: Final = LEDGER_QUANTUM
_MOST: Final = Decimal("1E15")
"""More coins than any account holds: a slip of the keys."""


def account_named(word: str) -> AccountId:
    """The account that an operator names; a pair is its isolated account.

    Raises:
        UsageError: There is no such account.

    Example:
        >>> account_named("margin"), account_named("BTC-USDT")
        ('margin_cross', 'margin_isolated:BTC-USDT')
    """
    if word in _ACCOUNTS:
        return _ACCOUNTS[word]
    base, dash, quote = word.partition("-")
    if base.isalnum() and dash and quote.isalnum():
        return isolated_account(word.upper())
    raise UsageError(
        f"There is no account {word!r}; say main, spot, margin, futures, or a pair "
        "such as BTC-USDT for its isolated account."
    )


def check_words(request: Mapping[str, str]) -> None:
    """Whether a request can be meant at all, before anything is asked of anybody.

    Raises:
        UsageError: It is not understood, or a number in it is wrong.
    """
    proposals_for(request, empty_shadow(Rules()))


def proposals_for(request: Mapping[str, str], shadow: Shadow) -> list[Proposal]:
    """What a request means for this account now.

    Raises:
        UsageError: The request is not understood, or a number in it is wrong.
    """
    match request.get("do"):
        case "borrow":
            account = account_named(request.get("account", "margin"))
            intent = Borrow(
                account=account, coin=_coin(request), amount=_amount(request)
            )
            return [_asked(intent, f"borrow {plain(intent.amount)} {intent.coin}")]
        case "repay":
            return _repay(request, shadow)
        case "transfer":
            return [_transfer(request)]
        case "cancel-all" | "rest-stops" as word:
            return cancel_everything(shadow) if word == "cancel-all" else []
        case "flatten":
            return flatten_round(shadow, sells_spot=request.get("spot") == "yes")
        case other:
            raise UsageError(f"The request {other!r} is not known.")


def intent_words(intent: Intent) -> str:
    """A request in a few words, with its exact numbers.

    Example:
        >>> intent_words(Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5)))
        'borrow 5 USDT in margin_cross'
    """
    match intent:
        case PlaceOrder():
            what = f"{intent.side} {plain(intent.qty)} {intent.symbol}"
            kind = "at market" if intent.price is None else f"at {plain(intent.price)}"
            return f"{what} {kind} in {intent.account}"
        case CancelOrder():
            return f"cancel order {intent.order_id} of {intent.symbol}"
        case PlaceStop() | CancelStop():
            return _stop_words(intent)
        case Borrow() | Repay() | Transfer():
            return _money_words(intent)
        case AdjustMargin():
            return f"change the margin of {intent.symbol} by {plain(intent.amount)}"


def _money_words(intent: Borrow | Repay | Transfer) -> str:
    if isinstance(intent, Transfer):
        way = f"from {intent.source} to {intent.target}"
        return f"move {plain(intent.amount)} {intent.coin} {way}"
    verb = "borrow" if isinstance(intent, Borrow) else "repay"
    return f"{verb} {plain(intent.amount)} {intent.coin} in {intent.account}"


def _stop_words(intent: PlaceStop | CancelStop) -> str:
    if isinstance(intent, CancelStop):
        return f"cancel stop {intent.stop_id} of {intent.symbol}"
    what = f"{intent.side} {plain(intent.qty)} {intent.symbol}"
    return f"let {what} wait for {plain(intent.stop_price)} in {intent.account}"


def _asked(intent: Borrow | Repay | Transfer, what: str) -> Proposal:
    return Proposal(owner=OPERATOR, intent=intent, reason=f"the operator asked: {what}")


def _coin(request: Mapping[str, str]) -> str:
    coin = request.get("coin", "").upper()
    if not coin.isalnum():
        raise UsageError(f"{request.get('coin')!r} is not a coin such as USDT.")
    return coin


def _amount(request: Mapping[str, str]) -> Decimal:
    text = request.get("amount", "")
    try:
        amount = decimal_from(text, "amount")
    except ValueError:
        amount = None
    if amount is None or not _LEAST <= amount <= _MOST:
        raise UsageError(f"The amount must be a number over 0, was {text!r}.")
    if floor_to(amount, _LEAST) != amount:
        raise UsageError(
            f"The amount {text!r} has more than eight decimals, which KuCoin refuses."
        )
    return amount


def _repay(request: Mapping[str, str], shadow: Shadow) -> list[Proposal]:
    """A repayment; ``all`` is what is owed, as far as the account has it."""
    account, coin = account_named(request.get("account", "margin")), _coin(request)
    if request.get("amount") == "all":
        held = shadow.balance(account, coin)
        amount = floor_to(min(held.liability, held.available), LEDGER_QUANTUM)
        if amount <= 0:
            return []
    else:
        amount = _amount(request)
    intent = Repay(account=account, coin=coin, amount=amount)
    return [_asked(intent, f"repay {plain(amount)} {coin}")]


def _transfer(request: Mapping[str, str]) -> Proposal:
    source = account_named(request.get("source", ""))
    target = account_named(request.get("target", ""))
    if source == target:
        raise UsageError("Source and target are the same account.")
    coin, amount = _coin(request), _amount(request)
    intent = Transfer(source=source, target=target, coin=coin, amount=amount)
    what = f"move {plain(amount)} {coin} from {source} to {target}"
    return _asked(intent, what)
