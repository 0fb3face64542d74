"""The guide's examples are real: every settings block of it is accepted."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

from bot.settings import settings_from
from strategies import KINDS

GUIDE = Path(__file__).parents[3] / "docs" / "guide.md"


def blocks() -> list[dict[str, object]]:
    """The TOML blocks of the guide that hold settings."""
    texts = re.findall(
        r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL
    )
    found = [tomllib.loads(text, parse_float=Decimal) for text in texts]
    return [b for b in found if {"guard", "limits", "strategy"} & b.keys()]


def test_every_settings_block_of_the_guide_is_accepted() -> None:
    """Each block passes the settings' validation and each strategy is built."""
    assert len(blocks()) == 3
    for block in blocks():
        settings = settings_from({}, block)
        for chosen in settings.strategies:
            maker = KINDS[chosen.kind]
            assert maker(chosen.name, chosen.schedule, chosen.parameters).jobs


def test_the_strategies_of_the_guide_do_not_share_a_market() -> None:
    """Each example can be run as it stands."""
    for block in blocks():
        claims: list[str] = []
        for chosen in settings_from({}, block).strategies:
            maker = KINDS[chosen.kind]
            strategy = maker(chosen.name, chosen.schedule, chosen.parameters)
            claims += strategy.claims
        assert len(claims) == len(set(claims))
