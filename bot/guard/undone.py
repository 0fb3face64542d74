"""What the guard has changed, kept so that it can be taken back: the other account.

A ``GivenBack`` sums what a set of requests did to balances, debts and positions, with
the sign turned. Added to the account as it stands it gives the account as it would
stand without those requests, whatever else has happened since: trades of strategies,
transfers by hand and bookings of the exchange are in both. What those requests alone
have changed later, interest on debts that are no longer owed and funding on positions
that are no longer held, accrues here. Pure; it judges nothing.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    AccountId,
    Balance,
    Position,
    PositionKey,
)
from bot.domain.events import Bucket, Event, Filled, LedgerBooked, Posting
from bot.domain.instruments import Lots
from bot.domain.interest import full_hours, hour_interest, hourly_rate
from bot.domain.money import ZERO
from bot.risk.funding import funding_payment
from bot.shadow.state import EMPTY_BALANCE, Shadow

__all__ = ["Accrued", "GivenBack", "Share", "accrued", "given_back", "restored"]

Place = tuple[AccountId, str]
"""A coin in an account."""

_NOTHING: Final = Balance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a position: what is to be added to it, and what it looks like.

    ``pattern`` has side, mode and leverage for a position that is gone by now.
    """

    lots: int = 0
    entry_value: Decimal = ZERO
    margin: Decimal = ZERO
    pattern: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """Everything to be added to the account to be where it would be otherwise.

    Amounts are in coins, entry values and margins in settle currency.
    """

    balances: Mapping[Place, Balance] = field(default_factory=dict)
    positions: Mapping[PositionKey, Share] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was changed."""
        return not self.balances and not self.positions

    def plus(self, place: Place, part: Balance) -> "GivenBack":
        """With some more of one coin."""
        known = self.balances.get(place, _NOTHING)
        total = Balance(
            total=known.total + part.total,
            principal=known.principal + part.principal,
            interest=known.interest + part.interest,
        )
        return replace(self, balances={**self.balances, place: total})


def given_back(
    known: GivenBack,
    moment: Sequence[Event],
    intents: AbstractSet[str],
    positions: tuple[Mapping[PositionKey, Position], Mapping[PositionKey, Position]],
) -> GivenBack:
    """The sums after one more moment.

    Args:
        known: The sums before it.
        moment: What happened; only what belongs to ``intents`` counts.
        intents: The ids of the requests that are taken back.
        positions: All positions before the moment, and after it.
    """
    symbols: dict[str, None] = {}
    for event in moment:
        if not isinstance(event, LedgerBooked | Filled) or event.intent_id is None:
            continue
        if event.intent_id not in intents:
            continue
        if isinstance(event, LedgerBooked):
            known = _unbooked(known, event)
            names = (p.symbol for p in event.postings if p.bucket is Bucket.MARGIN)
            symbols |= dict.fromkeys(name for name in names if name is not None)
        elif event.account == FUTURES:
            symbols[event.symbol] = None
    for symbol in symbols:
        known = _untraded(known, symbol, _own_share(moment, intents, symbol), positions)
    return known


def _unbooked(known: GivenBack, event: LedgerBooked) -> GivenBack:
    for posting in event.postings:
        part = _turned(posting)
        if part is not None:
            known = known.plus((posting.account, posting.coin), part)
    return known


def _turned(posting: Posting) -> Balance | None:
    """A posting with its sign turned; isolated margin is part of its position."""
    match posting.bucket:
        case Bucket.BALANCE:
            return Balance(total=-posting.amount)
        case Bucket.PRINCIPAL:
            return Balance(principal=-posting.amount)
        case Bucket.INTEREST:
            return Balance(interest=-posting.amount)
        case Bucket.MARGIN:
            return None


def _own_share(
    moment: Sequence[Event], intents: AbstractSet[str], symbol: str
) -> Decimal:
    """Which part of what a symbol's lots did in this moment was the requests'."""
    fills = [e for e in moment if isinstance(e, Filled) and e.symbol == symbol]
    own = sum((e.qty for e in fills if e.intent_id in intents), ZERO)
    everybody = sum((e.qty for e in fills), ZERO)
    return own / everybody if everybody else Decimal(1)


def _untraded(
    known: GivenBack,
    symbol: str,
    own: Decimal,
    positions: tuple[Mapping[PositionKey, Position], Mapping[PositionKey, Position]],
) -> GivenBack:
    before, after = positions
    shares = dict(known.positions)
    for key in sorted({*before, *after}, key=str):
        if key.symbol != symbol:
            continue
        was, now = before.get(key), after.get(key)
        pattern = now if was is None else was
        if was == now or pattern is None:
            continue
        share = shares.get(key, Share(pattern=pattern))
        shares[key] = replace(
            share,
            lots=share.lots + int(own * _lots(was, now)),
            entry_value=share.entry_value + own * (_entry(was) - _entry(now)),
            margin=share.margin + own * (_margin(was) - _margin(now)),
        )
    return replace(known, positions=shares)


def _lots(was: Position | None, now: Position | None) -> int:
    held = 0 if was is None else int(was.lots)
    return held - (0 if now is None else int(now.lots))


def _entry(position: Position | None) -> Decimal:
    return ZERO if position is None else position.entry_value


def _margin(position: Position | None) -> Decimal:
    return ZERO if position is None else position.margin


# -- what accrues by itself ---------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Accrued:
    """What the other account paid or got that this one did not, by coin.

    ``interest`` is what it paid more, ``funding`` what it got more, both signed;
    ``missing`` names what could not be charged because no rate is known.
    """

    given: GivenBack
    interest: Mapping[str, Decimal] = field(default_factory=dict)
    funding: Mapping[str, Decimal] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def accrued(given: GivenBack, before: Shadow, after: Shadow) -> Accrued:
    """The sums after the hours and settlements that lie between two shadows.

    Interest as the exchange charges it: at each full hour what is owed becomes
    principal and is charged for one hour. Funding of a quoted rate at its settlement.
    """
    found = Accrued(given=given)
    for _ in full_hours(before.at, after.at):
        found = _charged(found, after)
    for key, share in sorted(found.given.positions.items(), key=lambda e: str(e[0])):
        found = _settled(found, key, share, (before, after))
    return found


def _charged(found: Accrued, shadow: Shadow) -> Accrued:
    for place, part in sorted(found.given.balances.items()):
        owed = part.principal + part.interest
        if not owed:
            continue
        quoted = shadow.borrow.get(place[1])
        if quoted is None:
            found = _missing(found, f"no borrow rate of {place[1]}")
            continue
        size = hour_interest(abs(owed), hourly_rate(quoted.annual_rate))
        charge = size if owed > 0 else -size
        rolled = Balance(total=part.total, principal=owed, interest=charge)
        given = replace(found.given, balances={**found.given.balances, place: rolled})
        found = replace(
            found, given=given, interest=_added(found.interest, place[1], charge)
        )
    return found


def _settled(
    found: Accrued, key: PositionKey, share: Share, shadows: tuple[Shadow, Shadow]
) -> Accrued:
    before, after = shadows
    quoted = before.funding.get(key.symbol)
    if not share.lots or quoted is None:
        return found
    if not before.at < quoted.settlement_at <= after.at:
        return found
    contract = after.rules.contracts.get(key.symbol)
    mark = after.futures_marks.get(key.symbol)
    if contract is None or mark is None or mark <= 0:
        return _missing(found, f"no mark of {key.symbol} at its funding")
    paid = funding_payment(contract, Lots(share.lots), mark, quoted.funding_rate)
    coin = contract.settle
    return replace(
        found,
        given=found.given.plus((FUTURES, coin), Balance(total=paid)),
        funding=_added(found.funding, coin, paid),
    )


def _added(
    known: Mapping[str, Decimal], coin: str, amount: Decimal
) -> Mapping[str, Decimal]:
    return {**known, coin: known.get(coin, ZERO) + amount}


def _missing(found: Accrued, sentence: str) -> Accrued:
    return replace(found, missing=tuple(dict.fromkeys((*found.missing, sentence))))


# -- the other account --------------------------------------------------------


def restored(shadow: Shadow, given: GivenBack) -> Shadow:
    """The account as it would stand without the requests that were taken back.

    Example:
        The guard sold a coin for 90 and repaid 90: without it the coin is still there
        and the 90 are still owed.

        >>> from bot.domain.accounts import MARGIN_CROSS
        >>> from bot.domain.instruments import Rules
        >>> from bot.shadow.state import empty_shadow
        >>> back = GivenBack(balances={
        ...     (MARGIN_CROSS, "BTC"): Balance(total=Decimal(1)),
        ...     (MARGIN_CROSS, "USDT"): Balance(principal=Decimal(90)),
        ... })
        >>> other = restored(empty_shadow(Rules()), back)
        >>> other.balance(MARGIN_CROSS, "BTC").total
        Decimal('1')
        >>> other.balance(MARGIN_CROSS, "USDT").liability
        Decimal('90')
    """
    balances = {name: dict(coins) for name, coins in shadow.balances.items()}
    for (account, coin), part in given.balances.items():
        coins = balances.setdefault(account, {})
        coins[coin] = _joined(coins.get(coin, EMPTY_BALANCE), part)
    positions = dict(shadow.positions)
    for key, share in given.positions.items():
        positions[key] = _rejoined(positions.get(key), share)
    return replace(
        shadow,
        balances=balances,
        positions={key: held for key, held in positions.items() if held.lots},
    )


def _joined(balance: Balance, part: Balance) -> Balance:
    return replace(
        balance,
        total=balance.total + part.total,
        principal=balance.principal + part.principal,
        interest=balance.interest + part.interest,
    )


def _rejoined(held: Position | None, share: Share) -> Position:
    base = held
    if base is None:
        base = replace(share.pattern, lots=Lots(0), entry_value=ZERO, margin=ZERO)
    return replace(
        base,
        lots=Lots(base.lots + share.lots),
        entry_value=base.entry_value + share.entry_value,
        margin=base.margin + share.margin,
    )
