"""The operator's way out: close everything that can be liquidated, in rounds.

Each round is planned on what really happened in the one before: cancel what
rests, close futures positions, buy back what is owed and sell what is held in
margin accounts, repay. A coin or contract with a request under way waits for its
answer. Coins on spot are sold only when asked for. Nothing here sends anything.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, SPOT, AccountId
from bot.domain.instruments import SpotRules
from bot.domain.intents import CancelOrder, PlaceOrder, Proposal, intent_coin
from bot.domain.money import ZERO, floor_to, plain
from bot.domain.orders import OrderState, Side
from bot.guard.planner import idle_repayments
from bot.shadow.state import Shadow

__all__ = ["OPERATOR", "cancel_all", "flatten_round", "is_flat"]

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


def flatten_round(shadow: Shadow, *, sells_spot: bool) -> list[Proposal]:
    """What to send now; empty when everything is closed or waits for an answer.

    Args:
        shadow: The account as it is.
        sells_spot: Whether coins of the spot account are sold too.
    """
    cancels = cancel_all(shadow)
    if cancels:
        return cancels
    busy = _busy(shadow)
    found = [p for p in _closes(shadow) if intent_coin(p.intent) not in busy]
    for account in _accounts(shadow, sells_spot=sells_spot):
        repaid = [
            _owned(p)
            for p in idle_repayments(shadow, account)
            if intent_coin(p.intent) not in busy
        ]
        found += repaid or [
            p for p in _evened(shadow, account) if intent_coin(p.intent) not in busy
        ]
    return found


def _owned(proposal: Proposal) -> Proposal:
    return Proposal(owner=OPERATOR, intent=proposal.intent, reason=proposal.reason)


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
        yield Proposal(
            owner=OPERATOR,
            intent=PlaceOrder(
                account=FUTURES,
                symbol=key.symbol,
                side=side,
                qty=Decimal(abs(position.lots)),
                reduce_only=True,
                margin_mode=position.mode,
                position_side=position.side,
                leverage=position.leverage,
                is_reduction=True,
            ),
            reason=f"the operator closes {abs(position.lots)} lots of {key}",
        )


def _evened(shadow: Shadow, account: AccountId) -> Iterator[Proposal]:
    """Buy what is owed, sell what is held, a market order for each coin."""
    for coin, balance in sorted(shadow.balances[account].items()):
        rules = shadow.rules.spot.get(f"{coin}-USDT")
        if coin in _CASH or rules is None:
            continue
        net = balance.total - balance.liability
        order = _order(account, rules, net, shadow.margin_marks.get(coin))
        if order is not None:
            word = "sells" if net > 0 else "buys back"
            yield Proposal(
                owner=OPERATOR,
                intent=order,
                reason=f"the operator {word} {plain(order.qty)} {coin} in {account}",
            )


def _order(
    account: AccountId, rules: SpotRules, net: Decimal, mark: Decimal | None
) -> PlaceOrder | None:
    """The market order that brings a coin to nothing; None for dust."""
    if net == 0:
        return None
    step = rules.base_increment
    qty = floor_to(net, step) if net > 0 else _bought(-net, step)
    qty = min(qty, floor_to(rules.base_max, step))
    if qty < rules.base_min or qty <= 0:
        return None
    if mark is not None and qty * mark < rules.min_funds:
        return None
    return PlaceOrder(
        account=account,
        symbol=rules.symbol,
        side=Side.SELL if net > 0 else Side.BUY,
        qty=qty,
        is_reduction=net > 0 or qty <= -net,
    )


def _bought(owed: Decimal, step: Decimal) -> Decimal:
    """What to buy for a debt: a whole step up, so that the repayment leaves none."""
    exact = floor_to(owed, step)
    return exact if exact == owed else exact + step


def is_flat(shadow: Shadow) -> bool:
    """Whether nothing is left that can be liquidated."""
    owes = any(
        balance.liability > ZERO
        for coins in shadow.balances.values()
        for balance in coins.values()
    )
    return not owes and not shadow.positions and not shadow.orders
