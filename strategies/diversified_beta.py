"""Diversified beta: a long core of BTC and ETH, few satellites, and a hedge.

All of it is held in perpetuals. The satellites are the candidates with the lowest beta
and the lowest correlation to the core; weights come from a shrunk covariance by shares
of risk, no coin above its cap (high beta, lower multiplier), scaled to a volatility
(``bot/risk/allocation.py``). Beta above the wanted one is sold in the first core
contract. On its schedule each contract outside its band is traded to its whole target,
reductions first, and more is only bought where the trade costs little.

The whole position of every contract that it names is its own. A core coin whose mark,
beta or volatility is unknown stops everything but nothing is sold for it; a satellite
without history is not bought, and one that is held is left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from bot.domain.accounts import FUTURES
from bot.domain.instruments import ContractRules
from bot.domain.intents import PlaceOrder, Proposal
from bot.domain.money import ZERO, plain
from bot.domain.parameters import decimal, texts, whole
from bot.domain.scheduled import Scheduled
from bot.domain.strategy import View
from bot.risk.allocation import AllocationLimits, allocate, rank_satellites
from bot.risk.betas import BetaModel, estimate_betas
from bot.risk.covariance import CovarianceModel, estimate_covariance
from bot.risk.hedging import HedgePolicy
from bot.risk.pairs import backing
from bot.risk.perp_orders import PerpTerms, held_lots, is_free, perp_order
from bot.risk.sizing import lot_coins

__all__ = ["DiversifiedBeta"]

_DIGITS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aim:
    """Each coin's weight and the USDT that it is a multiple of."""

    weights: Mapping[str, Decimal]
    capital: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DiversifiedBeta(Scheduled):
    """A long core of BTC and ETH, few satellites, and a hedge.

    ``core`` and ``candidates`` are contracts. Weights are multiples of the capital:
    ``capital_usdt``, or what the futures account is worth in USDT now; a contract is
    traded when it is off by more than ``band_share`` of it.
    """

    schedule: str = "every 4h"
    capital_usdt: Decimal | None = decimal(
        None,
        above="0",
        sentence="what the weights are of; unless told, the futures equity",
    )
    core: tuple[str, ...] = texts(
        "XBTUSDTM", "ETHUSDTM", sentence="contracts that are always held"
    )
    candidates: tuple[str, ...] = texts(sentence="contracts that satellites come from")
    max_satellites: int = whole(4, low=0, high=20, sentence="held at once")
    core_share: Decimal = decimal(
        "0.6", above="0", high="1", sentence="of the risk that the core takes"
    )
    max_multiplier: Decimal = decimal(
        "1", above="0", high="10", sentence="of one coin, less with a high beta"
    )
    max_leverage: Decimal = decimal(
        "1.5", above="0", high="10", sentence="of all weights together"
    )
    target_volatility: Decimal = decimal(
        "0.4", above="0", high="5", sentence="of a year, a fraction"
    )
    target_beta: Decimal = decimal(
        "0.6", low="0", high="5", sentence="beyond it the core is sold"
    )
    band_share: Decimal = decimal(
        "0.05", low="0", high="1", sentence="drift that is left, of the capital"
    )
    max_cost_share: Decimal = decimal(
        "0.25", above="0", high="10", sentence="of a day's move that a trade may cost"
    )
    leverage: Decimal = decimal("3", low="1", high="125", sentence="of the contracts")
    half_life_h: Decimal = decimal(
        "96", low="1", high="8760", sentence="after which a return counts half"
    )

    def __post_init__(self) -> None:
        """Refuse parameters that contradict each other."""
        if not self.core or set(self.core) & set(self.candidates):
            raise ValueError("core must name a contract, and candidates none of core.")

    @property
    def limits(self) -> AllocationLimits:
        """What bounds the weights."""
        return AllocationLimits(
            core_share=float(self.core_share),
            asset_max=float(self.max_multiplier),
            leverage_max=float(self.max_leverage),
            volatility=float(self.target_volatility),
            beta=float(self.target_beta),
        )

    @property
    def policy(self) -> HedgePolicy:
        """When a contract is traded."""
        return HedgePolicy(
            band_usdt=ZERO,
            band_share=self.band_share,
            max_cost_share=self.max_cost_share,
        )

    @property
    def model(self) -> BetaModel:
        """How betas are estimated."""
        return BetaModel(half_life_h=float(self.half_life_h))

    @property
    def claims(self) -> frozenset[str]:
        """The whole position of every contract that it may hold."""
        return frozenset({*self.core, *self.candidates})

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Trade every contract outside its band to its target, reductions first."""
        contracts = self._contracts(view)
        targets, capital = self._targets(view, contracts), self._capital(view)
        if targets is None or capital is None:
            return []
        aim = _Aim(weights=targets, capital=capital)
        found = [
            self._towards(view, contract, aim)
            for contract in contracts
            if contract.base in targets
        ]
        orders = [(p, p.intent) for p in found if p is not None]
        down = [p for p, intent in orders if _reduces(intent)]
        return down or [p for p, _ in orders]

    def _capital(self, view: View) -> Decimal | None:
        """What the weights are multiples of; None while the equity is not known."""
        if self.capital_usdt is not None:
            return self.capital_usdt
        behind = backing(view, FUTURES)
        return None if behind is None or behind.equity <= 0 else behind.equity

    def _contracts(self, view: View) -> list[ContractRules]:
        """The rules of every contract that is known, linear and priced now."""
        found = []
        for symbol in (*self.core, *self.candidates):
            contract, mark = view.rules.contracts.get(symbol), view.futures_mark(symbol)
            if contract is not None and not contract.is_inverse and mark:
                found.append(contract)
        return found

    def _targets(
        self, view: View, contracts: Sequence[ContractRules]
    ) -> Mapping[str, Decimal] | None:
        """Coin to its weight, zero of one to be left; None while the core is unknown.

        A coin whose risk is not known has no weight: it is neither bought nor sold.
        """
        base = {contract.symbol: contract.base for contract in contracts}
        if any(symbol not in base for symbol in self.core):
            return None
        core = [base[symbol] for symbol in self.core]
        others = [base[symbol] for symbol in self.candidates if symbol in base]
        closes = {coin: view.returns(coin) for coin in (*core, *others)}
        covariance = estimate_covariance(closes, CovarianceModel())
        betas = estimate_betas(closes, [*core, *others], core[:1], self.model)
        if covariance is None or betas is None:
            return None
        if {*core} & {*covariance.assumed, *betas.assumed}:
            return None
        held = frozenset(
            c.base for c in contracts if view.position(c.symbol) is not None
        )
        ranked = rank_satellites(covariance, betas, core, others, held)
        satellites = ranked[: self.max_satellites]
        weights = allocate(covariance, betas, core, satellites, self.limits)
        known = dict.fromkeys(ranked, 0.0) | dict(weights)
        return {c: Decimal(f"{weight:.{_DIGITS}f}") for c, weight in known.items()}

    # -- what is traded ---------------------------------------------------

    def _towards(
        self, view: View, contract: ContractRules, aim: _Aim
    ) -> Proposal | None:
        """One order towards a target; None inside the band, or while it waits."""
        mark = view.futures_mark(contract.symbol)
        if mark is None or mark <= 0 or not is_free(view, self.name, contract.symbol):
            return None
        held, weight = held_lots(view, contract), aim.weights[contract.base]
        target = weight * aim.capital
        gap = target - contract.value(held, mark)
        is_leaving = not weight and held
        if abs(gap) <= self.policy.band(aim.capital, ZERO) and not is_leaving:
            return None
        steps = (gap / (lot_coins(contract) * mark)).to_integral_value(ROUND_HALF_UP)
        terms = PerpTerms(policy=self.policy, model=self.model, leverage=self.leverage)
        order = perp_order(view, contract, steps * contract.lot_size, terms)
        if order is None:
            return None
        return Proposal(
            owner=self.name,
            intent=order,
            reason=(
                f"{contract.base} is to be {target:.2f} USDT, {weight:.3f} of the "
                f"capital, and is {contract.value(held, mark):.2f}"
            ),
            inputs={
                "held_lots": plain(held),
                **{f"weight {coin}": plain(each) for coin, each in aim.weights.items()},
            },
        )


def _reduces(intent: object) -> bool:
    return isinstance(intent, PlaceOrder) and intent.is_reduction
