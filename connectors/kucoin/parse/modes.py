"""How an account is switched: unified or classic, position and margin mode, leverage.

Every function is pure; an unknown word is refused, because a mode that we do not
know is one that we cannot trade in.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode
from connectors.kucoin.parse.envelope import body
from connectors.kucoin.parse.node import Node

__all__ = ["cross_leverage", "is_hedge_mode", "is_unified", "margin_mode"]

_ACCOUNT_MODES: Final[Mapping[str, bool]] = {"CLASSIC": False, "UNIFIED": True}
_POSITION_MODES: Final[Mapping[str, bool]] = {"0": False, "1": True}
_MARGIN_MODES: Final[Mapping[str, MarginMode]] = {
    "CROSS": MarginMode.CROSS,
    "ISOLATED": MarginMode.ISOLATED,
}


def is_unified(document: Node) -> bool:
    """Whether the account is a unified one, from ``/api/ua/v1/account/mode``.

    Example:
        >>> is_unified(Node({"selfAccountMode": "CLASSIC"}, "mode"))
        False
    """
    return body(document)["selfAccountMode"].word(_ACCOUNT_MODES)


def is_hedge_mode(document: Node) -> bool:
    """Whether long and short of a contract are kept apart (position mode 1)."""
    node = body(document)["positionMode"]
    return Node(node.identity(), node.path).word(_POSITION_MODES)


def margin_mode(document: Node) -> tuple[str, MarginMode]:
    """The symbol and its margin mode."""
    data = body(document)
    return data["symbol"].text(), data["marginMode"].word(_MARGIN_MODES)


def cross_leverage(document: Node) -> tuple[str, Decimal]:
    """The symbol and the leverage that its cross positions are opened with."""
    data = body(document)
    return data["symbol"].text(), data["leverage"].price()
