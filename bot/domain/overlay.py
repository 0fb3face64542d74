"""An overlay: what is laid over any strategy to end its losses and keep its gains.

``[strategy.NAME.overlay]`` declares it; ``bot/guard/overlays.py`` carries it out. All
thresholds are fractions of ``capital_usdt``, the money that the strategy is meant to
work with. Nothing here computes a profit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.domain.errors import UsageError
from bot.domain.intents import Proposal
from bot.domain.money import ONE, ZERO
from bot.domain.parameters import decimal, parameters_of, read_parameters, text
from bot.domain.strategy import Job, Strategy, View

__all__ = ["Overlaid", "Overlay", "overlay_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """When a strategy's legs are closed, and how large its new risk may be.

    A threshold of nought is off. ``scope`` says whose profit stop-loss, take-profit
    and trail look at: all legs together, or each coin's pair by itself; a fall from
    the peak of the whole is always the strategy's.
    """

    capital_usdt: Decimal = decimal("1000", above="0", sentence="what shares are of")
    scope: str = text("strategy", choices=("strategy", "pair"), sentence="whose profit")
    stop_loss: Decimal = decimal(
        "0", low="0", high="1", sentence="loss since the legs were opened"
    )
    take_profit: Decimal = decimal(
        "0", low="0", high="100", sentence="gain since the legs were opened"
    )
    trail: Decimal = decimal(
        "0", low="0", high="1", sentence="fall from the best since they were opened"
    )
    drawdown: Decimal = decimal(
        "0", low="0", high="1", sentence="fall of capital and profit from their peak"
    )
    cooldown_h: Decimal = decimal(
        "24", low="0", high="8760", sentence="hours without new risk once it has closed"
    )
    scale_from: Decimal = decimal(
        "0", low="0", high="1", sentence="fall from which new risk is made smaller"
    )
    scale_to: Decimal = decimal(
        "0.25", low="0", high="1", sentence="what is left of it at the drawdown"
    )

    def __post_init__(self) -> None:
        """Refuse thresholds that contradict each other."""
        if self.scale_from and self.scale_from >= self.drawdown:
            raise ValueError("scale_from must be smaller than drawdown.")

    @property
    def cooldown(self) -> timedelta:
        """How long no new risk is taken once it has closed."""
        return timedelta(seconds=int(self.cooldown_h * 3600))

    def scale(self, fallen: Decimal) -> Decimal:
        """The share of new risk that is let pass after a fall from the peak.

        Whole up to ``scale_from``, ``scale_to`` at ``drawdown``, a straight line
        between.

        Example:
            >>> overlay = Overlay(drawdown=Decimal("0.1"), scale_from=Decimal("0.02"),
            ...     scale_to=Decimal("0.2"))
            >>> overlay.scale(Decimal("0.06")), overlay.scale(Decimal(0))
            (Decimal('0.6'), Decimal('1'))
        """
        if not self.scale_from or fallen <= self.scale_from:
            return ONE
        over = min(fallen, self.drawdown) - self.scale_from
        return ONE - (ONE - self.scale_to) * over / (self.drawdown - self.scale_from)


@dataclass(frozen=True, slots=True)
class Overlaid:
    """A strategy with its overlay; asked, it answers as the strategy does."""

    strategy: Strategy
    overlay: Overlay
    claims: frozenset[str] = field(init=False)
    """Those of the strategy, read once: its code is not asked on every mark."""

    def __post_init__(self) -> None:
        """Read what the strategy claims."""
        object.__setattr__(self, "claims", frozenset(self.strategy.claims))

    @property
    def name(self) -> str:
        """That of the strategy."""
        return self.strategy.name

    @property
    def jobs(self) -> Sequence[Job]:
        """Those of the strategy."""
        return self.strategy.jobs

    @property
    def leverage(self) -> Decimal:
        """That of the strategy; nought where it says none."""
        found = getattr(self.strategy, "leverage", ZERO)
        return found if isinstance(found, Decimal) else ZERO

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """What the strategy wants."""
        return self.strategy.decide(view, due_at)


def overlay_of(strategy: Strategy, table: Mapping[str, object]) -> Strategy:
    """The strategy under the overlay of its table; itself without one.

    Raises:
        UsageError: A key is wrong, or the strategy claims no market to be closed.
    """
    if not table:
        return strategy
    where = f"[strategy.{strategy.name}.overlay]"
    chosen: dict[str, Any] = read_parameters(where, parameters_of(Overlay), table)
    if not strategy.claims:
        raise UsageError(
            f"{where} needs a strategy that claims its markets: what nobody claims is "
            "nobody's profit."
        )
    try:
        return Overlaid(strategy, Overlay(**chosen))
    except ValueError as error:
        raise UsageError(f"{where} {error}") from None
