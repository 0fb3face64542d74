"""Walks a small live account through the steps of a calibration, and back.

Reads go through the client's ``Rest``; whatever changes the account goes through
``Hands``, which journals an intent before it sends it. The contract must be flat and
the futures account empty before the first order: so whatever stands there afterwards
is ours, and undoing is to take it all away again, also after an error or an
interruption. Each step is written down as soon as it is observed; a calibration that
is run again goes on behind the last one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from bot.cli.calibrate_file import VectorFile
from bot.domain.accounts import FUTURES, MarginMode
from bot.domain.errors import RefusedError, UnreachableError
from bot.domain.instruments import ContractRules, Lots
from bot.domain.intents import PlaceOrder
from bot.domain.money import ONE, plain
from bot.domain.orders import OrderType, Side
from bot.report.calibration import Observation, compare, far_price
from bot.report.calibration_plan import (
    FLAT,
    STEPS,
    Move,
    MoveKind,
    Situation,
    Step,
    moves,
)
from bot.risk.futures_shape import OpenOrder
from connectors.kucoin.answers import Rest
from connectors.kucoin.parse.contracts import (
    CrossOrderLimit,
    contract,
    contract_rules,
    cross_order_limits,
)
from connectors.kucoin.parse.futures_orders import FuturesOrder, futures_orders
from connectors.kucoin.parse.modes import cross_leverage, is_hedge_mode, margin_mode
from connectors.kucoin.parse.positions import PositionLine, positions
from connectors.kucoin.parse.wallets import account_overview

__all__ = ["Calibration", "Hands"]

_TRIES: Final = 20
_PAUSE_S: Final = 1.0
_CLEAN_LOOKS: Final = 2
_UNDO: Final = "calibration: undo"
_ORACLE_MARGIN: Final = "10000"
_ROOM: Final = Decimal(4)
"""The free margin must be this many times what one lot needs."""


class Hands(Protocol):
    """What may change the account; every request is journaled before it leaves."""

    @property
    def is_armed(self) -> bool:
        """Whether live orders are allowed at all."""

    async def place(self, order: PlaceOrder, reason: str) -> None:
        """Send one order; returns when the exchange has taken it.

        Raises:
            RefusedError: A limit, or the exchange, refused it.
        """

    async def cancel(self, symbol: str, order_id: str, reason: str) -> None:
        """Cancel one order; that it is gone already is no error."""

    async def switch_leverage(
        self, symbol: str, leverage: Decimal, reason: str
    ) -> None:
        """Set the cross leverage of a contract."""


@dataclass(frozen=True, slots=True)
class _Book:
    """What stands at the exchange in the contract now."""

    line: PositionLine | None
    others: tuple[str, ...]
    orders: tuple[FuturesOrder, ...]

    @property
    def is_flat(self) -> bool:
        return self.line is None and not self.orders

    def order(self, side: Side) -> FuturesOrder | None:
        """The far order of one side."""
        return next((o for o in self.orders if o.side is side), None)


@dataclass(slots=True, kw_only=True)
class Calibration:
    """One calibration of one contract.

    Args:
        rest: Reads the exchange.
        hands: Changes the account.
        symbol: A contract in cross mode.
        file: Where vectors are kept.
        now: The exchange's time.
        pause: Waits for some seconds between two looks.
        say: Tells a person what is done.
    """

    rest: Rest
    hands: Hands
    symbol: str
    file: VectorFile
    now: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]
    say: Callable[[str], None]
    _found: Decimal = ONE
    _rules: ContractRules | None = None
    _stands: Situation = FLAT
    _has_acted: bool = False

    def outstanding(self) -> tuple[Step, ...]:
        """The steps that are not in the file yet."""
        return tuple(step for step in STEPS if step.name not in self.file.done)

    async def run(self) -> None:
        """Do what is outstanding, then leave the account as it was found.

        Raises:
            RefusedError: The account is not fit for it, an order was refused, or
                something could not be undone; the sentence says what stands.
            UnreachableError: The exchange does not answer.
        """
        steps = self.outstanding()
        if any(step.situation.needs_orders for step in steps):
            self._require_armed()
        await self._open()
        try:
            for step in steps:
                self.say(f"{step.name}: {step.sentence}")
                await self._go(step.situation)
                self.file.add(step.name, compare(step.name, await self._observe(step)))
        finally:
            await self._undo()

    def _require_armed(self) -> None:
        if not self.hands.is_armed:
            raise RefusedError(
                "A calibration places orders, and live orders are not armed; see "
                "'gnomon doctor', or use --dry-run to read the steps."
            )

    async def _open(self) -> None:
        """Look at the account before anything is done to it.

        Raises:
            RefusedError: It is not empty, in another mode, or too small.
        """
        _, mode = margin_mode(await self._read("margin_mode"))
        if mode is not MarginMode.CROSS:
            raise RefusedError(f"{self.symbol} is not in cross mode; switch it first.")
        if is_hedge_mode(await self.rest.read("position_mode")):
            raise RefusedError(
                "The account is in hedge mode; a calibration needs one-way."
            )
        _, self._found = cross_leverage(await self._read("cross_leverage"))
        book = await self._book()
        if not book.is_flat or book.others:
            named = (
                ", ".join((self.symbol, *book.others)) if book.others else self.symbol
            )
            raise RefusedError(
                f"The futures account must be empty, but there are positions or orders "
                f"({named}); close them first."
            )
        self._rules = await self._contract()
        await self._require_room(self._rules)

    async def _require_room(self, rules: ContractRules) -> None:
        mark = await self._mark()
        overview = account_overview(
            await self.rest.read("futures_account", {"currency": rules.settle})
        )
        leverage = min(self._leverage(Decimal("0.5")), self._found)
        need = rules.value(ONE, mark) / leverage * _ROOM
        if overview.available < need:
            raise RefusedError(
                f"The futures account has {plain(overview.available)} {rules.settle} "
                f"free; this calibration asks for {need:.2f}."
            )

    # -- the account ----------------------------------------------------------

    async def _read(self, endpoint: str) -> Any:
        return await self.rest.read(endpoint, {"symbol": self.symbol})

    async def _contract(self) -> ContractRules:
        return contract_rules(contract(await self._read("contract")))

    async def _mark(self) -> Decimal:
        stated = contract(await self._read("contract")).mark_price
        if stated is None:
            raise RefusedError(f"KuCoin states no mark of {self.symbol}.")
        return stated

    async def _book(self) -> _Book:
        held = positions(await self.rest.read("positions"))
        page = futures_orders(await self._read("open_futures_orders"))
        if not page.is_complete:
            raise RefusedError(f"There are too many open orders in {self.symbol}.")
        lines = [line for line in held.values() if line.symbol == self.symbol]
        others = sorted({key.symbol for key in held if key.symbol != self.symbol})
        return _Book(
            line=lines[0] if lines else None,
            others=tuple(others),
            orders=tuple(o for o in page.orders if o.remaining_lots > 0),
        )

    async def _observe(self, step: Step) -> Observation:
        rules = await self._contract()
        book = await self._book()
        overview = account_overview(
            await self.rest.read("futures_account", {"currency": rules.settle})
        )
        mark = None if book.line is None else book.line.mark_price
        limits: tuple[CrossOrderLimit, ...] = ()
        if step.name == STEPS[0].name:
            asked = {"symbol": self.symbol, "totalMargin": _ORACLE_MARGIN}
            limits = cross_order_limits(
                await self.rest.read("cross_order_limits", asked)
            )
        return Observation(
            at=self.now(),
            rules=rules,
            mark=await self._mark() if mark is None else mark,
            leverage=self._leverage(self._stands.leverage_factor),
            overview=overview,
            line=book.line,
            orders=tuple(_open_order(order) for order in book.orders),
            limits=tuple(each for each in limits if each.symbol == self.symbol),
        )

    # -- moving ---------------------------------------------------------------

    async def _go(self, situation: Situation) -> None:
        for move in moves(self._stands, situation):
            self.say(f"  {move.kind.value}")
            self._has_acted = True
            await self._do(move)
        self._stands = situation
        await self._settled(situation)

    async def _settled(self, situation: Situation) -> None:
        """Wait until the exchange shows the situation, for a bounded time.

        Raises:
            RefusedError: It never did.
        """
        for _ in range(_TRIES):
            if _shows(await self._book(), situation):
                return
            await self.pause(_PAUSE_S)
        raise RefusedError(
            f"The exchange did not show {self.symbol} as it was asked to be within "
            f"{_TRIES * _PAUSE_S:.0f} s; everything is undone."
        )

    async def _do(self, move: Move) -> None:
        book = await self._book()
        match move.kind:
            case MoveKind.CANCEL_BUY | MoveKind.CANCEL_SELL:
                side = Side.BUY if move.kind is MoveKind.CANCEL_BUY else Side.SELL
                order = book.order(side)
                if order is not None:
                    await self.hands.cancel(self.symbol, order.order_id, move.kind)
            case MoveKind.CLOSE:
                await self._close(book)
            case MoveKind.SWITCH:
                leverage = self._leverage(move.leverage_factor)
                await self.hands.switch_leverage(self.symbol, leverage, move.kind)
            case MoveKind.OPEN | MoveKind.PLACE_BUY | MoveKind.PLACE_SELL:
                await self._place(move)

    async def _place(self, move: Move) -> None:
        side = Side.SELL if move.kind is MoveKind.PLACE_SELL else Side.BUY
        rules = self._rules or await self._contract()
        price = None
        if move.kind is not MoveKind.OPEN:
            price = far_price(rules, await self._mark(), side.sign)
        order = PlaceOrder(
            account=FUTURES,
            symbol=self.symbol,
            side=side,
            qty=Decimal(rules.lot_size),
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            price=price,
            post_only=price is not None,
            leverage=self._leverage(move.leverage_factor),
        )
        await self.hands.place(order, f"calibration: {move.kind.value}")

    async def _close(self, book: _Book) -> None:
        if book.line is None:
            return
        order = PlaceOrder(
            account=FUTURES,
            symbol=self.symbol,
            side=Side.SELL if book.line.lots > 0 else Side.BUY,
            qty=Decimal(abs(book.line.lots)),
            reduce_only=True,
            leverage=self._leverage(self._stands.leverage_factor),
            is_reduction=True,
        )
        await self.hands.place(order, f"calibration: {MoveKind.CLOSE.value}")

    def _leverage(self, factor: Decimal) -> Decimal:
        """The leverage of a situation; one that is 1 already is doubled instead."""
        wanted = self._found * factor
        return wanted if wanted >= 1 else self._found / factor

    async def _undo(self) -> None:
        """Take away whatever stands in the contract, and set the leverage back.

        Raises:
            RefusedError: Something is left; it says what.
        """
        if not self._has_acted:
            return
        try:
            is_done = await self._taken_away()
        except UnreachableError as error:
            raise RefusedError(f"{self._left()} ({error})") from error
        if not is_done:
            raise RefusedError(self._left())
        self._stands, self._has_acted = FLAT, False

    async def _taken_away(self) -> bool:
        """Cancel and close until the exchange shows nothing, twice in a row.

        A request in doubt may show up late, so one clean look is not enough.
        """
        clean = 0
        for _ in range(_TRIES):
            book = await self._book()
            clean = clean + 1 if book.is_flat else 0
            if clean == _CLEAN_LOOKS:
                break
            for order in book.orders:
                await self.hands.cancel(self.symbol, order.order_id, _UNDO)
            await self._close(book)
            await self.pause(_PAUSE_S)
        _, leverage = cross_leverage(await self._read("cross_leverage"))
        if leverage != self._found:
            await self.hands.switch_leverage(self.symbol, self._found, _UNDO)
        return clean == _CLEAN_LOOKS

    def _left(self) -> str:
        return (
            f"It is not certain that {self.symbol} is flat after a calibration; close "
            "what is left with 'gnomon flatten' or on the exchange's page, at once."
        )


def _shows(book: _Book, situation: Situation) -> bool:
    lots = 0 if book.line is None else abs(book.line.lots)
    return (
        lots == situation.lots
        and (book.order(Side.BUY) is not None) == situation.has_far_buy
        and (book.order(Side.SELL) is not None) == situation.has_far_sell
    )


def _open_order(order: FuturesOrder) -> OpenOrder:
    if order.side is None:
        raise RefusedError(f"The order {order.order_id} has no side.")

    return OpenOrder(
        symbol=order.symbol,
        side=order.side,
        price=order.price,
        reduce_only=order.reduce_only,
        close=order.close,
        lots=Lots(order.remaining_lots),
    )
