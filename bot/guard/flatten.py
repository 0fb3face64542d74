"""The operator's way out: close everything that can be liquidated, in rounds.

Each round is planned on what really happened in the one before: cancel what
rests, withdraw our margin stops, close futures positions, buy back what is owed and
sell what is held in margin accounts, repay, and withdraw our futures stops, which only
reduce, at the end. A coin or contract with a
request under way waits for its answer. Coins on spot are sold only when asked for.
Nothing here sends anything.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, SPOT, AccountId
from bot.domain.instruments import SpotRules
from bot.domain.intents import (
    CancelOrder,
    CancelStop,
    PlaceOrder,
    PlaceStop,
    Proposal,
    Repay,
    intent_coin,
)
from bot.domain.money import LEDGER_QUANTUM, ZERO, floor_to, plain
from bot.domain.orders import OrderState, Side
from bot.domain.stops import StopChanged
from bot.shadow.state import Shadow
from bot.shadow.stops import resting_stops

__all__ = [
    "OPERATOR",
    "cancel_all",
    "cancel_everything",
    "flatten_round",
    "is_flat",
    "is_quiet",
    "is_under_way",
]

OPERATOR: Final = "operator"
"""Who owns the operator's requests."""

_CASH: Final = frozenset({"USDT", "USDC"})


def cancel_all(shadow: Shadow) -> list[Proposal]:
    """Cancel every order that rests and is not being cancelled already."""
    asked = {
        request.approved.intent.order_id
        for request in shadow.requests.values()
        if isinstance(request.approved.intent, CancelOrder)
    }
    return [
        Proposal(
            owner=OPERATOR,
            intent=CancelOrder(
                account=order.account, symbol=order.symbol, order_id=order_id
            ),
            reason=f"the operator cancels order {order_id}",
        )
        for order_id, order in sorted(shadow.orders.items())
        if order.state is OrderState.OPEN and order_id not in asked
    ]


def cancel_everything(shadow: Shadow) -> list[Proposal]:
    """Cancel every order that rests and every stop that waits, foreign ones too.

    Who cancels everything expects nothing to be left that can trade.
    """
    return [*cancel_all(shadow), *_withdrawals(shadow, resting_stops(shadow))]


def flatten_round(shadow: Shadow, *, sells_spot: bool) -> list[Proposal]:
    """What to send now; empty when everything is closed or waits for an answer.

    Args:
        shadow: The account as it is.
        sells_spot: Whether coins of the spot account are sold too.
    """
    cancels = cancel_all(shadow)
    if cancels:
        return cancels
    mine = [stop for stop in resting_stops(shadow) if stop.intent_id is not None]
    sellers = _withdrawals(shadow, (s for s in mine if s.account != FUTURES))
    if sellers:
        return sellers
    busy = _busy(shadow)
    found = list(_closes(shadow))
    for account in _accounts(shadow, sells_spot=sells_spot):
        repaid = list(_repayments(shadow, account))
        found += repaid or _evened(shadow, account)
    if not found:
        return _withdrawals(shadow, mine)
    return [p for p in found if intent_coin(p.intent) not in busy]


def _withdrawals(shadow: Shadow, stops: Iterable[StopChanged]) -> list[Proposal]:
    """Withdraw stops that are not being withdrawn already."""
    asked = {
        request.approved.intent.stop_id
        for request in shadow.requests.values()
        if isinstance(request.approved.intent, CancelStop)
    }
    return [
        Proposal(
            owner=OPERATOR,
            intent=CancelStop(
                account=stop.account, symbol=stop.symbol, stop_id=stop.stop_id
            ),
            reason=f"the operator withdraws stop {stop.stop_id}",
        )
        for stop in stops
        if stop.stop_id not in asked
    ]


def is_under_way(shadow: Shadow) -> bool:
    """Whether anything waits for an answer, so that a further round may follow."""
    return bool(_busy(shadow))


def _repayments(shadow: Shadow, account: AccountId) -> Iterator[Proposal]:
    """Repay each owed coin from what is free of it, the last digit included."""
    for coin, balance in sorted(shadow.balances[account].items()):
        amount = floor_to(min(balance.available, balance.liability), LEDGER_QUANTUM)
        if amount > 0:
            yield Proposal(
                owner=OPERATOR,
                intent=Repay(account=account, coin=coin, amount=amount),
                reason=f"the operator repays {plain(amount)} {coin} in {account}",
            )


def _busy(shadow: Shadow) -> frozenset[str]:
    """Coins and symbols with a request under way."""
    names = (intent_coin(r.approved.intent) for r in shadow.requests.values())
    return frozenset(name for name in names if name is not None)


def _accounts(shadow: Shadow, *, sells_spot: bool) -> Sequence[AccountId]:
    return [
        account
        for account in sorted(shadow.balances)
        if account.startswith("margin") or (sells_spot and account == SPOT)
    ]


def _closes(shadow: Shadow) -> Iterator[Proposal]:
    """A closing order for each futures position."""
    for key in sorted(shadow.positions):
        position = shadow.positions[key]
        side = Side.SELL if position.lots > 0 else Side.BUY
        lots = abs(position.lots)
        contract = shadow.rules.contracts.get(key.symbol)
        if contract is not None:
            lots = min(lots, contract.max_order_lots)
        yield Proposal(
            owner=OPERATOR,
            intent=PlaceOrder(
                account=FUTURES,
                symbol=key.symbol,
                side=side,
                qty=Decimal(lots),
                reduce_only=True,
                margin_mode=position.mode,
                position_side=position.side,
                leverage=position.leverage,
                is_reduction=True,
            ),
            reason=f"the operator closes {lots} lots of {key}",
        )


def _evened(shadow: Shadow, account: AccountId) -> Iterator[Proposal]:
    """Buy what is owed, sell what is held, a market order for each coin."""
    for coin, balance in sorted(shadow.balances[account].items()):
        rules = shadow.rules.spot.get(f"{coin}-USDT")
        net = balance.total - balance.liability
        if rules is None or (coin in _CASH and net > 0):
            continue
        qty = _tradable(rules, net, shadow.margin_marks.get(coin))
        if qty <= 0:
            continue
        word = "sells" if net > 0 else "buys back"
        yield Proposal(
            owner=OPERATOR,
            intent=PlaceOrder(
                account=account,
                symbol=rules.symbol,
                side=Side.SELL if net > 0 else Side.BUY,
                qty=qty,
                is_reduction=qty <= abs(net),
            ),
            reason=f"the operator {word} {plain(qty)} {coin} in {account}",
        )


def _tradable(rules: SpotRules, net: Decimal, mark: Decimal | None) -> Decimal:
    """How much to trade of what is held or owed; zero for dust that is held.

    What is owed is bought in whole steps, which only lowers risk; a rest below the
    least order is bought with the least order, so that no debt stays.
    """
    step = rules.base_increment
    qty = min(floor_to(abs(net), step), floor_to(rules.base_max, step))
    least = rules.base_min
    if mark:
        least = max(least, _ceiled(rules.min_funds / mark, step))
    if qty >= least:
        return qty
    return least if net < 0 else ZERO


def _ceiled(amount: Decimal, step: Decimal) -> Decimal:
    """Whole steps, rounded up.

    Example:
        >>> _ceiled(Decimal("0.15"), Decimal("0.1"))
        Decimal('0.2')
    """
    exact = floor_to(amount, step)
    return exact if exact == amount else exact + step


def is_flat(shadow: Shadow) -> bool:
    """Whether nothing is left that can be liquidated, nor an order or stop of ours."""
    owes = any(
        balance.liability > ZERO
        for coins in shadow.balances.values()
        for balance in coins.values()
    )
    mine = any(stop.intent_id is not None for stop in resting_stops(shadow))
    return not (owes or shadow.positions or shadow.orders or mine)


def is_quiet(shadow: Shadow) -> bool:
    """Whether nothing is left that can trade: no order, no stop, none on its way."""
    is_coming = any(
        isinstance(request.approved.intent, PlaceOrder | PlaceStop)
        for request in shadow.requests.values()
    )
    return not (shadow.orders or resting_stops(shadow) or is_coming)
