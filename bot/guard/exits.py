"""Falls that go on while a thin market is being left: further for what leaves slowly.

A distance to liquidation is a uniform move, as if everything could be sold at its end.
What takes many minutes of its market's depth to sell cannot, and in a crash it is the
thin coins that fall the most. So an account under cure must also survive a move in
which every coin that leaves slowly moves further than the target distance, against
the account: the more minutes it takes, and the wilder these minutes are. A door that is
narrow is half closed: a market falls by a fifth in half an hour, and by the root of the
time's share in less, so an account is cured while such a fall of its own exit's length
does not reach the warning. Sizes, depth and volatility are those of now. Nothing here
solves or decides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt
from typing import Final

from bot.domain.accounts import FUTURES, isolated_pair
from bot.guard.limits import GuardLimits
from bot.guard.plan_costs import depth_of
from bot.guard.plan_rows import price_of
from bot.risk.blackout import STRESS_MOVE, stress_distance
from bot.risk.distance import PEGGED_COINS
from bot.risk.measure import SubjectMeasure
from bot.risk.stress_set import Scenario
from bot.shadow.state import Shadow

__all__ = ["SlowExit", "exit_moves", "shut_in", "slow_exit", "slow_words"]

_FAST_MIN: Final = 5.0
"""What leaves within so many minutes leaves before the move is over."""
_SLOW_MIN: Final = 30.0
"""What takes so long, or longer, moves half the target further, however calm it is."""
_CALM: Final = 0.5
_SIGMAS: Final = 8.0
"""How many deviations of its exit a coin moves further: crashes are no normal hours."""
_MOST: Final = 1.0
"""The furthest that a coin moves beyond the target, in targets."""
_FALL_MIN: Final = 30.0
"""In so many minutes a market falls by the move of a closed door."""
_PERCENT: Final = Decimal("0.01")
_MOST_DOWN: Final = -0.999
"""No price falls further."""


@dataclass(frozen=True, slots=True)
class SlowExit:
    """How long an exposure takes to leave, and how far its price strays meanwhile."""

    minutes: float = 0.0
    sigma: float = 0.0
    """The deviation of its price over these minutes, a fraction."""

    def further(self, target: float) -> float:
        """How much further than a target distance it moves, a share of that target.

        Example:
            Within a minute, in half an hour of calm, in ten wild minutes.

            >>> SlowExit(1.0, 0.001).further(0.25), SlowExit(30.0, 0.005).further(0.25)
            (0.0, 0.5)
            >>> SlowExit(10.0, 0.02).further(0.25)
            0.64
        """
        if self.minutes <= 1.0:
            return 0.0
        slow = (self.minutes - _FAST_MIN) / (_SLOW_MIN - _FAST_MIN)
        calm = _CALM * min(max(slow, 0.0), 1.0)
        return min(max(calm, _SIGMAS * self.sigma / target), _MOST)


def slow_exit(
    shadow: Shadow, measure: SubjectMeasure, coin: str, limits: GuardLimits
) -> SlowExit:
    """The way out of what an account has in one coin, in the market it trades in.

    At the guard's share of each minute's volume; at once where no depth is quoted.
    """
    held = abs(float(measure.exposure_usdt.get(coin, 0)))
    price = price_of(shadow, coin)
    if not held or price <= 0:
        return SlowExit()
    slowest = SlowExit()
    for symbol in _symbols(shadow, measure, coin):
        depth = depth_of(shadow, symbol, limits)
        minutes = held / price / depth.minute
        if minutes > slowest.minutes:
            slowest = SlowExit(minutes, depth.sigma_1m * sqrt(minutes))
    return slowest


def shut_in(
    shadow: Shadow, measures: Iterable[SubjectMeasure], limits: GuardLimits
) -> dict[str, Decimal]:
    """Of each account that takes minutes to leave, the distance that this asks for.

    From there the fall of these minutes does not reach the exchange's warning.
    """
    return {
        measure.subject: stress_distance(move, measure.warning, measure.liquidation)
        for measure in measures
        if (move := _fall(_longest(shadow, measure, limits)))
    }


def _longest(shadow: Shadow, measure: SubjectMeasure, limits: GuardLimits) -> float:
    exits = (slow_exit(shadow, measure, each, limits) for each in measure.exposure_usdt)
    return max((found.minutes for found in exits), default=0.0)


def _fall(minutes: float) -> Decimal:
    """How far a market may fall in some minutes, to a whole percent.

    Example:
        >>> [str(_fall(minutes)) for minutes in (0, 3, 15, 29, 600)]
        ['0.00', '0.06', '0.14', '0.20', '0.20']
    """
    share = sqrt(min(minutes / _FALL_MIN, 1.0))
    return (STRESS_MOVE * Decimal(repr(share))).quantize(_PERCENT)


def _symbols(shadow: Shadow, measure: SubjectMeasure, coin: str) -> Iterator[str]:
    if measure.account != FUTURES:
        yield isolated_pair(measure.account) or f"{coin}-USDT"
        return
    for key in sorted(shadow.positions):
        contract = shadow.rules.contracts.get(key.symbol)
        if contract is None or contract.base != coin:
            continue
        if measure.holds(shadow.positions[key], contract):
            yield key.symbol


def exit_moves(
    shadow: Shadow, measure: SubjectMeasure, target: Decimal, limits: GuardLimits
) -> tuple[Scenario, ...]:
    """A fall and a rise in which what leaves slowly moves further against the account.

    Args:
        shadow: The account and the depth of its markets.
        measure: The account under cure.
        target: Its target distance, a fraction.
        limits: The share of a minute's volume that the guard takes.

    Returns:
        Empty where everything leaves within minutes.
    """
    by = float(target)
    further = {
        coin: slow_exit(shadow, measure, coin, limits).further(by)
        for coin in measure.exposure_usdt
        if coin not in PEGGED_COINS
    }
    if not any(further.values()):
        return ()
    most = 1.0 + max(further.values())
    return tuple(
        Scenario(
            name=f"what leaves slowly {way} {most:.1f} times {target * 100:.1f} %",
            moves={
                coin: _moved(move, more * _is_against(measure, coin, move))
                for coin, more in further.items()
            },
        )
        for move, way in ((-by, "falls"), (by, "rises"))
    )


def slow_words(
    shadow: Shadow, measure: SubjectMeasure, target: Decimal, limits: GuardLimits
) -> str:
    """Why an account at its target goes on: what must move furthest, in a sentence.

    Of the same account as ``exit_moves``; empty where everything leaves in minutes.
    """
    found = [
        (exit_.further(float(target)), coin, exit_.minutes)
        for coin in sorted(measure.exposure_usdt.keys() - PEGGED_COINS)
        for exit_ in [slow_exit(shadow, measure, coin, limits)]
    ]
    further, coin, minutes = max(found, default=(0.0, "", 0.0))
    if not further:
        return ""
    is_owned = measure.exposure_usdt[coin] > 0
    size = (1.0 + further) * float(target)
    size = min(size, -_MOST_DOWN) if is_owned else size
    way = "fall" if is_owned else "rise"
    return (
        f"{coin} takes {minutes:.0f} minutes to leave, "
        f"so it must survive a {way} of {size * 100:.1f} %"
    )


def _moved(move: float, further: float) -> Decimal:
    return Decimal(repr(round(max(move * (1.0 + further), _MOST_DOWN), 9)))


def _is_against(measure: SubjectMeasure, coin: str, move: float) -> bool:
    return float(measure.exposure_usdt[coin]) * move < 0
