"""What a strategy's own markets have earned: fills, fees, funding and interest.

A market that a strategy claims is wholly its own, so every fill, settlement and hour
of interest there is its profit or loss, whoever asked for the trade. A ``Book`` begins
with what is there, at its mark, and with no profit; it is a fold of events and equal
in every replay. Only USDT markets are counted. Nothing here decides.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    SPOT,
    AccountId,
    isolated_account,
)
from bot.domain.events import Bucket, Cause, Event, Filled, LedgerBooked
from bot.domain.instruments import Rules
from bot.domain.money import ZERO
from bot.risk.costs import fee_usdt, mark_usdt
from bot.shadow.state import Shadow

__all__ = [
    "Book",
    "Leg",
    "Market",
    "booked",
    "is_claim",
    "market_of",
    "opened_book",
    "profit",
]

_USDT: Final = "USDT"
_PAIR: Final = re.compile(r"[^\sa-z:-]+-[^\sa-z:-]+")
_CONTRACT: Final = re.compile(r"[A-Z0-9]+(M|\d\d)")
"""XBTUSDTM, or XBTMZ25 for one that is delivered."""


@dataclass(frozen=True, slots=True, order=True)
class Market:
    """One market of one account; ``coin`` is its base, by which legs are a pair."""

    coin: str
    account: AccountId
    symbol: str


@dataclass(frozen=True, slots=True)
class Leg:
    """Signed coins traded into a market, and the USDT that they brought in.

    The profit is ``cash + coins x mark``.
    """

    coins: Decimal
    cash: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The legs by market, and by coin what was paid or earned beside them in USDT.

    ``unvalued`` is what was paid in a coin that had no mark then, in that coin, by the
    pair's coin and the coin paid: the profit is unknown until it has one.
    """

    legs: Mapping[Market, Leg] = field(default_factory=dict)
    funding: Mapping[str, Decimal] = field(default_factory=dict)
    interest: Mapping[str, Decimal] = field(default_factory=dict)
    fees: Mapping[str, Decimal] = field(default_factory=dict)
    unvalued: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)


def is_claim(claim: str) -> bool:
    """Whether a text names a market as claims do: a pair in an account, or a contract.

    Example:
        >>> is_claim("BTC-USDT in spot"), is_claim("XBTUSDTM")
        (True, True)
        >>> is_claim("BTC-USDT"), is_claim("BTC-USDT in mars"), is_claim("btc")
        (False, False, False)
    """
    symbol, found, account = claim.partition(" in ")
    if not found:
        return _CONTRACT.fullmatch(symbol) is not None
    accounts = {SPOT, MARGIN_CROSS, isolated_account(symbol)}
    return _PAIR.fullmatch(symbol) is not None and account in accounts


def market_of(claim: str, rules: Rules) -> Market | None:
    """The market of a claim: ``BTC-USDT in spot``, or a contract's symbol.

    Returns:
        None for one that the rules do not know or that is not counted in USDT.
    """
    symbol, _, account = claim.partition(" in ")
    contract = rules.contracts.get(symbol)
    if contract is not None and not account:
        is_counted = contract.settle == _USDT and not contract.is_inverse
        return Market(contract.base, FUTURES, symbol) if is_counted else None
    pair = rules.spot.get(symbol)
    if pair is None or pair.quote != _USDT or not account:
        return None
    return Market(pair.base, AccountId(account), symbol)


def _held(shadow: Shadow, market: Market) -> Decimal:
    """Signed coins in a market: a position's, or owned less owed."""
    if market.account != FUTURES:
        balance = shadow.balance(market.account, market.coin)
        return balance.total - balance.liability
    multiplier = shadow.rules.contracts[market.symbol].multiplier
    lots = (p.lots for p in shadow.positions.values() if p.symbol == market.symbol)
    return sum(lots, 0) * multiplier


def _mark(shadow: Shadow, market: Market) -> Decimal | None:
    if market.account == FUTURES:
        return shadow.futures_marks.get(market.symbol)
    return mark_usdt(shadow, market.coin)


def opened_book(shadow: Shadow, markets: Iterable[Market]) -> Book | None:
    """A book of what is there, at its mark; None while a mark of it is unknown."""
    legs: dict[Market, Leg] = {}
    for market in sorted(markets):
        coins, mark = _held(shadow, market), _mark(shadow, market)
        if coins and mark is None:
            return None
        legs[market] = Leg(coins, -coins * (mark or ZERO))
    return Book(legs=legs)


def booked(book: Book, shadow: Shadow, moment: Sequence[Event]) -> Book:
    """The book after the facts of a moment; the same object where nothing is its own.

    Args:
        book: What was booked.
        shadow: After the moment, for marks and rules.
        moment: The facts.
    """
    for event in moment:
        if isinstance(event, Filled):
            book = _filled(book, shadow, event)
        elif isinstance(event, LedgerBooked):
            book = _settled(book, shadow, event)
    return book


def _filled(book: Book, shadow: Shadow, fill: Filled) -> Book:
    market = _market_in(book, fill.account, fill.symbol)
    if market is None:
        return book
    coins = fill.qty * fill.side.sign
    if fill.account == FUTURES:
        coins *= shadow.rules.contracts[fill.symbol].multiplier
    leg, fee = book.legs[market], fee_usdt(fill, shadow)
    after = Leg(leg.coins + coins, leg.cash - coins * fill.price)
    book = replace(book, legs={**book.legs, market: after})
    if fee is None:
        return _unvalued(book, market.coin, fill.fee_coin, -fill.fee)
    return replace(book, fees=_added(book.fees, market.coin, -fee))


def _settled(book: Book, shadow: Shadow, event: LedgerBooked) -> Book:
    if event.cause is Cause.FUNDING:
        market = _market_in(book, FUTURES, event.symbol or "")
        paid = [p for p in event.postings if p.bucket is not Bucket.PRINCIPAL]
        if market is not None:
            total = sum((posting.amount for posting in paid), ZERO)
            book = replace(book, funding=_added(book.funding, market.coin, total))
    elif event.cause is Cause.INTEREST:
        for posting in event.postings:
            owed = (m for m in book.legs if m.account == posting.account)
            if posting.coin not in {m.coin for m in owed}:
                continue
            mark = mark_usdt(shadow, posting.coin)
            if mark is None:
                book = _unvalued(book, posting.coin, posting.coin, -posting.amount)
                continue
            charged = _added(book.interest, posting.coin, -posting.amount * mark)
            book = replace(book, interest=charged)
    return book


def _unvalued(book: Book, coin: str, paid: str, amount: Decimal) -> Book:
    """The book with something that is valued once its coin has a mark."""
    before = book.unvalued.get((coin, paid), ZERO)
    return replace(book, unvalued={**book.unvalued, (coin, paid): before + amount})


def _market_in(book: Book, account: AccountId, symbol: str) -> Market | None:
    for market in book.legs:
        if market.symbol == symbol and market.account == account:
            return market
    return None


def _added(
    sums: Mapping[str, Decimal], coin: str, amount: Decimal
) -> Mapping[str, Decimal]:
    return {**sums, coin: sums.get(coin, ZERO) + amount} if amount else sums


def profit(book: Book, shadow: Shadow, coin: str | None = None) -> Decimal | None:
    """What the legs have earned so far in USDT; None where a mark is unknown.

    Args:
        book: What was booked.
        shadow: Its marks value what is held.
        coin: One coin's pair alone; None is everything.

    Example:
        >>> from bot.shadow.state import empty_shadow
        >>> profit(Book(), empty_shadow(Rules()))
        Decimal('0')
    """
    total = ZERO
    for (owner, paid), amount in book.unvalued.items():
        if coin is not None and owner != coin:
            continue
        mark = mark_usdt(shadow, paid)
        if mark is None:
            return None
        total += amount * mark
    for market, leg in book.legs.items():
        if coin is not None and market.coin != coin:
            continue
        mark = _mark(shadow, market)
        if leg.coins and mark is None:
            return None
        total += leg.cash + leg.coins * (mark or ZERO)
    for sums in (book.funding, book.interest, book.fees):
        total += sums.get(coin, ZERO) if coin is not None else sum(sums.values(), ZERO)
    return total
