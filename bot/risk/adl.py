"""Who is deleveraged first: KuCoin's auto-deleveraging score.

The score is the return times the effective leverage when in profit, the return over
it when in loss; higher goes first. KuCoin's older pages rank otherwise and it
publishes no other accounts' scores, so its own light (``Position.adl_rank``) comes
before this estimate. Nothing here may know an account.

Source: KuCoin help 26686471898009 (score), 35084312224281 (return rates).
"""

from decimal import Decimal

from bot.domain.accounts import Position
from bot.domain.instruments import ContractRules
from bot.risk.futures import unrealised_pnl

__all__ = ["adl_score", "effective_leverage", "return_rate"]


def return_rate(rules: ContractRules, position: Position, mark: Decimal) -> Decimal:
    """Unrealised profit over entry value, a fraction.

    Raises:
        ValueError: The position has no entry value.

    Example:
        Short from 220 to 200: 9.09 %.

        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> short = Position(symbol="XBTUSDTM", lots=Lots(-1000),
        ...                  entry_value=Decimal(-220))
        >>> round(return_rate(XBTUSDTM, short, Decimal(200)), 4)
        Decimal('0.0909')
    """
    if position.entry_value == 0:
        raise ValueError(f"position {position.key} has no entry value to compare with")
    return unrealised_pnl(rules, position, mark) / abs(position.entry_value)


def effective_leverage(value: Decimal, margin: Decimal) -> Decimal | None:
    """Mark value over effective margin; None when there is no margin left.

    The margin is position margin plus unrealised profit in isolated mode and the
    total cross margin in cross mode.

    Example:
        >>> effective_leverage(Decimal(300), Decimal(100))
        Decimal('3')
    """
    return abs(value) / margin if margin > 0 else None


def adl_score(rate: Decimal, leverage: Decimal) -> Decimal:
    """The ranking score; ``leverage`` is the effective one, positive.

    Example:
        >>> three = Decimal(3)
        >>> adl_score(Decimal("0.1"), three), adl_score(Decimal("-0.3"), three)
        (Decimal('0.3'), Decimal('-0.1'))
    """
    if leverage <= 0:
        raise ValueError(f"leverage must be positive, was {leverage}")
    return rate * leverage if rate > 0 else rate / leverage
