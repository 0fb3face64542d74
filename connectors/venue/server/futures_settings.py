"""What the user has switched on the futures side: margin modes, leverages, sides.

KuCoin keeps a margin mode and a cross leverage for each contract and one position mode
for the account (futures-and-unified.md 2.9). A contract that nobody has touched is
listed as cross with the usual leverage, and takes mode and leverage from its first
order; from then on an order in another mode is refused with 330005, and the leverage
of a cross order is ignored. A switch needs a contract without position and orders.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MarginMode, PositionSide
from bot.domain.money import plain
from connectors.venue.refusal import Refusal
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import FUTURES_HOST
from connectors.venue.server.notices import Notice, Noticeboard
from connectors.venue.server.words_futures_common import mode_word

__all__ = ["FuturesSettings"]

_USUAL_LEVERAGE: Final = Decimal(10)
_OCCUPIED: Final = "50002"


class FuturesSettings:
    """Modes and leverages of one user, starting from the positions there are."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._board = backend.part(Noticeboard)
        self._modes: dict[str, MarginMode] = {}
        self._leverages: dict[str, Decimal] = {}
        self.is_hedged = False
        """Position mode 1: long and short of a contract are kept apart."""
        for key, position in backend.venue.futures.positions.items():
            self._modes[key.symbol] = position.mode
            self.is_hedged = self.is_hedged or key.side is not PositionSide.BOTH
            if position.mode is MarginMode.CROSS:
                self._leverages[key.symbol] = position.leverage

    def mode(self, symbol: str) -> MarginMode:
        """The margin mode of a contract."""
        return self._modes.get(symbol, MarginMode.CROSS)

    def leverage(self, symbol: str) -> Decimal:
        """The cross leverage of a contract."""
        most = self._backend.venue.rules.contracts[symbol].max_leverage
        return self._leverages.get(symbol, min(_USUAL_LEVERAGE, most))

    def check_order(
        self, symbol: str, mode: MarginMode, side: PositionSide
    ) -> Refusal | None:
        """Refuse an order that does not fit the modes."""
        if self._modes.get(symbol, mode) is not mode:
            return Refusal(
                "330005",
                "The order's margin mode does not match the selected one. Please "
                "switch and try again.",
            )
        if (side is not PositionSide.BOTH) is not self.is_hedged:
            words = "LONG or SHORT in hedge mode" if self.is_hedged else "BOTH"
            return Refusal("330011", f"The positionSide must be {words}.")
        return None

    def order_leverage(
        self, symbol: str, mode: MarginMode, asked: Decimal | None
    ) -> Decimal | None:
        """The leverage that an order trades at; None where one has to be given."""
        if mode is MarginMode.ISOLATED:
            return asked
        if symbol in self._leverages or asked is None:
            return self.leverage(symbol)
        return asked

    def touched(self, symbol: str, mode: MarginMode, leverage: Decimal) -> None:
        """An order was accepted: what it said is the user's choice from now on."""
        self._modes.setdefault(symbol, mode)
        if mode is MarginMode.CROSS:
            self._leverages.setdefault(symbol, leverage)

    def switch_mode(self, symbol: str, mode: MarginMode) -> Refusal | None:
        """Choose the margin mode of a contract that is empty."""
        if mode is not self.mode(symbol) and self._is_occupied(symbol):
            return Refusal(_OCCUPIED, "exist.order.or.position")
        is_new = self._modes.get(symbol) is not mode
        self._modes[symbol] = mode
        if is_new:
            self._tell("/contract/marginMode", {symbol: mode_word(mode)})
        return None

    def set_leverage(self, symbol: str, leverage: Decimal) -> Refusal | None:
        """Choose the cross leverage of a contract; what is open follows."""
        backend = self._backend
        at = max(backend.now(), backend.venue.now)
        events = backend.venue.set_cross_leverage(at, symbol, leverage)
        if isinstance(events, Refusal):
            return events
        self._leverages[symbol] = leverage
        backend.publish(at, events)
        self._tell("/contract/crossLeverage", {symbol: {"leverage": plain(leverage)}})
        return None

    def switch_sides(self, *, is_hedged: bool) -> Refusal | None:
        """Choose one-way or hedge mode for the whole account, which must be empty."""
        venue = self._backend.venue
        is_busy = bool(venue.futures.positions or venue.orders.resting_of(FUTURES))
        if is_hedged is not self.is_hedged and is_busy:
            return Refusal(_OCCUPIED, "exist.order.or.position")
        self.is_hedged = is_hedged
        return None

    def _is_occupied(self, symbol: str) -> bool:
        venue = self._backend.venue
        held = any(key.symbol == symbol for key in venue.futures.positions)
        return held or bool(venue.orders.resting(symbol))

    def _tell(self, topic: str, data: Mapping[str, object]) -> None:
        self._board.post(
            Notice(host=FUTURES_HOST, topic=topic, subject="user.config", data=data)
        )
