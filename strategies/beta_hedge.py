"""Beta hedge: perpetuals against what all holdings have in common.

The net beta exposure is the value of every coin held, owed or traded in the chosen
accounts, each times its estimated betas to the hedges' coins (BTC, ETH, or any set).
Outside the band a hedge is traded back to the middle, when the trade costs little
beside a day's move. No ratio is ever typed in: betas come from hourly closes
(``bot/risk/betas.py``), and what is traded from ``bot/risk/hedging.py``, the same code
that ``gnomon study beta`` scores.

The whole one-way position of each hedge is the hedge: nobody else may trade it. A coin
without history is hedged at its prior beta, which is said. A coin whose mark or
contract is unknown, or a hedge without history, makes the exposure unknown: nothing is
added then. Where nothing is held any more, the hedges are closed. A hedge that the free
futures margin cannot carry whole is opened as far as it can. While somebody trades both
legs of a pair, what is held of it is one leg for a moment: then it hedges on its
schedule only, not at every fact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import ClassVar, Final

from bot.domain.accounts import FUTURES, MAIN, AccountId
from bot.domain.instruments import ContractRules
from bot.domain.intents import Proposal
from bot.domain.money import ZERO, plain
from bot.domain.parameters import decimal, text, texts, whole
from bot.domain.scheduled import Scheduled
from bot.domain.strategy import View
from bot.risk.betas import BetaModel, Betas, estimate_betas
from bot.risk.exposures import position_base_qty
from bot.risk.hedging import BetaExposure, HedgePolicy, beta_exposure
from bot.risk.perp_orders import PerpTerms, held_lots, is_free, perp_order
from bot.risk.sizing import lot_coins

__all__ = ["BetaHedge"]

_DUST_USDT: Final = Decimal(1)
"""What is worth less is not held for any purpose of a hedge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Why:
    """Why a hedge is traded, and the numbers behind it."""

    reason: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaHedge(Scheduled):
    """Perpetuals against what all holdings have in common.

    ``accounts`` empty means all but main. ``more_hedges`` are contracts beside
    ``hedge_symbol``; each coin then has a beta to each. The band is the larger of
    ``band_usdt``, ``band_share`` of the gross value and ``band_errors`` of the
    exposure's own error.
    """

    schedule: str = "every 15m"
    follows_facts: ClassVar[bool] = True
    accounts: tuple[AccountId, ...] = texts(sentence="what is hedged; none named: all")
    hedge_symbol: str = text("XBTUSDTM", sentence="the contract, wholly its own")
    more_hedges: tuple[str, ...] = texts(sentence="contracts beside it, its own too")
    band_usdt: Decimal = decimal("100", low="0", sentence="drift that is left, in USDT")
    band_share: Decimal = decimal(
        "0.05", low="0", high="1", sentence="or this share of what is held"
    )
    band_errors: Decimal = decimal(
        "0", low="0", high="3", sentence="or so many errors of the exposure"
    )
    max_cost_share: Decimal = decimal(
        "0.25", above="0", high="10", sentence="of a day's move that a trade may cost"
    )
    half_life_h: Decimal = decimal(
        "96", low="1", high="8760", sentence="after which a return counts half"
    )
    min_hours: int = whole(48, low=24, high=2160, sentence="of history for a beta")
    leverage: Decimal = decimal("3", low="1", high="125", sentence="of the hedge")

    def __post_init__(self) -> None:
        """Refuse the reserve as an account to hedge, and a hedge named twice."""
        if MAIN in self.accounts:
            raise ValueError("accounts must not name main: it is the reserve.")
        if self.hedge_symbol in self.more_hedges:
            raise ValueError(
                f"more_hedges must not name {self.hedge_symbol}: it is hedge_symbol."
            )

    @property
    def model(self) -> BetaModel:
        """How betas are estimated."""
        half_life_h = float(self.half_life_h)
        return BetaModel(half_life_h=half_life_h, min_hours=self.min_hours)

    @property
    def policy(self) -> HedgePolicy:
        """When a hedge is traded."""
        return HedgePolicy(
            band_usdt=self.band_usdt,
            band_share=self.band_share,
            band_errors=self.band_errors,
            max_cost_share=self.max_cost_share,
        )

    @property
    def claims(self) -> frozenset[str]:
        """The whole position of each hedge."""
        return frozenset(self._symbols)

    @property
    def _symbols(self) -> tuple[str, ...]:
        return (self.hedge_symbol, *self.more_hedges)

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Trade each hedge back to the middle when it is worth it."""
        if view.due_job is None and view.pairs_in_flight():
            return []
        contracts = self._contracts(view)
        if contracts is None:
            return []
        values = self._values(view)
        found: list[Proposal] = []
        if not values:
            said = "nothing is held any more that the hedge is for"
            why = _Why(reason=said, inputs={})
            for contract in contracts:
                lots = -held_lots(view, contract)
                found += self._trade(view, contract, lots, why)
            return found
        known = {coin: value for coin, value in values.items() if value is not None}
        betas = self._betas(view, known, [each.base for each in contracts])
        if len(known) < len(values) or betas is None:
            return []
        exposure = beta_exposure(known, betas)
        for place, contract in enumerate(contracts):
            found += self._rebalance(view, contract, place, exposure, betas)
        return found

    def _contracts(self, view: View) -> list[ContractRules] | None:
        """The hedges' rules; None unless all are known, linear and of other coins."""
        found = [view.rules.contracts.get(symbol) for symbol in self._symbols]
        known = [each for each in found if each is not None and not each.is_inverse]
        bases = {each.base for each in known}
        return known if len(bases) == len(self._symbols) else None

    # -- what is held -----------------------------------------------------

    def _values(self, view: View) -> dict[str, Decimal | None]:
        """Coin to the signed USDT held of it; None where that is not known."""
        parts: list[tuple[str, Decimal | None]] = []
        for account in self.accounts or view.accounts():
            if account == MAIN:
                continue
            for coin, balance in view.balances(account).items():
                qty = balance.total - balance.liability
                if coin != "USDT" and qty:
                    mark = view.mark(coin)
                    parts.append((coin, None if mark is None else qty * mark))
        if not self.accounts or FUTURES in self.accounts:
            parts += self._position_values(view)
        values: dict[str, Decimal | None] = {}
        for coin, value in parts:
            before = values.get(coin, ZERO)
            unknown = value is None or before is None
            values[coin] = None if unknown else (before or ZERO) + (value or ZERO)
        return {
            coin: value
            for coin, value in values.items()
            if value is None or abs(value) >= _DUST_USDT
        }

    def _position_values(self, view: View) -> list[tuple[str, Decimal | None]]:
        parts: list[tuple[str, Decimal | None]] = []
        for position in view.positions():
            if position.symbol in self.claims:
                continue
            contract = view.rules.contracts.get(position.symbol)
            mark = view.futures_mark(position.symbol)
            if contract is None or mark is None:
                parts.append((position.symbol, None))
                continue
            qty = position_base_qty(contract, position, mark)
            parts.append((contract.base, None if qty is None else qty * mark))
        return parts

    def _betas(
        self, view: View, coins: Mapping[str, Decimal], references: Sequence[str]
    ) -> Betas | None:
        """Betas of what is held; None where a hedge's own coin has no history."""
        wanted = sorted({*coins, *references})
        closes = {coin: view.returns(coin) for coin in wanted}
        return estimate_betas(closes, sorted(coins), references, self.model)

    # -- what is traded ---------------------------------------------------

    def _rebalance(
        self,
        view: View,
        contract: ContractRules,
        place: int,
        exposure: BetaExposure,
        betas: Betas,
    ) -> list[Proposal]:
        """One hedge back to its middle; nothing where its mark is unknown."""
        mark = view.futures_mark(contract.symbol)
        if mark is None or mark <= 0:
            return []
        held = held_lots(view, contract)
        net = exposure.net[place] + contract.value(held, mark)
        error = exposure.error[place]
        change = self.policy.change(net, exposure.gross, error)
        steps = (change / (lot_coins(contract) * mark)).to_integral_value(ROUND_HALF_UP)
        reason = (
            f"net {contract.base} exposure is {net:.2f} +- {error:.2f} USDT of "
            f"{exposure.gross:.2f} gross"
        )
        if betas.assumed:
            coins = ", ".join(betas.assumed)
            reason += f"; the beta of {coins} is assumed, its history is too short"
        why = _Why(reason=reason, inputs=_inputs(exposure, betas, place, net))
        return self._trade(view, contract, steps * contract.lot_size, why)

    def _trade(
        self, view: View, contract: ContractRules, lots: Decimal, why: _Why
    ) -> list[Proposal]:
        """One order: first down to flat, then, at the next asking, beyond."""
        if not is_free(view, self.name, contract.symbol):
            return []
        order = perp_order(view, contract, lots, self._terms)
        if order is None:
            return []
        held = plain(held_lots(view, contract))
        return [
            Proposal(
                owner=self.name,
                intent=order,
                reason=why.reason,
                inputs={"held_lots": held, **why.inputs},
            )
        ]

    @property
    def _terms(self) -> PerpTerms:
        return PerpTerms(policy=self.policy, model=self.model, leverage=self.leverage)


def _inputs(
    exposure: BetaExposure, betas: Betas, place: int, net: Decimal
) -> Mapping[str, str]:
    """The numbers behind a trade: exposures in USDT, betas with their errors."""
    found = {
        "net_usdt": plain(net),
        "error_usdt": f"{exposure.error[place]:.2f}",
        "stress_usdt": f"{exposure.stress:.2f}",
        "gross_usdt": plain(exposure.gross),
    }
    for coin in betas.coins:
        beta, error = betas.of(coin)[place], betas.band_of(coin)[place]
        found[f"beta {coin}"] = f"{beta:.6f} +- {error:.6f}"
    return found
