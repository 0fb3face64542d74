"""The venue's true books as a document and as an account file, for comparing.

Nothing of it is KuCoin's: it is how a test learns what really is. Amounts are texts,
exact to the last digit. This module must not change anything.
"""

from collections.abc import Mapping
from pathlib import Path

from bot.domain.errors import UsageError
from bot.domain.money import plain
from connectors.venue.account_render import render
from connectors.venue.server.backend import Backend

__all__ = ["books", "write_account"]


def books(backend: Backend) -> Mapping[str, object]:
    """Every balance, debt and position at the venue's time, and the account file."""
    venue = backend.venue
    snapshot = venue.snapshot()
    balances = {
        account: {
            coin: {
                "total": plain(line.total),
                "hold": plain(line.hold),
                "principal": plain(line.principal),
                "interest": plain(line.interest),
            }
            for coin, line in coins.items()
        }
        for account, coins in snapshot.balances.items()
    }
    positions = [
        {
            "symbol": position.symbol,
            "side": str(position.side),
            "mode": str(position.mode),
            "lots": int(position.lots),
            "entry_value": plain(position.entry_value),
            "leverage": plain(position.leverage),
            "margin": plain(position.margin),
        }
        for _, position in sorted(snapshot.positions.items())
    ]
    return {
        "at": backend.now().isoformat(),
        "account": account_text(backend),
        "balances": balances,
        "positions": positions,
        "equity_usdt": _equity(backend),
    }


def _equity(backend: Backend) -> str | None:
    """Net worth in USDT; None while a coin that is held has no mark."""
    try:
        return plain(backend.venue.equity_usdt())
    except ValueError:
        return None


def account_text(backend: Backend) -> str:
    """The books as an account file (``account_render``)."""
    venue = backend.venue
    return render(venue.snapshot(), venue.rules, venue.vip)


def write_account(backend: Backend, path: Path) -> None:
    """Write the account file beside its place, then move it there.

    Raises:
        UsageError: The folder or the file cannot be written.
    """
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(account_text(backend), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise UsageError(
            f"The books {path} cannot be written: {error.strerror}."
        ) from None
