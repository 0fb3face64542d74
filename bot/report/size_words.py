"""How much new risk may be taken, in one line for the live view. Decides nothing."""

from decimal import Decimal

from bot.domain.money import ONE, ZERO
from bot.domain.room import Scale
from bot.engine.core import State
from bot.engine.sized import sizing_now
from bot.guard.limits import RiskLimits
from bot.guard.size_gates import net_values
from bot.guard.size_limits import SizingLimits
from bot.report import figures
from bot.risk.measure import equity_usdt

__all__ = ["room_words", "size_words"]


def size_words(
    state: State, limits: RiskLimits, sizing: SizingLimits
) -> tuple[str, ...]:
    """One line where something scales new risk; none where nothing does."""
    values = net_values(state.shadow)
    scale = sizing_now(state, sizing).scale(values, values)
    if scale.value >= ONE:
        return ()
    held = sum((abs(value) for value in values.values()), ZERO)
    return (room_words(equity_usdt(state.shadow), held, limits, scale),)


def room_words(
    equity: Decimal | None, held: Decimal, limits: RiskLimits, scale: Scale
) -> str:
    """What net exposure may be added, and what reduces it.

    Args:
        equity: Of all accounts in USDT; None is not known.
        held: The sum of the net exposures in USDT.
        limits: Leverage and gross exposure that new risk is held to.
        scale: What reduces them now.

    Example:
        >>> from bot.domain.room import Factor
        >>> half = Scale(factors=(Factor(name="results", value=Decimal("0.5"),
        ...     reason="a drawdown"),))
        >>> room_words(Decimal(5000), Decimal(200), RiskLimits(), half)
        'new risk: up to 12,300 USDT net, 0.50 of the limit: results 0.5'
    """
    if equity is None:
        return "new risk: none, the equity is not known"
    most = min(limits.max_leverage * max(equity, ZERO), limits.max_gross_usdt)
    room = max(most * scale.value - held, ZERO)
    reasons = ", ".join(
        f"{each.name} {figures.clean(f'{each.value.normalize():f}')}"
        for each in scale.factors
        if each.value < ONE
    )
    return (
        f"new risk: up to {room:,.0f} USDT net, {scale.value:.2f} of the limit: "
        f"{reasons}"
    )
