"""The rival: a margin call that sells the biggest losers first.

Modelled on the default margin call of QuantConnect's Lean: once a minute it looks
at the free margin of each pool; under 5 % it closes positions, the largest
unrealised loss first, until 10 % is free. It knows no hedge, no reserve and no
repayment but of what a sale leaves idle. Free margin is ``1 - ratio / liquidation
ratio``, with KuCoin's debt ratio and risk rate for Lean's own maintenance rule, so
that the rival trades the same account on the same venue at the same costs.

It stands beside the strategies, as the composition root takes them, and is for the
studies alone: it must never be offered for trading.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MARGIN_CROSS, Position
from bot.domain.instruments import Lots
from bot.domain.intents import PlaceOrder, Proposal, Repay, intent_coin
from bot.domain.money import LEDGER_QUANTUM, ONE, ZERO, floor_to, plain, round_up
from bot.domain.orders import Side
from bot.domain.schedules import FACTS
from bot.domain.strategy import Job, View

__all__ = ["CALL", "LosersFirst", "free_margin"]

CALL: Final = Decimal("0.05")
"""Free margin under which positions are closed."""

_BUFFER: Final = Decimal("0.10")
"""Free margin at which it stops."""

_EXTRA: Final = Decimal("1.01")
"""A sale is made so much larger than its target needs, for fees and impact."""

_SETTLE: Final = "USDT"
_LEAST_USDT: Final = Decimal(1)


def free_margin(ratio: Decimal, liquidation: Decimal) -> Decimal:
    """What is left of a pool's margin, as a fraction of it.

    Example:
        >>> free_margin(Decimal("0.485"), Decimal("0.97"))
        Decimal('0.5')
    """
    return ONE - ratio / liquidation


@dataclass(slots=True, kw_only=True)
class LosersFirst:
    """One run's margin caller.

    ``entries`` is what each coin was worth when the run began, in USDT: margin
    accounts have no entry price of their own. ``called`` holds the pools whose call
    has begun and not yet reached its buffer.
    """

    entries: Mapping[str, Decimal]
    name: str = "losers_first"
    called: set[str] = field(default_factory=set)

    @property
    def jobs(self) -> Sequence[Job]:
        """Once a minute, as a bar closes, and when a sale has become money."""
        return (
            Job(name=self.name, schedule="every 60s"),
            Job(name=f"{self.name}.facts", schedule=FACTS),
        )

    @property
    def claims(self) -> frozenset[str]:
        """No market of its own."""
        return frozenset()

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Close losers of a pool under call; repay what earlier sales left idle."""
        if view.in_flight(self.name):
            return ()
        repayments = list(self._repayments(view)) if self.called else []
        if repayments or view.due_job is None:
            return repayments
        orders = [*self._margin(view), *self._futures(view)]
        return [Proposal(owner=self.name, intent=o, reason=_WHY) for o in orders]

    def _is_called(self, pool: str, ratio: Decimal | None, level: Decimal) -> bool:
        """Whether a pool is to be cut now; a call lasts until its buffer is there."""
        if ratio is None:
            return False
        free = free_margin(ratio, level)
        if free < CALL:
            self.called.add(pool)
        elif free >= _BUFFER:
            self.called.discard(pool)
        return pool in self.called

    def _margin(self, view: View) -> Iterator[PlaceOrder]:
        level = view.rules.margin_liquidation_debt_ratio
        ratio = view.debt_ratio(MARGIN_CROSS)
        if ratio is None or not self._is_called(MARGIN_CROSS, ratio, level):
            return
        aim = level * (ONE - _BUFFER)
        owned = _owned_usdt(view)
        excess = (ratio - aim) * owned / (ONE - aim) * _EXTRA
        for _, coin, net in sorted(self._losers(view)):
            mark = view.mark(coin)
            if mark is None or excess <= _LEAST_USDT:
                continue
            order = _spot_order(view, coin, net, excess / mark)
            if order is not None:
                excess -= order.qty * mark
                yield order

    def _losers(self, view: View) -> Iterator[tuple[Decimal, str, Decimal]]:
        """Unrealised profit, coin and net amount of each margin holding."""
        for coin, balance in view.balances(MARGIN_CROSS).items():
            net = balance.total - balance.liability
            mark = view.mark(coin)
            if coin == _SETTLE or not net or mark is None:
                continue
            yield net * (mark - self.entries.get(coin, mark)), coin, net

    def _futures(self, view: View) -> Iterator[PlaceOrder]:
        rate = view.risk_rate(_SETTLE)
        if rate is None or not self._is_called(FUTURES, rate, ONE):
            return
        aim = ONE - _BUFFER
        share = ONE if rate.is_infinite() else min((ONE - aim / rate) * _EXTRA, ONE)
        held = [p for p in view.positions() if p.lots]
        needed = share * sum((_value(view, p) for p in held), ZERO)
        for position in sorted(held, key=lambda p: (_profit(view, p), p.symbol)):
            value = _value(view, position)
            if needed <= 0 or value <= 0:
                continue
            part = min(needed / value, ONE)
            needed -= value * part
            yield _close(position, part)

    def _repayments(self, view: View) -> Iterator[Proposal]:
        flying = {intent_coin(each.intent) for each in view.in_flight(self.name)}
        for coin, balance in sorted(view.balances(MARGIN_CROSS).items()):
            amount = floor_to(
                max(min(balance.available, balance.liability), ZERO), LEDGER_QUANTUM
            )
            if coin in flying or amount * (view.mark(coin) or ONE) < _LEAST_USDT:
                continue
            yield Proposal(
                owner=self.name,
                intent=Repay(account=MARGIN_CROSS, coin=coin, amount=amount),
                reason=f"repay {plain(amount)} {coin} that a sale left idle",
            )


_WHY: Final = "margin call: less than 5 % of the margin is free, losers go first"


def _owned_usdt(view: View) -> Decimal:
    """What the cross margin account owns, in USDT; no mark counts as nothing here."""
    return sum(
        (
            b.total * (ONE if coin == _SETTLE else view.mark(coin) or ZERO)
            for coin, b in view.balances(MARGIN_CROSS).items()
        ),
        ZERO,
    )


def _spot_order(
    view: View, coin: str, net: Decimal, wanted: Decimal
) -> PlaceOrder | None:
    """Sell what is owned or buy what is owed, in whole increments."""
    rules = view.rules.spot.get(f"{coin}-{_SETTLE}")
    if rules is None:
        return None
    step, least = rules.base_increment, rules.base_min
    if net > 0:
        qty = floor_to(min(max(wanted, least), net), step)
    else:
        qty = min(round_up(max(wanted, least), step), round_up(-net, step))
    if qty < least:
        return None
    return PlaceOrder(
        account=MARGIN_CROSS,
        symbol=rules.symbol,
        side=Side.SELL if net > 0 else Side.BUY,
        qty=qty,
        is_reduction=True,
    )


def _close(position: Position, share: Decimal) -> PlaceOrder:
    lots = max(round_up(abs(position.lots) * share, ONE), ONE)
    return PlaceOrder(
        account=FUTURES,
        symbol=position.symbol,
        side=Side.SELL if position.lots > 0 else Side.BUY,
        qty=min(lots, Decimal(abs(position.lots))),
        reduce_only=True,
        is_reduction=True,
        margin_mode=position.mode,
        position_side=position.side,
        leverage=position.leverage,
    )


def _value(view: View, position: Position) -> Decimal:
    """The size of a position at its mark, unsigned; unknown counts as nothing."""
    rules = view.rules.contracts.get(position.symbol)
    mark = view.futures_mark(position.symbol)
    if rules is None or mark is None:
        return ZERO
    return rules.value(Decimal(abs(position.lots)), mark)


def _profit(view: View, position: Position) -> Decimal:
    """Unrealised profit of a linear position; unknown counts as nothing."""
    rules = view.rules.contracts.get(position.symbol)
    mark = view.futures_mark(position.symbol)
    if rules is None or mark is None:
        return ZERO
    return rules.value(Decimal(Lots(position.lots)), mark) - position.entry_value
