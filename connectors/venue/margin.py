"""The venue's own margin numbers: debt ratio, collateral, room to borrow.

Written from ``spot-margin.md`` 3 and 5.2, naively and apart from the risk engine,
because it exists to check it. Values are in USDT at margin marks; a ratio does
not depend on the currency that it is counted in. A coin of the account without a
mark makes the answer None, never zero. This module moves no money.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MARGIN_CROSS, AccountId, Balance, isolated_pair
from bot.domain.instruments import CollateralTier, MarginCoinRules, Rules
from bot.domain.money import ONE, ZERO, floor_to
from connectors.venue.ledger import Ledger, is_multiple
from connectors.venue.refusal import Refusal
from connectors.venue.tape import NUMERAIRE, Tape

__all__ = [
    "TRANSFER_OUT_RATIO",
    "MarginNumbers",
    "is_margin",
    "tiered_value",
    "truncate_ratio",
]

TRANSFER_OUT_RATIO: Final = Decimal("0.60")
"""Debt over tiered collateral that a transfer out may leave (section 6.1)."""

_Valuer = Callable[[str, Balance, Decimal], Decimal]
"""Coin, its numbers and its mark to a value in USDT."""

_PRINTED: Final = Decimal("0.0001")
_LEVERAGE_STEP: Final = Decimal("0.01")


def is_margin(account: AccountId) -> bool:
    """Whether an account can owe: cross margin, or one isolated pair.

    Example:
        >>> is_margin(MARGIN_CROSS), is_margin(AccountId("main"))
        (True, False)
    """
    return account == MARGIN_CROSS or isolated_pair(account) is not None


def truncate_ratio(ratio: Decimal) -> Decimal:
    """A debt ratio as KuCoin prints it: four decimals, cut off (section 3.3).

    Example:
        >>> truncate_ratio(Decimal("0.00007824"))
        Decimal('0.0000')
    """
    return floor_to(ratio, _PRINTED)


def tiered_value(value: Decimal, tiers: tuple[CollateralTier, ...]) -> Decimal:
    """What a coin's value counts for as collateral, in USDT.

    Each slice of the value counts with its own ratio (section 3.2); what lies
    above the last tier counts for nothing. A coin without tiers counts in full.

    Example:
        MB-6: a million USDT of one coin.

        >>> bounds = ("0", "10000", "50000", "100000", "500000")
        >>> ratios = ("1", "0.9", "0.8", "0.6")
        >>> tiers = tuple(
        ...     CollateralTier(lower=Decimal(a), upper=Decimal(b), ratio=Decimal(r))
        ...     for a, b, r in zip(bounds, bounds[1:], ratios))
        >>> tiered_value(Decimal(1_000_000), tiers)
        Decimal('326000.0')
    """
    if not tiers:
        return value
    return sum(
        (
            (min(value, tier.upper) - tier.lower) * tier.ratio
            for tier in tiers
            if value > tier.lower
        ),
        ZERO,
    )


class MarginNumbers:
    """What the exchange knows of each margin account at the current marks."""

    def __init__(
        self,
        ledger: Ledger,
        rules: Rules,
        tape: Tape,
        leverage: Mapping[AccountId, Decimal],
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._tape = tape
        self._leverage = dict(leverage)

    def coin_rules(self, account: AccountId, coin: str) -> MarginCoinRules | None:
        """The borrowing rules of a coin in an account, None if it is not allowed."""
        pair = isolated_pair(account)
        if account == MARGIN_CROSS:
            return self._rules.margin_coins.get(coin)
        if pair is None:
            return None
        rules = self._rules.isolated_pairs.get(pair)
        if rules is None or coin not in {rules.base, rules.quote}:
            return None
        return rules.base_rules if coin == rules.base else rules.quote_rules

    def leverage(self, account: AccountId) -> Decimal:
        """The leverage that the user chose, else the most the account allows."""
        if account in self._leverage:
            return self._leverage[account]
        pair = isolated_pair(account)
        if pair is not None and pair in self._rules.isolated_pairs:
            return self._rules.isolated_pairs[pair].max_leverage
        return self._rules.margin_max_leverage

    def set_leverage(self, account: AccountId, leverage: Decimal) -> Refusal | None:
        """Let the user choose a leverage, or say why not (section 6.1).

        It is above 1, has two decimals, is at most what the account allows and at
        least what its debt uses already: assets over assets less debt.
        """
        pair = isolated_pair(account)
        if pair is not None and pair not in self._rules.isolated_pairs:
            return Refusal("130303", f"{pair} has no isolated margin.")
        most = self._rules.margin_max_leverage
        if pair is not None:
            most = self._rules.isolated_pairs[pair].max_leverage
        if not is_multiple(leverage, _LEVERAGE_STEP) or not ONE < leverage <= most:
            return Refusal(
                "400100",
                f"leverage {leverage} must be above 1, at most {most}, with at most "
                "two decimals.",
            )
        assets, debt = self.assets(account), self.debt(account)
        if assets is None or debt is None:
            return Refusal("130203", "a mark price is missing: wait for the mark.")
        if debt > 0 and assets > leverage * (assets - debt):
            return Refusal(
                "400100",
                f"leverage {leverage} is below what the debt of {account} uses "
                "already: repay first.",
            )
        self._leverage[account] = leverage
        return None

    def home(self, account: AccountId) -> str:
        """The coin in which a takeover returns what is left."""
        pair = isolated_pair(account)
        return NUMERAIRE if pair is None else self._rules.isolated_pairs[pair].quote

    def thresholds(self, account: AccountId) -> tuple[Decimal, Decimal]:
        """The debt ratios at which the account is warned and taken over.

        A pair whose own liquidation ratio is at or under the warning's has no
        warning of its own: it is warned where it is taken over.
        """
        warning = self._rules.margin_warning_debt_ratio
        liquidation = self._rules.margin_liquidation_debt_ratio
        pair = isolated_pair(account)
        if pair is not None and pair in self._rules.isolated_pairs:
            liquidation = self._rules.isolated_pairs[pair].liquidation_debt_ratio
        return min(warning, liquidation), liquidation

    def has_debt(self, account: AccountId) -> bool:
        """Whether anything at all is owed."""
        return any(line.liability > 0 for _, line in self._ledger.lines(account))

    def assets(self, account: AccountId) -> Decimal | None:
        """The value of all coins owned, holds included, unweighted."""
        return self._sum(account, lambda _coin, line, mark: line.total * mark)

    def weighted(self, account: AccountId) -> Decimal | None:
        """The value of all coins owned, each times its margin coefficient."""
        return self._sum(
            account,
            lambda coin, line, mark: (
                line.total * mark * self._coefficient(account, coin)
            ),
        )

    def debt(self, account: AccountId) -> Decimal | None:
        """The value of all principal and interest owed."""
        return self._sum(account, lambda _coin, line, mark: line.liability * mark)

    def collateral(self, account: AccountId) -> Decimal | None:
        """The tiered value: it caps borrowing and transfers out, nothing else."""
        return self._sum(
            account,
            lambda coin, line, mark: tiered_value(
                line.total * mark, self._tiers(account, coin)
            ),
        )

    def debt_ratio(self, account: AccountId) -> Decimal | None:
        """Debt over weighted assets (section 3.1); None where a mark is missing.

        Zero without debt, infinity when something is owed against nothing.
        """
        debt, weighted = self.debt(account), self.weighted(account)
        if debt is None or weighted is None:
            return None
        if debt == 0:
            return ZERO
        return debt / weighted if weighted > 0 else Decimal("Infinity")

    def max_borrow(self, account: AccountId, coin: str) -> Decimal | None:
        """How many more coins may be borrowed, before the platform's own stock.

        ``((L - 1) x (A - D) - D) / price`` with the tiered collateral as ``A``
        (section 5.2), capped by the coin's own limits, floored to its unit, zero
        under its minimum. None where a mark is missing.
        """
        collateral, debt = self.collateral(account), self.debt(account)
        rules, mark = self.coin_rules(account, coin), self._tape.mark(coin)
        if collateral is None or debt is None or mark is None or rules is None:
            return None
        leverage = self.leverage(account)
        room = ((leverage - 1) * (collateral - debt) - debt) / mark
        if rules.borrow_max is not None:
            room = min(room, rules.borrow_max - self._ledger.liability(account, coin))
        if rules.hold_max is not None:
            room = min(room, rules.hold_max - self._ledger.total(account, coin))
        if room <= 0 or (rules.borrow_min is not None and room < rules.borrow_min):
            return ZERO
        return floor_to(room, rules.borrow_unit or rules.quantum)

    def check_transfer_out(
        self, account: AccountId, coin: str, amount: Decimal
    ) -> Refusal | None:
        """Refuse a transfer that would leave too much debt on the collateral.

        Without debt everything may leave. With debt, debt over the tiered
        collateral of what stays must not exceed 0.60 (section 6.1).
        """
        if not self.has_debt(account):
            return None
        debt = self.debt(account)
        left = self._collateral_without(account, coin, amount)
        if debt is None or left is None:
            return Refusal(
                "130203",
                f"{account} owes coins and a mark price is missing: wait for the mark.",
            )
        if debt <= TRANSFER_OUT_RATIO * left:
            return None
        return Refusal(
            "130203",
            f"after moving {amount} {coin} out of {account} its debt of {debt:f} USDT "
            f"would exceed {TRANSFER_OUT_RATIO} of its collateral of {left:f} USDT: "
            "repay first.",
        )

    def _collateral_without(
        self, account: AccountId, coin: str, amount: Decimal
    ) -> Decimal | None:
        """The tiered collateral if ``amount`` of one coin had left."""
        return self._sum(
            account,
            lambda name, line, mark: tiered_value(
                (line.total - (amount if name == coin else ZERO)) * mark,
                self._tiers(account, name),
            ),
        )

    def _sum(self, account: AccountId, value: _Valuer) -> Decimal | None:
        """Add up over the coins that are owned or owed; None without a mark."""
        total = ZERO
        for coin, line in self._ledger.lines(account):
            if line.total == 0 and line.liability == 0:
                continue
            mark = self._tape.mark(coin)
            if mark is None:
                return None
            total += value(coin, line, mark)
        return total

    def _coefficient(self, account: AccountId, coin: str) -> Decimal:
        """The coin's weight; 1 for a coin without rules of its own."""
        rules = self.coin_rules(account, coin)
        return ONE if rules is None else rules.coefficient

    def _tiers(self, account: AccountId, coin: str) -> tuple[CollateralTier, ...]:
        """The coin's haircut tiers, none for a coin without rules."""
        rules = self.coin_rules(account, coin)
        return () if rules is None else rules.tiers
