"""``gnomon risk size``: the largest pair, or leg, that a raw account has room for.

The same search as a strategy's, on the account of a file. What only a run knows - how
the equity went, which orders are under way - is said to be left out, never guessed.
Numbers are text, unrounded. Nothing is sent.
"""

from collections.abc import Sequence
from decimal import Context, localcontext

from bot.domain.money import plain
from bot.domain.room import Room, RoomAsked
from bot.guard.admission import Admission
from bot.guard.largest import largest
from bot.guard.limits import GuardLimits, Opening, RiskLimits, thresholds_for
from bot.guard.size_factors import Sizing, diversification_factor, sizing_of
from bot.guard.size_limits import SizingLimits
from bot.guard.state import GuardState, SubjectState
from bot.report.answers import DIGITS, Answer, Json, number, write_gaps
from bot.report.documents import Documents
from bot.report.plan_shadow import shadow_of
from bot.risk.book_volatility import DayVolatility
from bot.risk.covariance import Covariance, CovarianceModel, estimate_covariance
from bot.risk.measure import measure_subjects
from bot.risk.outlook import AccountOutlook, Outlook, effective_bets
from bot.risk.terms_of import terms_of
from bot.shadow.state import Shadow

__all__ = ["size_answer"]

_NO_RESULTS = "No results are told: no gain, win or loss scales the size."
_NO_RETURNS = "No returns are told: each coin has the assumed volatility."
_NO_RULES = (
    "; a coin of the document has them, and a contract that `contracts` of `futures` "
    "lists (GET /api/v1/contracts/active)"
)
_NO_DEPTH = "No depth is told: it does not bind."


def size_answer(
    documents: Documents,
    asked: RoomAsked,
    limits: tuple[GuardLimits, RiskLimits, SizingLimits],
    vip: int = 0,
) -> Answer:
    """The largest that the account has room for, what binds it, and what scales it.

    Args:
        documents: The file.
        asked: Coin, direction, legs and leverage.
        limits: The guard's thresholds, the limits of new risk, the table of sizing.
        vip: Fee level of the spot fees that no document states.

    Raises:
        UsageError: A position or an order tells no settle currency.
    """
    guard, risk, sizing = limits
    with localcontext(Context(prec=DIGITS)):
        planned = shadow_of(documents, vip)
        covariance = estimate_covariance(documents.returns or {}, CovarianceModel())
        admission = Admission(
            shadow=planned.shadow,
            guard=_guarded(planned.shadow, guard),
            limits=risk,
            guard_limits=guard,
            day_open_equity=None,
            sizing=_sizing(planned.shadow, sizing, covariance),
        )
        room = largest(admission, asked)
        said = [] if covariance is not None else [_NO_RETURNS]
        spot = [each for each in planned.assumed if each.startswith("The rules of")]
        return {
            **_asked(asked),
            **_room(room),
            "assumed": [*spot, _NO_DEPTH, _NO_RESULTS, *said],
            "missing": write_gaps(planned.missing),
        }


def _guarded(shadow: Shadow, limits: GuardLimits) -> GuardState:
    """Every account with the default thresholds: nobody knows how it was opened."""
    return GuardState(
        subjects={
            measure.subject: SubjectState(
                thresholds=thresholds_for(
                    limits,
                    Opening(
                        exposure_usdt=measure.exposure_usdt,
                        distance=None,
                        ratio=None,
                        liquidation=measure.liquidation,
                        is_futures=measure.is_futures,
                    ),
                )
            )
            for measure in measure_subjects(shadow)
        }
    )


def _sizing(
    shadow: Shadow, limits: SizingLimits, covariance: Covariance | None
) -> Sizing:
    accounts = tuple(_account_outlooks(shadow, covariance))
    outlook = Outlook(accounts=accounts, horizon_h=24, paths=0, rows=0)
    known = DayVolatility(
        assumed=float(limits.assumed_volatility), covariance=covariance
    )
    found = diversification_factor(outlook, limits.bets_share)
    return sizing_of(limits, (found,), known)


def _account_outlooks(
    shadow: Shadow, covariance: Covariance | None
) -> Sequence[AccountOutlook]:
    covered = set() if covariance is None else set(covariance.coins)
    return [
        AccountOutlook(
            subject=terms.subject,
            coins=len(terms.coins),
            bets=None
            if covariance is None or terms.coins - covered
            else effective_bets(terms, covariance),
        )
        for terms in terms_of(shadow).known
    ]


def _asked(asked: RoomAsked) -> Answer:
    return {
        "coin": asked.coin,
        "legs": asked.legs.value,
        "direction": "long" if asked.direction > 0 else "short",
        "account": asked.account,
        "leverage": plain(asked.leverage),
    }


def _room(room: Room) -> Answer:
    factors: list[Json] = [
        {"name": each.name, "value": plain(each.value), "reason": each.reason}
        for each in room.scale.factors
    ]
    return {
        "notional_usdt": number(room.notional_usdt),
        "coins": number(room.coins),
        "spot_qty": number(room.spot_qty),
        "perp_lots": number(room.perp_lots),
        "limit": room.limit,
        "sentence": room.sentence + (_NO_RULES if room.limit == "rules" else ""),
        "scale": plain(room.scale.value),
        "factors": factors,
    }
