"""What a run on paper on the live market is, before and after it has been killed.

Its identity, what it follows, the account it opens with, and what its journal hands
over. Nothing here does input or output. A part of the composition root.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.compose import Plan, settings_digest, strategies_of
from bot.compose_strategies import refuse_idle
from bot.domain.accounts import (
    FUTURES,
    MAIN,
    MARGIN_CROSS,
    AccountId,
    AccountSnapshot,
    Balance,
    isolated_account,
)
from bot.domain.entries import RunStarted
from bot.domain.events import Event, FundingQuoted, HoldChanged
from bot.domain.instruments import Rules
from bot.domain.market import MarketDescription, MarketInstant, PathOrder
from bot.domain.money import ZERO, plain
from bot.domain.orders import OrderState
from bot.domain.strategy import Strategy
from bot.engine.memory import Memory
from bot.engine.readings import value_usdt
from bot.engine.startup import Recovered
from bot.guard.state import GuardState, SubjectState
from bot.live_readers import Past
from bot.settings import Settings
from bot.shadow.state import Shadow, empty_shadow
from connectors.kucoin.feed import Interests
from connectors.kucoin.interests import interests_of
from connectors.kucoin.public_start import (
    PublicStart,
    instruments_of,
    market_digest,
)
from connectors.markets.funding import BORROW_BASE_OTHERS, BORROW_BASES, borrow_rate
from connectors.system.schedules import parse_schedule
from connectors.venue.account_file import AccountFile, resolve
from connectors.venue.account_parts import Amount
from connectors.venue.rules import assumptions, rules_for

__all__ = [
    "NAME",
    "ListenedMarket",
    "PaperAsked",
    "borrow_rates",
    "header_of",
    "interests_for",
    "plan_paper",
    "recovered",
]

_MARKET: Final = "kucoin"
_SEED: Final = 1
NAME: Final = f"{_MARKET}-{_SEED}"
"""Of every run on the live market; its own folder is named so."""

_TITLE: Final = "KuCoin's public market, live; the account is simulated"
_STOPPED: Final = "the run was stopped, and its simulated exchange with it"

History = Mapping[str, Sequence[tuple[datetime, Decimal]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperAsked:
    """What was asked for.

    ``duration`` None runs until a signal; ``is_own_folder`` says that nobody named
    the journal, so that one of another run is kept aside and not refused.
    """

    account: AccountFile
    settings: Settings
    duration: timedelta | None
    is_guarded: bool
    has_strategies: bool
    force: bool
    is_own_folder: bool

    def strategies(self) -> tuple[Strategy, ...]:
        """The strategies of this run."""
        if not self.has_strategies:
            return ()
        return strategies_of(self.settings.strategies)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenedMarket:
    """A live market as a plan knows it: what it is, its start, and what was before."""

    description: MarketDescription
    first: MarketInstant
    closes: History = field(default_factory=dict)
    fundings: Mapping[str, tuple[FundingQuoted, ...]] = field(default_factory=dict)

    def first_prices(self) -> MarketInstant:
        """The market as it was when the run was opened."""
        return self.first

    def instants(self, path_order: Mapping[str, PathOrder]) -> Iterator[MarketInstant]:
        """None: what a live market will state is not known beforehand."""
        return iter(())

    def history(self) -> History:
        """Hourly closes before the start, by coin."""
        return self.closes

    def funding_past(self) -> Mapping[str, tuple[FundingQuoted, ...]]:
        """Rates that settled before the start, by contract."""
        return self.fundings


def header_of(
    asked: PaperAsked, epoch: int = 1, facts: Mapping[str, str] | None = None
) -> RunStarted:
    """The first row of a start; known before anything is read from the exchange."""
    settings = asked.settings
    return RunStarted(
        name=NAME,
        world="paper",
        epoch=epoch,
        identity={
            "market": market_digest(settings.spot_url, settings.futures_url),
            "account": asked.account.digest,
            "config": settings_digest(settings),
            "seed": str(_SEED),
            "guard": str(asked.is_guarded).lower(),
            "strategies": ",".join(s.name for s in asked.strategies()),
        },
        facts={"market": _MARKET, "title": _TITLE, "resolution": "1s", **(facts or {})},
    )


def interests_for(
    account: AccountFile, strategies: Iterable[Strategy], known: Shadow | None
) -> Interests:
    """What is followed: the account file's, the strategies', and what is held now.

    The coins of its contracts are added where the listing is read.
    """
    claims = [c for s in strategies for c in s.claims]
    claims += [position.symbol for position in account.positions]
    balances: dict[AccountId, Mapping[str, Balance]] = {
        MAIN: _named((account.main, account.spot)),
        FUTURES: _named((account.wallet,)),
    }
    if (cross := account.margin_cross) is not None:
        balances[MARGIN_CROSS] = _named((cross.balance, cross.principal))
    for pair, part in account.margin_isolated.items():
        balances[isolated_account(pair)] = _named((part.balance, part.principal))
    named = interests_of(AccountSnapshot(balances=balances), claims, {})
    if known is None:
        return named
    held = interests_of(_snapshot(known), (), known.rules.contracts)
    return Interests(
        coins=named.coins | held.coins,
        spot_symbols=named.spot_symbols | held.spot_symbols,
        contracts=named.contracts | held.contracts,
        pairs=named.pairs | held.pairs,
        settles=named.settles | held.settles,
    )


def _named(parts: Iterable[Mapping[str, Amount]]) -> Mapping[str, Balance]:
    """The coins that parts of an account file name; only the names count."""
    return {
        coin: Balance(total=amount.number)
        for part in parts
        for coin, amount in part.items()
        if amount.number
    }


def _snapshot(shadow: Shadow) -> AccountSnapshot:
    """The books as journaled, without what open orders held."""
    return AccountSnapshot(
        balances={
            account: {
                coin: Balance(
                    total=line.total, principal=line.principal, interest=line.interest
                )
                for coin, line in lines.items()
                if line.total or line.liability
            }
            for account, lines in shadow.balances.items()
        },
        positions=shadow.positions,
        margin_leverage=shadow.margin_leverage,
    )


def borrow_rates(settings: Settings, coins: Iterable[str]) -> Mapping[str, Decimal]:
    """What each coin is assumed to cost a year; KuCoin tells only who has a key."""
    factor = settings.borrow.multiplier
    return {c: borrow_rate(c, ZERO, factor).annual_rate for c in sorted(coins)}


def plan_paper(
    asked: PaperAsked, start: PublicStart, past: Past, memory: Memory
) -> Plan:
    """The run with its rules and the account that it opens or goes on with.

    Raises:
        UsageError: The account cannot be held on this market, a strategy or its
            schedule is not known, or one waits for a market that is not traded.
    """
    settings = asked.settings
    vip = asked.account.vip or settings.vip
    described = _described(asked, start)
    rules = rules_for(described, start.first, start.documents, vip)
    known, strategies = memory.shadow, asked.strategies()
    refuse_idle(strategies, rules)
    for job in (job for strategy in strategies for job in strategy.jobs):
        parse_schedule(job.schedule, start.first.at)
    assumed = (*assumptions(rules), *_assumed(settings, vip))
    facts = {
        "start": described.start.isoformat(),
        "assumptions": json.dumps(assumed),
        "restart": str(memory.runs),
    }
    return Plan(
        world="paper",
        name=NAME,
        market=ListenedMarket(
            description=described,
            first=start.first,
            closes=past.closes,
            fundings=past.funding,
        ),
        rules=rules,
        opening=(
            resolve(asked.account, rules, start.first)
            if known is None
            else _snapshot(known)
        ),
        path_order={},
        settings=settings,
        strategies=strategies,
        seed=_SEED,
        is_guarded=asked.is_guarded,
        header=header_of(asked, memory.epoch + 1, facts),
        assumptions=assumed,
        vip=vip,
    )


def _described(asked: PaperAsked, start: PublicStart) -> MarketDescription:
    """The market; its end is its start while nobody knows how long it will be."""
    at, settings = start.first.at, asked.settings
    return MarketDescription(
        name=_MARKET,
        title=_TITLE,
        start=at,
        end=at + (asked.duration or timedelta(0)),
        instruments=instruments_of(start),
        resolution="1s",
        digest=market_digest(settings.spot_url, settings.futures_url),
        note=f"listened to at {settings.spot_url} and {settings.futures_url}",
    )


def _assumed(settings: Settings, vip: int) -> tuple[str, ...]:
    """What no public endpoint states, and how requests and prices are taken here."""
    depth, factor = settings.depth, settings.borrow.multiplier
    rates = ", ".join(
        f"{coin} {plain(rate * factor * 100)} %"
        for coin, rate in (*BORROW_BASES.items(), ("others", BORROW_BASE_OTHERS))
    )
    return (
        (
            "the terms of margin coins (limits of loans, precision) need a key: any "
            "amount of 8 decimals can be borrowed where KuCoin's public lending stock "
            "allows"
        ),
        f"fees need a key: those of VIP level {vip} by KuCoin's public table",
        f"lending rates need a key; assumed a year: {rates}",
        (
            f"requests take effect {depth.latency_min_ms} to {depth.latency_max_ms} ms "
            "after they are sent, seeded"
        ),
        (
            "orders trade against a book made of KuCoin's spread, volatility and "
            "volume, and move no real price; an order waits while no price is heard"
        ),
        "last prices are read once a second, so a resting order may miss a touch",
    )


# -- after a kill -----------------------------------------------------------


def recovered(memory: Memory, rules: Rules, at: datetime) -> Recovered:
    """What the journal hands over: books, thresholds, the day's budgets.

    Open orders ended with the simulated exchange that held them; a request without
    an answer is looked up at the new one, which has never heard of it.
    """
    known, day = memory.shadow, at.date()
    if known is None:
        return Recovered()
    equity, fresh = memory.equities.get(day), empty_shadow(rules)
    turnover = sum(
        (value_usdt(fresh, fill) for fill in memory.fills if fill.at.date() == day),
        ZERO,
    )
    subjects = {
        name: SubjectState(thresholds=thresholds)
        for name, thresholds in memory.thresholds.items()
    }
    return Recovered(
        shadow=known,
        open_intents=memory.open_intents,
        guard=GuardState(subjects=subjects),
        overlays=memory.overlays,
        twins=memory.twins_at(at),
        results=memory.results,
        missed=tuple(_ended(known, at)),
        day="" if equity is None else day.isoformat(),
        day_open_equity=equity,
        day_turnover=ZERO if equity is None else turnover,
    )


def _ended(known: Shadow, at: datetime) -> Iterator[Event]:
    """Every order that was open is cancelled, and holds nothing any more."""
    for order in known.orders.values():
        yield replace(order, at=at, state=OrderState.CANCELLED, reason=_STOPPED)
    for account, lines in sorted(known.balances.items()):
        for coin, line in sorted(lines.items()):
            if line.hold:
                yield HoldChanged(at=at, account=account, coin=coin, hold=ZERO)
