"""ccxt's asynchronous KuCoin class, without ccxt's hundred other exchanges.

Importing any part of ccxt runs its package files, which load every exchange: seconds
of processor time and 55 MB. While the one class is imported, empty packages stand in
their place; afterwards they are gone, so that a later ``import ccxt`` finds the real
ones, and the same class in them. Where ccxt's layout has changed and this fails, the
plain import is used. Only ``wire.py`` imports this module.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

__all__ = ["kucoin"]


@contextmanager
def _empty_packages() -> Iterator[ModuleType]:
    """Put empty packages in the place of ccxt's own, and take them away again."""
    spec = find_spec("ccxt")
    places = spec.submodule_search_locations if spec is not None else None
    if not places:
        raise ImportError("ccxt is not installed as a package")
    shells = {"ccxt": places[0], "ccxt.async_support": f"{places[0]}/async_support"}
    for name, place in shells.items():
        shell = ModuleType(name)
        shell.__path__ = [place]
        sys.modules[name] = shell
    try:
        yield sys.modules["ccxt"]
    finally:
        for name in shells:
            del sys.modules[name]


if "ccxt" in sys.modules:
    from ccxt.async_support.kucoin import kucoin
else:
    try:
        with _empty_packages() as _top:
            from ccxt.base import errors as _errors

            vars(_top).update(
                {k: v for k, v in vars(_errors).items() if isinstance(v, type)}
            )
            from ccxt.base.exchange import Exchange as _Exchange

            vars(_top).update(Exchange=_Exchange)
            from ccxt.async_support.kucoin import kucoin
    except ImportError:
        from ccxt.async_support.kucoin import kucoin
