"""Money that the guard moves for a cure: let pass when it is proven to help.

A loan, a transfer between two pools and margin that is taken back are new risk on
one side. For the guard they pass when, by the exact engine and with the request that
follows, an account under cure comes further from its liquidation and no other one is
pushed under its act distance or made worse below it. Nothing here approves.
"""

from collections.abc import Iterator
from typing import Final

from bot.domain.accounts import FUTURES, AccountId
from bot.domain.events import AccountStatus
from bot.domain.intents import AdjustMargin, Borrow, Intent, Repay, Transfer
from bot.guard.doubt import as_if_done
from bot.guard.funds import funds_objection
from bot.guard.gates import Admission, is_sane, thresholds_of
from bot.guard.knowledge import apart_sentence
from bot.guard.plan_limits import leaving
from bot.guard.safety import is_better, is_pushed_under
from bot.risk.measure import SubjectMeasure, measure_subjects
from bot.risk.subjects import is_margin
from bot.shadow.project import project
from bot.shadow.state import Shadow

__all__ = ["relief_objection"]

_CLOSED: Final = frozenset({AccountStatus.LIQUIDATING, AccountStatus.BANKRUPT})

Money = Borrow | Transfer | AdjustMargin


def relief_objection(admission: Admission, intent: Money) -> str | None:
    """Why money may not be moved for a cure, in words; None when it may.

    Raises:
        UnknownPriceError: A price or a rule that is needed is not known.
    """
    if not is_sane(intent):
        return "a number of the request makes no sense"
    return (
        apart_sentence(admission.guard)
        or _troubled(admission.shadow, intent)
        or funds_objection(admission.shadow, intent)
        or _too_much(admission.shadow, intent)
        or _no_help(admission, intent)
    )


def _troubled(shadow: Shadow, intent: Money) -> str | None:
    """Nothing leaves an account in trouble, nothing enters one that is taken over."""
    for (account, coin), status in sorted(shadow.statuses.items()):
        is_source = account == _source(intent) and status is not AccountStatus.NORMAL
        is_target = account == _target(intent) and status in _CLOSED
        if is_source or is_target:
            return f"the exchange says of {account} {coin}".rstrip() + f": {status}"
    return None


def _source(intent: Money) -> AccountId | None:
    match intent:
        case Transfer(source=source):
            return source
        case Borrow(account=account):
            return account
        case AdjustMargin():
            return None


def _target(intent: Money) -> AccountId | None:
    return intent.target if isinstance(intent, Transfer) else None


def _too_much(shadow: Shadow, intent: Money) -> str | None:
    """More than the exchange lets leave: its 60 % rule, or the free futures cash."""
    if not isinstance(intent, Transfer):
        return None
    if not is_margin(intent.source) and intent.source != FUTURES:
        return None
    most = leaving(shadow, intent.source, intent.coin)
    if intent.amount <= most:
        return None
    return f"{intent.source} can spare {most} {intent.coin}, not {intent.amount}"


def _no_help(admission: Admission, intent: Money) -> str | None:
    """The exact test of the intent, alone and with what would follow it."""
    start = as_if_done(admission.shadow)
    before = {m.subject: m for m in measure_subjects(start)}
    acting = [
        before[name]
        for name, known in sorted(admission.guard.subjects.items())
        if known.is_acting and name in before
    ]
    if not acting:
        return "no account is under cure"
    said = f"it helps none of {', '.join(m.subject for m in acting)}"
    for helped in acting:
        for sequel in _sequels(intent, helped):
            found = _verdict(admission, before, helped, start, (intent, *sequel))
            if found is None:
                return None
            said = found
    return said


def _sequels(intent: Money, helped: SubjectMeasure) -> Iterator[tuple[Intent, ...]]:
    """What may follow so that the money gets to the account that needs it."""
    yield ()
    coin, amount = getattr(intent, "coin", helped.settle or "USDT"), abs(intent.amount)
    moved: tuple[Intent, ...] = ()
    if isinstance(intent, Borrow):
        if intent.account == helped.account:
            return
        moved = (_to(helped, intent.account, coin, intent),)
    elif isinstance(intent, AdjustMargin) and not helped.is_futures:
        moved = (_to(helped, FUTURES, coin, intent),)
    if helped.position is not None:
        symbol, side = helped.position.symbol, helped.position.side
        yield (*moved, AdjustMargin(symbol=symbol, amount=amount, position_side=side))
    elif moved:
        yield moved
    elif is_margin(helped.account):
        yield (Repay(account=helped.account, coin=coin, amount=amount),)


def _to(
    helped: SubjectMeasure, source: AccountId, coin: str, intent: Money
) -> Transfer:
    return Transfer(
        source=source, target=helped.account, coin=coin, amount=abs(intent.amount)
    )


def _verdict(
    admission: Admission,
    before: dict[str, SubjectMeasure],
    helped: SubjectMeasure,
    start: Shadow,
    intents: tuple[Intent, ...],
) -> str | None:
    """Why these together are no relief for an account; None when they are."""
    done = start
    for each in intents:
        done = project(done, each)
    after = {m.subject: m for m in measure_subjects(done)}
    backstop = thresholds_of(admission, helped).backstop
    if not is_better(helped, after.get(helped.subject), backstop):
        return f"it does not bring {helped.subject} further from its liquidation"
    for name, measure in after.items():
        limits = thresholds_of(admission, measure)
        if is_pushed_under(before.get(name), measure, limits):
            return f"it would push {name} under its act distance {limits.act}"
    return None
