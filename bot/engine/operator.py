"""What an operator asks for, as proposals, and what became of them.

A request is words: ``borrow``, ``repay``, ``transfer``, ``cancel-all``, ``flatten``.
They become proposals of the owner ``operator`` that pass the same admission,
journal and executor as everything else. The desk feeds them to the engine round by
round and waits, with a limit, until every answer is proven. It decides nothing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
from bot.domain.events import Event, Filled, IntentSettled, OperatorAsked, OrderChanged
from bot.domain.intents import (
    AdjustMargin,
    Approved,
    Borrow,
    CancelOrder,
    Intent,
    PlaceOrder,
    Proposal,
    Refused,
    Repay,
    Transfer,
)
from bot.domain.money import ZERO, decimal_from, floor_to, plain
from bot.domain.orders import OrderState, Outcome
from bot.engine.core import Step
from bot.engine.loop import Engine
from bot.guard.flatten import OPERATOR, cancel_all, flatten_round, is_flat
from bot.shadow.state import Shadow

__all__ = [
    "OperatorDesk",
    "Ticket",
    "account_named",
    "intent_words",
    "proposals_for",
]

_ACCOUNTS: Final = {
    "main": MAIN,
    "spot": SPOT,
    "margin": MARGIN_CROSS,
    "margin_cross": MARGIN_CROSS,
    "futures": FUTURES,
}
_ROUNDS: Final = 60
_STEP: Final = Decimal("0.00000001")


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
        case "cancel-all":
            return cancel_all(shadow)
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
        case Borrow() | Repay():
            verb = "borrow" if isinstance(intent, Borrow) else "repay"
            return f"{verb} {plain(intent.amount)} {intent.coin} in {intent.account}"
        case Transfer():
            way = f"from {intent.source} to {intent.target}"
            return f"move {plain(intent.amount)} {intent.coin} {way}"
        case AdjustMargin():
            return f"change the margin of {intent.symbol} by {plain(intent.amount)}"


def _asked(intent: Borrow | Repay | Transfer, what: str) -> Proposal:
    return Proposal(owner=OPERATOR, intent=intent, reason=f"the operator asked: {what}")


def _coin(request: Mapping[str, str]) -> str:
    coin = request.get("coin", "").upper()
    if not coin.isalnum():
        raise UsageError(f"{request.get('coin')!r} is not a coin such as USDT.")
    return coin


def _amount(request: Mapping[str, str]) -> Decimal:
    try:
        amount = decimal_from(request.get("amount", ""), "amount")
    except ValueError:
        amount = ZERO
    if not amount.is_finite() or amount <= 0:
        raise UsageError(
            f"The amount must be a number over 0, was {request.get('amount')!r}."
        )
    return amount


def _repay(request: Mapping[str, str], shadow: Shadow) -> list[Proposal]:
    """A repayment; ``all`` is what is owed, as far as the account has it."""
    account, coin = account_named(request.get("account", "margin")), _coin(request)
    if request.get("amount") == "all":
        held = shadow.balance(account, coin)
        amount = floor_to(min(held.liability, held.available), _STEP)
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


@dataclass(slots=True, kw_only=True)
class Ticket:
    """One request of the operator and what became of it so far."""

    intent_id: str | None
    what: str
    state: str
    reason: str = ""
    filled: Decimal = ZERO
    is_over: bool = False
    cancels: str | None = None
    """The order that it cancels: accepted is not yet gone."""

    def document(self) -> Mapping[str, object]:
        """For a machine."""
        return {
            "id": self.intent_id,
            "what": self.what,
            "state": self.state,
            "reason": self.reason,
            "filled": plain(self.filled),
        }


class OperatorDesk:
    """Feeds an operator's requests to a running engine and waits for the answers.

    Make it an observer of the engine. ``put`` hands an event to the engine's own
    queue; the desk never calls the engine.
    """

    def __init__(
        self,
        engine: Engine,
        put: Callable[[OperatorAsked], None],
        now: Callable[[], datetime],
        *,
        patience_s: float,
    ) -> None:
        self._engine = engine
        self._put = put
        self._now = now
        self._patience_s = patience_s
        self._tickets: dict[str, Ticket] = {}
        self._refused: list[Ticket] = []
        self._changed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    def __call__(self, moment: Sequence[Event], step: Step) -> None:
        """Watch one moment; the signature is an engine observer's."""
        for entry in step.entries:
            body = entry.body
            if isinstance(body, Approved | Refused) and body.owner == OPERATOR:
                self._admitted(body)
        for event in moment:
            self._event(event)
        self._changed.set()

    def _admitted(self, body: Approved | Refused) -> None:
        if isinstance(body, Refused):
            self._refused.append(
                Ticket(
                    intent_id=None,
                    what=intent_words(body.intent),
                    state="refused",
                    reason=body.reason,
                    is_over=True,
                )
            )
            return
        intent = body.intent
        self._tickets[body.intent_id] = Ticket(
            intent_id=body.intent_id,
            what=body.reason,
            state="sent",
            cancels=intent.order_id if isinstance(intent, CancelOrder) else None,
        )

    def _event(self, event: Event) -> None:
        match event:
            case IntentSettled(intent_id=name) if name in self._tickets:
                self._settled(self._tickets[name], event)
            case Filled(intent_id=str(name)) if name in self._tickets:
                self._tickets[name].filled += event.qty
            case OrderChanged(intent_id=str(name)) if name in self._tickets:
                if event.state is not OrderState.OPEN:
                    ticket = self._tickets[name]
                    ticket.state, ticket.is_over = str(event.state), True
                    ticket.reason = event.reason or ticket.reason
            case _:
                pass

    def _settled(self, ticket: Ticket, event: IntentSettled) -> None:
        ticket.reason = event.reason or ""
        ticket.state = str(event.outcome).replace("_", " ")
        is_order = event.outcome is Outcome.DONE and event.order_id is not None
        ticket.is_over = event.outcome is not Outcome.IN_DOUBT and not (
            is_order and self._is_trade(event.intent_id)
        )

    def _is_trade(self, intent_id: str) -> bool:
        request = self._engine.state.shadow.requests.get(intent_id)
        return request is not None and isinstance(request.approved.intent, PlaceOrder)

    async def answer(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """Answer one line of an operator; a bad one is answered with an ``error``."""
        words = {k: v for k, v in request.items() if isinstance(v, str)}
        try:
            if words.get("dry_run") == "yes":
                return self.preview(words)
            return await self.do(words)
        except UsageError as error:
            return {"error": str(error)}

    def preview(self, request: Mapping[str, str]) -> Mapping[str, object]:
        """What a request would send now, and what admission would say to it.

        Raises:
            UsageError: The request is not understood.
        """
        proposals = proposals_for(request, self._engine.state.shadow)
        said = self._engine.preview(proposals)
        return {
            "do": request.get("do"),
            "dry_run": True,
            "requests": [
                {
                    "what": intent_words(verdict.intent),
                    "state": "refused" if isinstance(verdict, Refused) else "approved",
                    "reason": verdict.reason,
                    "measured": dict(verdict.measured),
                }
                for verdict in said
            ],
            "is_done": not any(isinstance(verdict, Refused) for verdict in said),
        }

    async def do(self, request: Mapping[str, str]) -> Mapping[str, object]:
        """Do a request to its end and say what became of each part of it."""
        async with self._one_at_a_time:
            self._tickets.clear()
            self._refused.clear()
            rounds = _ROUNDS if request.get("do") in {"flatten", "cancel-all"} else 1
            for _ in range(rounds):
                proposals = proposals_for(request, self._engine.state.shadow)
                if not proposals or self._refused:
                    break
                if not await self._round(proposals):
                    break
            return self._answer(request)

    async def _round(self, proposals: Sequence[Proposal]) -> bool:
        """Send one round; whether every part of it came to an end in time."""
        asked = len(self._tickets) + len(self._refused) + len(proposals)
        self._put(OperatorAsked(at=self._now(), proposals=tuple(proposals)))
        try:
            async with asyncio.timeout(self._patience_s):
                while not self._is_over(asked):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _is_over(self, asked: int) -> bool:
        known = len(self._tickets) + len(self._refused)
        return known >= asked and all(map(self._is_gone, self._tickets.values()))

    def _is_gone(self, ticket: Ticket) -> bool:
        resting = self._engine.state.shadow.orders
        return ticket.is_over and ticket.cancels not in resting

    def _answer(self, request: Mapping[str, str]) -> Mapping[str, object]:
        parts = [*self._tickets.values(), *self._refused]
        shadow = self._engine.state.shadow
        answer: dict[str, object] = {
            "do": request.get("do"),
            "requests": [ticket.document() for ticket in parts],
            "is_done": all(t.is_over and t.state != "refused" for t in parts),
        }
        if request.get("do") == "flatten":
            answer["is_flat"] = is_flat(shadow)
        return answer
