"""KuCoin's documents of the margin accounts, written from the venue's own numbers.

A debt ratio is printed with four decimals cut off, so a small one reads ``0`` while
something is owed. Nothing here moves money.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    MARGIN_CROSS,
    AccountId,
    Balance,
    isolated_account,
)
from bot.domain.instruments import IsolatedPairRules
from bot.domain.money import LEDGER_QUANTUM, ZERO, floor_to, plain
from connectors.venue.margin import truncate_ratio
from connectors.venue.server.calls import ProblemError
from connectors.venue.venue import Venue

__all__ = [
    "MarginReader",
    "ratio_text",
    "status_word",
]

_LARGEST_RATIO: Final = Decimal("9999.9999")
_NOTHING: Final = Balance()
_Amount = Callable[[Balance], Decimal]


def _total(line: Balance) -> Decimal:
    return line.total


def _liability(line: Balance) -> Decimal:
    return line.liability


def ratio_text(ratio: Decimal) -> str:
    """A debt ratio as KuCoin prints it.

    Example:
        >>> ratio_text(Decimal("0.0000782")), ratio_text(Decimal("0.79139"))
        ('0', '0.7913')
    """
    return plain(truncate_ratio(min(ratio, _LARGEST_RATIO)))


def status_word(venue: Venue, account: AccountId, lines: Mapping[str, Balance]) -> str:
    """``LIQUIDATION`` while it is taken over, ``BANKRUPTCY`` below zero."""
    if venue.is_taken(account):
        return "LIQUIDATION"
    if any(line.total < 0 for line in lines.values()):
        return "BANKRUPTCY"
    return "EFFECTIVE"


class MarginReader:
    """Reads the margin accounts of a venue once, valued in one currency.

    Args:
        venue: The venue as it stands.
        currency: USDT, KCS or BTC: what the totals are counted in.
    """

    def __init__(self, venue: Venue, currency: str) -> None:
        self._venue = venue
        self._unit = self._mark(currency)
        self._balances = venue.snapshot().balances

    def cross(self) -> dict[str, object]:
        """``data`` of ``/api/v3/margin/accounts``."""
        lines = self.lines(MARGIN_CROSS)
        coins = sorted({*self._venue.rules.margin_coins, *lines})
        return {
            "totalAssetOfQuoteCurrency": self._worth([lines], _total),
            "totalLiabilityOfQuoteCurrency": self._worth([lines], _liability),
            "debtRatio": self.ratio(MARGIN_CROSS),
            "status": status_word(self._venue, MARGIN_CROSS, lines),
            "accounts": [self._line_words(MARGIN_CROSS, coin) for coin in coins],
        }

    def isolated(self, symbol: str | None, at_ms: int) -> dict[str, object]:
        """``data`` of ``/api/v3/isolated/accounts``, of one pair or of all."""
        pairs = self._venue.rules.isolated_pairs
        wanted = [pair for name, pair in pairs.items() if symbol in {None, name}]
        lines = [self.lines(isolated_account(pair.symbol)) for pair in wanted]
        return {
            "totalAssetOfQuoteCurrency": self._worth(lines, _total),
            "totalLiabilityOfQuoteCurrency": self._worth(lines, _liability),
            "timestamp": at_ms,
            "assets": [self._pair_words(pair) for pair in wanted],
        }

    def cross_v1(self) -> dict[str, object]:
        """``data`` of the old ``/api/v1/margin/account``."""
        lines = self.lines(MARGIN_CROSS)
        coins = sorted({*self._venue.rules.margin_coins, *lines})
        rows = []
        for coin in coins:
            line = lines.get(coin, _NOTHING)
            rows.append(
                {
                    "currency": coin,
                    "totalBalance": plain(line.total),
                    "availableBalance": plain(line.available),
                    "holdBalance": plain(line.hold),
                    "liability": plain(line.liability),
                    "maxBorrowSize": self._max_borrow(MARGIN_CROSS, coin),
                }
            )
        return {"debtRatio": self.ratio(MARGIN_CROSS), "accounts": rows}

    def lines(self, account: AccountId) -> Mapping[str, Balance]:
        """The coins of an account."""
        return self._balances.get(account, {})

    def ratio(self, account: AccountId) -> str:
        """The debt ratio of an account, as it is printed."""
        ratio = self._venue.numbers.debt_ratio(account)
        if ratio is None:
            raise ProblemError("500000", f"a mark price of {account} is missing.")
        return ratio_text(ratio)

    def _pair_words(self, pair: IsolatedPairRules) -> dict[str, object]:
        account = isolated_account(pair.symbol)
        return {
            "symbol": pair.symbol,
            "status": status_word(self._venue, account, self.lines(account)),
            "debtRatio": self.ratio(account),
            "baseAsset": self._line_words(account, pair.base),
            "quoteAsset": self._line_words(account, pair.quote),
        }

    def _line_words(self, account: AccountId, coin: str) -> dict[str, object]:
        """One coin of a margin account."""
        line = self.lines(account).get(coin, _NOTHING)
        rules = self._venue.numbers.coin_rules(account, coin)
        return {
            "currency": coin,
            "total": plain(line.total),
            "available": plain(line.available),
            "hold": plain(line.hold),
            "liability": plain(line.liability),
            "liabilityPrincipal": plain(line.principal),
            "liabilityInterest": plain(line.interest),
            "maxBorrowSize": self._max_borrow(account, coin),
            "borrowEnabled": rules is not None and rules.borrow_enabled,
            "transferInEnabled": not self._venue.is_taken(account),
        }

    def _max_borrow(self, account: AccountId, coin: str) -> str:
        """What more may be borrowed; none while a mark is missing."""
        room = self._venue.numbers.max_borrow(account, coin)
        rules = self._venue.numbers.coin_rules(account, coin)
        can = rules is not None and rules.borrow_enabled and room is not None
        return plain(room) if can and room is not None else "0"

    def _worth(self, accounts: list[Mapping[str, Balance]], amount: _Amount) -> str:
        """The value of one number of many coins, in the wanted currency."""
        total = sum(
            (
                amount(line) * self._mark(coin)
                for lines in accounts
                for coin, line in lines.items()
                if amount(line) != 0
            ),
            ZERO,
        )
        return plain(floor_to(total / self._unit, LEDGER_QUANTUM))

    def _mark(self, coin: str) -> Decimal:
        mark = self._venue.tape.mark(coin)
        if mark is None:
            raise ProblemError("400100", f"{coin} has no mark price to count in.")
        return mark
