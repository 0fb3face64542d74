"""A file of raw exchange documents as a shadow that can be planned on.

Balances, positions, orders, marks and rules come from the documents. What trading
needs and they lack - spot steps, least sizes, fees - is taken from our own table of
rules, else from the assumptions of DESIGN 11, and is named. What is not told is
left out and named too: an unknown account is never planned as an empty one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from bot.domain.accounts import (
    FUTURES,
    MARGIN_CROSS,
    AccountId,
    Balance,
    MarginMode,
    Position,
    PositionKey,
    isolated_account,
)
from bot.domain.events import FundingQuoted, OrderChanged
from bot.domain.fees import spot_fee_rates
from bot.domain.instruments import (
    ContractRules,
    IsolatedPairRules,
    MarginCoinRules,
    Rules,
    SpotRules,
)
from bot.domain.money import ONE, ZERO
from bot.domain.orders import OrderState
from bot.report.answers import Gap
from bot.report.assess_margin import (
    NO_USDT,
    coefficient_gaps,
    cross_balances,
    cross_coefficients,
    pair_balances,
    pair_coefficients,
)
from bot.report.documents import Documents
from bot.report.futures_state import FuturesState, SettleState, futures_state
from bot.report.plan_unknown import held_back
from bot.shadow.state import Shadow, empty_shadow
from connectors.kucoin.parse.envelope import coin
from connectors.kucoin.parse.marks import usdt_prices
from connectors.venue.rules_assumed import assumed_spot
from connectors.venue.rules_table import read_table

__all__ = ["Planned", "shadow_of"]

_MANY_LOTS: Final = 1_000_000
_PAIR_LEVERAGE: Final = Decimal(10)
_RESERVE: Final = (
    "main, spot",
    "The documents tell no main or spot balances: no reserve was planned with.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The shadow, what was assumed for it (sentences), and what is missing."""

    shadow: Shadow
    assumed: tuple[str, ...]
    missing: tuple[Gap, ...]
    unknown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Subjects that cannot be measured, with the reasons."""
    hides_futures: bool = False
    """Whether futures are among them, so that nothing may be taken from futures."""


def shadow_of(documents: Documents, vip: int) -> Planned:
    """The account of a file of documents as far as it can be planned on.

    Args:
        documents: The file.
        vip: Fee level, for the spot fees that no document states.

    Raises:
        UsageError: A position or an order tells no settle currency.
    """
    marks = dict(usdt_prices(documents.prices_btc))
    state = futures_state(documents.futures)
    out = held_back(documents, state)
    gaps: list[Gap] = [_RESERVE, *out.gaps, *coefficient_gaps(documents)]
    if not marks and (documents.cross is not None or documents.pairs):
        gaps.append(NO_USDT)
    balances = _balances(documents, out.pairs)
    spot, assumed = _spot_rules(balances, state, marks)
    shadow = replace(
        empty_shadow(_rules(documents, state, spot, vip)),
        margin_marks=marks,
        futures_marks=dict(state.marks),
        is_open=True,
    )
    positions: dict[PositionKey, Position] = {}
    orders: dict[str, OrderChanged] = {}
    wallet: dict[str, Balance] = {}
    for item in state.settles.values():
        gaps += item.gaps
        known = {k: p for k, p in item.positions.items() if k not in out.positions}
        positions |= known
        is_told = item.settle not in out.settles and item.account.wallet is not None
        if not is_told:
            gaps.append(_blind(item))
        wallet[coin(item.settle)] = Balance(total=_wallet(item, known, is_told=is_told))
        if is_told:
            orders |= dict(_orders(documents, item, shadow))
    shadow = replace(
        shadow,
        balances={**balances, FUTURES: wallet},
        positions=positions,
        orders=orders,
        funding=dict(_funding(documents, shadow)),
    )
    return Planned(
        shadow=shadow,
        assumed=(*assumed, *_unquoted(shadow)),
        missing=tuple(dict.fromkeys(gaps)),
        unknown=out.unknown,
        hides_futures=out.has_futures,
    )


def _balances(
    documents: Documents, out: frozenset[str]
) -> dict[AccountId, Mapping[str, Balance]]:
    found: dict[AccountId, Mapping[str, Balance]] = {}
    if documents.cross is not None:
        found[MARGIN_CROSS] = cross_balances(documents)
    for symbol, pair in (documents.pairs or {}).items():
        if symbol not in out:
            found[isolated_account(symbol)] = pair_balances(pair)
    return found


def _blind(item: SettleState) -> Gap:
    name = f"futures.wallets.{item.settle}"
    return (name, f"The {item.settle} futures are not told in full: not planned.")


def _wallet(
    item: SettleState, known: Mapping[PositionKey, Position], *, is_told: bool
) -> Decimal:
    """The whole wallet: isolated margins are an earmark in it, and all that is told."""
    lone = (p for p in known.values() if p.mode is MarginMode.ISOLATED)
    cross = item.account.wallet if is_told else None
    return (cross or ZERO) + sum((p.margin for p in lone), ZERO)


def _orders(
    documents: Documents, item: SettleState, shadow: Shadow
) -> Iterator[tuple[str, OrderChanged]]:
    page = None if documents.futures is None else documents.futures.orders
    modes = {key.symbol: held.mode for key, held in item.positions.items()}
    for row, order in enumerate(() if page is None else page.orders):
        contract = shadow.rules.contracts.get(order.symbol)
        is_resting = order.state is OrderState.OPEN and not order.is_waiting
        is_here = contract is not None and contract.settle == coin(item.settle)
        if not is_resting or not is_here or order.side is None:
            continue
        name = order.order_id or f"row {row}"
        yield (
            name,
            OrderChanged(
                at=shadow.at,
                order_id=name,
                intent_id=None,
                account=FUTURES,
                symbol=order.symbol,
                side=order.side,
                state=order.state,
                qty=Decimal(order.lots),
                filled_qty=Decimal(order.filled_lots),
                price=order.price,
                reduce_only=order.reduce_only or order.close,
                margin_mode=order.mode or modes.get(order.symbol, MarginMode.CROSS),
                position_side=order.position_side,
            ),
        )


def _funding(
    documents: Documents, shadow: Shadow
) -> Iterator[tuple[str, FundingQuoted]]:
    listed = {} if documents.futures is None else documents.futures.contracts
    for symbol, item in listed.items():
        if item.funding_rate is None or not item.funding_interval_h:
            continue
        yield (
            symbol,
            FundingQuoted(
                at=shadow.at,
                symbol=symbol,
                funding_rate=item.funding_rate,
                settlement_at=item.settlement_at or shadow.at,
                funding_interval_h=item.funding_interval_h,
            ),
        )


# -- rules -----------------------------------------------------------------


def _rules(
    documents: Documents, state: FuturesState, spot: Mapping[str, SpotRules], vip: int
) -> Rules:
    rules = Rules(
        spot=spot,
        contracts={name: _tradable(item) for name, item in state.rules.items()},
        margin_coins=_coins(documents),
        isolated_pairs=dict(_pairs(documents)),
        spot_fee_rates={name: _fees(pair, vip) for name, pair in spot.items()},
    )
    config = documents.config
    if config is None:
        return rules
    return replace(
        rules,
        margin_max_leverage=config.max_leverage or rules.margin_max_leverage,
        margin_warning_debt_ratio=config.warning_debt_ratio
        or rules.margin_warning_debt_ratio,
        margin_liquidation_debt_ratio=config.liquidation_debt_ratio
        or rules.margin_liquidation_debt_ratio,
    )


def _fees(pair: SpotRules, vip: int) -> tuple[Decimal, Decimal]:
    rates = spot_fee_rates(vip, pair.fee_class)
    return rates.maker, rates.taker


def _tradable(rules: ContractRules) -> ContractRules:
    """In our words for coins, and with a limit of lots where none is stated."""
    lots = rules.max_order_lots or _MANY_LOTS
    return replace(rules, settle=coin(rules.settle), max_order_lots=lots)


def _coins(documents: Documents) -> dict[str, MarginCoinRules]:
    """The coins of cross margin; what a document does not say is not known."""
    weights, tiers = cross_coefficients(documents), documents.tiers or {}
    found: dict[str, MarginCoinRules] = {}
    for name in sorted({*cross_balances(documents), *documents.terms.coins}):
        terms = documents.terms.coins.get(name)
        found[name] = MarginCoinRules(
            coin=name,
            coefficient=weights.get(name, ONE),
            borrow_enabled=terms is not None and terms.borrow_enabled is not False,
            borrow_min=None if terms is None else terms.borrow_min,
            borrow_unit=None if terms is None else terms.borrow_unit,
            borrow_max=None if terms is None else terms.borrow_max,
            tiers=tiers.get(name, ()),
        )
    return found


def _pairs(documents: Documents) -> Iterator[tuple[str, IsolatedPairRules]]:
    for symbol, terms in (documents.pair_terms or {}).items():
        pair = (documents.pairs or {}).get(symbol)
        if pair is None or terms.liquidation_debt_ratio is None:
            continue
        weights = pair_coefficients(documents, pair)
        base, quote = (
            MarginCoinRules(coin=name, coefficient=weights.get(name, ONE))
            for name in (pair.base.coin, pair.quote.coin)
        )
        yield (
            symbol,
            IsolatedPairRules(
                symbol=symbol,
                base=base.coin,
                quote=quote.coin,
                max_leverage=terms.max_leverage or _PAIR_LEVERAGE,
                liquidation_debt_ratio=terms.liquidation_debt_ratio,
                base_rules=base,
                quote_rules=quote,
            ),
        )


def _spot_rules(
    balances: Mapping[AccountId, Mapping[str, Balance]],
    state: FuturesState,
    marks: Mapping[str, Decimal],
) -> tuple[dict[str, SpotRules], list[str]]:
    """Our table's rules for every coin that may trade, else assumed ones, named."""
    table = read_table().spot
    coins = {name for held in balances.values() for name in held}
    coins |= {rules.base for rules in state.rules.values()}
    found: dict[str, SpotRules] = {}
    said: list[str] = []
    for name in sorted(coins - {"USDT", ""}):
        symbol, price = f"{name}-USDT", marks.get(name, ZERO)
        if symbol in table:
            found[symbol] = table[symbol]
            said.append(f"The rules of {symbol} are those of our own table.")
        elif price > 0:
            found[symbol] = assumed_spot(symbol, name, "USDT", price)
            said.append(f"The rules of {symbol} are assumed from its price.")
    return found, said


def _unquoted(shadow: Shadow) -> Iterator[str]:
    """What costs and loans rest on where no document says it."""
    yield "No depth is told: a trade is priced at 0.1 % beside its fee, in one chunk."
    yield "No lending rate is told: no new loan was planned."
    silent = sorted(s for s in shadow.rules.contracts if s not in shadow.funding)
    if silent:
        yield f"No funding is told of {', '.join(silent)}: no carry is counted."
