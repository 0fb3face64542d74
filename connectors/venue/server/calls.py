"""One request to the served venue, and how a handler answers it.

A handler is a plain function ``(Backend, Call) -> document``: it is called after
signature, permission, rate limit and JSON were checked, returns what belongs
under ``data``, and raises ``ProblemError`` with KuCoin's own code. A ``Decimal`` in a
document is written as a bare JSON number, a text as a text. Nothing here does I/O.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from connectors.kucoin.parse.node import Node

if TYPE_CHECKING:
    from connectors.venue.server.backend import Backend

__all__ = ["FUTURES_HOST", "SPOT_HOST", "Call", "Handler", "ProblemError", "Route"]

SPOT_HOST: Final = "spot"
FUTURES_HOST: Final = "futures"


class ProblemError(Exception):
    """The exchange says no, with its own code and words.

    Args:
        code: KuCoin's code, such as ``130203``.
        message: What goes into ``msg``.
        status: The HTTP status; most of KuCoin's refusals come with 200.
    """

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that may be handled.

    ``at`` is the venue's time of arrival; ``args`` the named parts of the path;
    ``query`` the decoded query, one value a name; ``body`` the JSON body (an empty
    object where there was none), numbers as ``Decimal``.
    """

    at: datetime
    method: str
    path: str
    args: Mapping[str, str]
    query: Mapping[str, str]
    body: Node
    permissions: frozenset[str] = frozenset()


Handler = Callable[["Backend", Call], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint. ``path`` has ``{name}`` parts; ``permission`` empty is public.

    ``pool`` is Spot, Futures, Management or Public; ``weight`` is what one call
    takes of it (KuCoin's tables, see ``shared`` research in docs).
    """

    method: str
    path: str
    host: str
    pool: str
    weight: int
    handler: Handler
    permission: str = ""
