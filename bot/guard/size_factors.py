"""How much of its limits new risk may use now: factors, each with its reason.

Every factor lies between 0 and 1 and only reduces. What new risk is held to is scaled
by the product: net leverage is multiplied with it, the distances and moves that an
account must stand are divided by it. A reduction and a hedge that lowers the net
exposure are never held to it. What is not known makes a factor smaller, never 1 by
default. Nothing here measures an account or decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final

from bot.domain.money import ONE, ZERO
from bot.domain.room import Factor, Scale
from bot.guard.size_limits import SizingLimits
from bot.risk.book_volatility import DayVolatility
from bot.risk.outlook import Outlook

__all__ = [
    "Sizing",
    "diversification_factor",
    "gains_factor",
    "sizing_of",
    "volatility_factor",
]

_DIGITS: Final = Decimal("0.001")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sizing:
    """What scales new risk at this moment.

    ``standing`` are the factors that do not depend on what is asked for; how volatile
    the book is does. Without ``volatility`` nothing is known of a book and nothing
    asked about it: for measures outside a run.
    """

    stable_reserve: Decimal = ZERO
    standing: tuple[Factor, ...] = ()
    volatility: DayVolatility | None = None
    target_volatility: Decimal = ONE

    def scale(
        self, before: Mapping[str, Decimal], after: Mapping[str, Decimal]
    ) -> Scale:
        """The scale for a change of the book.

        The more volatile of the two decides: a calm addition lifts no limit, so that
        a larger size is never held to less than a smaller one.

        Args:
            before: Coin to its signed net value in USDT.
            after: The same after it.
        """
        known = self.volatility
        if known is None:
            return Scale(factors=self.standing)
        found = (
            volatility_factor(known, values, self.target_volatility)
            for values in (after, before)
        )
        worst = min(found, key=lambda factor: factor.value)
        return Scale(factors=(worst, *self.standing))

    def is_hedge(
        self, before: Mapping[str, Decimal], after: Mapping[str, Decimal]
    ) -> bool:
        """Whether a book moves less after than before.

        It does where the sum of its net exposures is smaller; and where it is larger,
        but all coins are known to move so together that the whole moves less.

        Example:
            >>> long, less = {"BTC": Decimal(10)}, {"BTC": Decimal(-9)}
            >>> Sizing().is_hedge(long, less), Sizing().is_hedge(long, long)
            (True, False)
        """
        gross, was = _gross(after), _gross(before)
        if gross < was:
            return True
        if self.volatility is None or not was:
            return False
        then, now = self.volatility.of(after), self.volatility.of(before)
        if then.assumed or now.assumed:
            return False
        return then.per_day * float(gross) < now.per_day * float(was)


def _gross(values: Mapping[str, Decimal]) -> Decimal:
    return sum((abs(value) for value in values.values()), ZERO)


def volatility_factor(
    known: DayVolatility, values: Mapping[str, Decimal], target: Decimal
) -> Factor:
    """Target over forecast, at most 1: a book that moves twice as much may be half.

    Example:
        >>> volatility_factor(DayVolatility(assumed=0.1), {"NEW": Decimal(50)},
        ...     Decimal("0.05"))
        ...     # doctest: +NORMALIZE_WHITESPACE
        Factor(name='volatility', value=Decimal('0.500'),
        reason='10.0 % a day, assumed for NEW; 5.0 % is the target')
    """
    book = known.of(values)
    words = f"{book.per_day * 100:.1f} % a day"
    if book.assumed:
        words += f", assumed for {', '.join(book.assumed)}"
    words += f"; {target * 100:.1f} % is the target"
    value = ONE
    if book.per_day > float(target):
        value = _rounded(float(target) / book.per_day)
    return Factor(name="volatility", value=value, reason=words)


def gains_factor(credited: Decimal | None, equity: Decimal | None) -> Factor:
    """Gains beyond the last step that was credited do not count for sizing.

    Example:
        >>> gains_factor(Decimal(100), Decimal(125)).value
        Decimal('0.800')
    """
    if credited is None or equity is None or equity <= 0:
        return Factor(name="gains", value=ONE, reason="no equity to compare")
    value = (
        ONE if equity <= credited else (credited / equity).quantize(_DIGITS, ROUND_DOWN)
    )
    reason = f"{credited:.0f} of {equity:.0f} USDT count until the gain has lasted"
    return Factor(name="gains", value=max(value, ZERO), reason=reason)


def diversification_factor(
    outlook: Outlook | None, share: Decimal, names: Sequence[str] = ()
) -> Factor:
    """The correlation monitor: fewer independent bets than the coins should make.

    ``n`` coins are expected to be at least ``1 + share x (n - 1)`` bets. The account
    that falls short the most decides; one whose bets are not known counts as one bet.

    Args:
        outlook: The newest look; None counts every account as it is, alone.
        share: Of a bet, that each coin after the first must add.
        names: Accounts to look at; empty for all.
    """
    worst = Factor(name="diversification", value=ONE, reason="as many bets as expected")
    for each in () if outlook is None else outlook.accounts:
        if names and each.subject not in names:
            continue
        expected = 1.0 + float(share) * max(each.coins - 1, 0)
        bets = 1.0 if each.bets is None else each.bets
        value = min(_rounded(bets / expected), ONE)
        if value < worst.value:
            told = "unknown, taken as 1" if each.bets is None else f"{bets:.2f}"
            reason = (
                f"the {each.coins} coins of {each.subject} are {told} independent "
                f"bets, {expected:.2f} expected"
            )
            worst = Factor(name="diversification", value=value, reason=reason)
    return worst


def sizing_of(
    limits: SizingLimits, standing: tuple[Factor, ...], known: DayVolatility
) -> Sizing:
    """Everything that scales new risk, from its parts."""
    return Sizing(
        stable_reserve=limits.stable_reserve,
        standing=standing,
        volatility=known,
        target_volatility=limits.target_volatility,
    )


def _rounded(share: float) -> Decimal:
    """Down to a thousandth, so that the last bits of a float decide nothing.

    Example:
        >>> _rounded(0.79999), _rounded(2.0)
        (Decimal('0.799'), Decimal('1'))
    """
    if share >= 1.0:
        return ONE
    return max(Decimal(repr(share)).quantize(_DIGITS, ROUND_DOWN), ZERO)
