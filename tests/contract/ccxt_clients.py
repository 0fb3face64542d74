"""ccxt, untouched, pointed at a served venue.

The one thing that is set otherwise than for KuCoin is the base address; the client's
own pacing is off, because the venue counts weights itself. Nothing here asserts.
"""

from typing import Any

import ccxt
import ccxt.pro

from tests.contract.served import Key, Served

__all__ = ["CCXT_VERSION", "async_client", "ccxt", "client"]

CCXT_VERSION: str = ccxt.__version__
_FUTURES = frozenset({"futuresPublic", "futuresPrivate"})


def client(served: Served, key: Key) -> Any:
    """The synchronous client."""
    return _pointed(ccxt.kucoin(_credentials(key)), served)


def async_client(served: Served, key: Key) -> Any:
    """The asynchronous client, with its sockets."""
    made = _pointed(ccxt.pro.kucoin(_credentials(key)), served)
    for name in ("spot", "futures"):
        made.urls["api"]["ws"][name] = served.spot.replace("http", "ws") + "/uta"
    return made


def _credentials(key: Key) -> dict[str, object]:
    return {
        "apiKey": key.key,
        "secret": key.secret,
        "password": key.passphrase,
        "timeout": 10_000,
        "enableRateLimit": False,
    }


def _pointed(made: Any, served: Served) -> Any:
    for name, base in made.urls["api"].items():
        if isinstance(base, str):
            here = served.futures if name in _FUTURES else served.spot
            made.urls["api"][name] = here
    return made
