"""The files that ``gnomon strategy new`` writes: a strategy, its test, its settings.

Text with the name filled in; nothing here writes a file.
"""

from typing import Final

__all__ = ["files_for"]

_STRATEGY: Final = '''"""Keeps a coin at a share of the spot account."""

from bot.strategy import (
    SPOT,
    Decimal,
    Proposal,
    Scheduled,
    View,
    dataclass,
    datetime,
    decimal,
    text,
    trade,
)


@dataclass(frozen=True, kw_only=True)
class CLASS(Scheduled):
    """Keeps a coin at a share of the spot account."""

    schedule: str = "every 15m"
    coin: str = text("BTC", sentence="the coin that is kept")
    share: Decimal = decimal("0.5", low="0", high="1", sentence="of the account")
    band: Decimal = decimal("0.02", above="0", high="1", sentence="drift that is left")

    @property
    def claims(self) -> frozenset[str]:
        """The market that no other strategy may trade."""
        return frozenset({f"{self.coin}-USDT in {SPOT}"})

    def decide(self, view: View, due_at: datetime) -> list[Proposal]:
        """Trade back to the share when it has drifted beyond the band."""
        mark = view.mark(self.coin)
        if mark is None or view.in_flight(self.name):
            return []
        held = view.balance(SPOT, self.coin).total * mark
        worth = held + view.balance(SPOT, "USDT").available
        drift = held - self.share * worth
        if abs(drift) <= self.band * worth:
            return []
        order = trade(view, SPOT, f"{self.coin}-USDT", -drift / mark)
        reason = f"{self.coin} is {drift:.2f} USDT off its share of {worth:.2f}"
        return [] if order is None else [self.propose(order, reason)]
'''

_TEST: Final = '''"""NAME: what must hold before it trades. Run it with pytest."""

from pathlib import Path

from bot.study.own_strategy import check_file

STRATEGY = Path(__file__).with_name("NAME.py")


def test_it_is_pure_and_trades() -> None:
    """It answers the same view alike, raises nothing, and something is let pass."""
    found = check_file(STRATEGY)
    assert found.problems == ()
    assert found.approved > 0
'''

_SETTINGS: Final = """[strategy.NAME]
path = "NAME.py"              # from the folder of this file
schedule = "every 15m"
coin = "BTC"
share = "0.5"
band = "0.02"
"""


def files_for(name: str) -> dict[str, str]:
    """The files of a new strategy by name.

    Example:
        >>> list(files_for("my_idea"))
        ['my_idea.py', 'test_my_idea.py', 'my_idea.toml']
    """
    made = "".join(word.capitalize() for word in name.split("_"))
    return {
        f"{name}.py": _STRATEGY.replace("CLASS", made),
        f"test_{name}.py": _TEST.replace("NAME", name),
        f"{name}.toml": _SETTINGS.replace("NAME", name),
    }
