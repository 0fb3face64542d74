"""Announced constants in the words of the served venue, and read back by the bot."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.announced import RiskChange
from connectors.kucoin.parse.contracts import contract, contract_rules
from connectors.kucoin.parse.node import Node
from connectors.venue.examples import XBTUSDTM
from connectors.venue.server import words_futures_market as words
from tests.unit.venue.builders import START

D = Decimal
QUOTE = words.ContractQuote(
    at=START,
    mark=D(50_000),
    index=D(50_010),
    last=D(50_005),
    funding=None,
    day=None,
    own_lots=0,
    is_halted=False,
)


def test_what_is_announced_is_served_and_read_back() -> None:
    """``adjustM`` and its time; what does not change is null, and none is no field."""
    change = RiskChange(at=START + timedelta(hours=3), m=D(100))
    told = words.contract(replace(XBTUSDTM, announced=change), QUOTE)
    plain = words.contract(XBTUSDTM, QUOTE)

    assert contract_rules(contract(Node(told, "contract"))).announced == change
    assert contract_rules(contract(Node(plain, "contract"))).announced is None
    assert "adjustM" not in plain
