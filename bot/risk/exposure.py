"""What an account gains or loses when a coin moves: net coins, over all accounts.

The delta of a coin is how many coins the whole book behaves like: spot and margin
net of debt, linear contracts by their size, inverse contracts exactly (their
profit in coins, times the coin's price, is a straight line in the price). Nothing
here may know a price or a threshold.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from bot.domain.accounts import Balance, Position
from bot.domain.instruments import ContractRules
from bot.domain.money import ZERO
from bot.risk.missing import Missing, MissingKind

__all__ = ["coin_deltas", "gross_value"]


def coin_deltas(
    balances: Iterable[Mapping[str, Balance]],
    positions: Iterable[Position],
    contracts: Mapping[str, ContractRules],
) -> tuple[Mapping[str, Decimal], tuple[Missing, ...]]:
    """Coin to the net number of coins that the book behaves like.

    A wallet's coins count as balances. An inverse contract adds its entry value
    (wallet + entry value coins less a fixed number of quote units is what the
    coin-settled account is worth).

    Returns:
        The deltas, and the contracts whose rules are missing and which are
        therefore *not* in them.

    Example:
        Spot 1 BTC hedged with a short of 1 000 lots.

        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> short = Position(symbol="XBTUSDTM", lots=Lots(-1000),
        ...                  entry_value=Decimal(-60000))
        >>> coin_deltas([{"BTC": Balance(total=Decimal(1))}], [short],
        ...             {"XBTUSDTM": XBTUSDTM})
        ({'BTC': Decimal('0.000')}, ())
    """
    deltas: dict[str, Decimal] = {}
    missing: list[Missing] = []
    for account in balances:
        for coin, balance in account.items():
            net = balance.total - balance.liability
            deltas[coin] = deltas.get(coin, ZERO) + net
    for position in positions:
        rules = contracts.get(position.symbol)
        if rules is None:
            missing.append(Missing(MissingKind.CONTRACT, position.symbol))
            continue
        coins = (
            position.entry_value
            if rules.is_inverse
            else Decimal(position.lots) * rules.multiplier
        )
        deltas[rules.base] = deltas.get(rules.base, ZERO) + coins
    return deltas, tuple(missing)


def gross_value(
    positions: Iterable[Position],
    contracts: Mapping[str, ContractRules],
    marks: Mapping[str, Decimal],
) -> Decimal | None:
    """The sum of the unsigned mark values of positions of one settle currency.

    None when a contract or a mark is missing.

    Example:
        >>> from bot.domain.instruments import Lots
        >>> from bot.risk.examples import XBTUSDTM
        >>> gross_value(
        ...     [Position(symbol="XBTUSDTM", lots=Lots(-2), entry_value=Decimal(-120))],
        ...     {"XBTUSDTM": XBTUSDTM}, {"XBTUSDTM": Decimal(60000)},
        ... )
        Decimal('120.000')
    """
    total = ZERO
    for position in positions:
        rules, mark = contracts.get(position.symbol), marks.get(position.symbol)
        if rules is None or mark is None:
            return None
        total += abs(rules.value(Decimal(position.lots), mark))
    return total
