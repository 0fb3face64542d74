"""Funding settlements of the venue: what a position pays or gets, and where from.

``cash = -sign(qty) x value at mark x rate``, to 8 decimals half-up (official
history and fixtures, futures-and-unified.md 4.1): a positive rate makes longs pay.
Basis is the mark of the settlement's instant. A cross position pays from the wallet.
An isolated one pays from its own margin, which since May 2025 is "initial + added +
funding" (3.1): the coins leave the wallet and the earmarked margin changes by the
same amount, but not below zero; what is beyond that is the wallet's. Nothing here
predicts a rate.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.domain.accounts import FUTURES, MarginMode, Position
from bot.domain.events import Bucket, Cause, PositionChanged, Posting
from bot.domain.instruments import ContractRules
from bot.domain.market import FundingSettlement
from bot.domain.money import round_half_up
from connectors.venue.futures_state import FuturesState

__all__ = ["funding_cash", "settle_funding"]


def funding_cash(
    contract: ContractRules, lots: int, mark: Decimal, rate: Decimal
) -> Decimal:
    """What a position receives (negative: pays), in its settle currency.

    Args:
        contract: Linear or inverse; the value of a long is positive for both.
        lots: Signed lots held at the settlement.
        mark: The mark price at the settlement.
        rate: The settled rate, a fraction of the value; positive: longs pay.
    """
    return round_half_up(-contract.value(Decimal(lots), mark) * rate)


def settle_funding(
    state: FuturesState, at: datetime, settlement: FundingSettlement
) -> None:
    """Book one contract's settlement for every position held in it."""
    for key in sorted(state.positions):
        if key.symbol == settlement.symbol:
            _settle(state, at, state.positions[key], settlement.funding_rate)


def _settle(
    state: FuturesState, at: datetime, position: Position, rate: Decimal
) -> None:
    contract = state.contract(position.symbol)
    mark = state.mark(position.symbol)
    cash = funding_cash(contract, position.lots, mark, rate)
    if cash == 0:
        return
    postings = [Posting(account=FUTURES, coin=contract.settle, amount=cash)]
    moved = position
    if position.mode is MarginMode.ISOLATED:
        change = max(cash, -position.margin)
        moved = replace(position, margin=position.margin + change)
        if change != 0:
            postings.append(_margin_posting(contract.settle, position, change))
    state.ledger.book(at, Cause.FUNDING, postings, symbol=position.symbol, rate=rate)
    if moved is not position:
        state.keep(moved)
        state.ledger.emit(PositionChanged(at=at, position=moved, reason="funding"))


def _margin_posting(coin: str, position: Position, amount: Decimal) -> Posting:
    return Posting(
        account=FUTURES,
        coin=coin,
        amount=amount,
        bucket=Bucket.MARGIN,
        symbol=str(position.key),
    )
