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

from bot.domain.errors import UsageError
from bot.domain.instruments import ContractRules
from bot.domain.intents import PlaceOrder, Proposal
from bot.domain.money import ZERO, plain
from bot.domain.parameters import ParameterTable
from bot.domain.strategy import Job, Strategy, View
from bot.risk.allocation import AllocationLimits, allocate, rank_satellites
from bot.risk.betas import BetaModel, estimate_betas
from bot.risk.covariance import CovarianceModel, estimate_covariance
from bot.risk.hedging import HedgePolicy
from bot.risk.perp_orders import PerpTerms, held_lots, is_free, perp_order
from bot.risk.sizing import lot_coins

__all__ = ["DiversifiedBeta", "from_mapping"]

_DIGITS: Final = 6
_PARAMETERS: Final = (
    *("capital_usdt", "core", "candidates", "max_satellites", "core_share"),
    *("max_multiplier", "max_leverage", "target_volatility", "target_beta"),
    *("band_share", "max_cost_share", "leverage", "half_life_h"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiversifiedBeta:
    """What may be held, within which limits, and how far it may drift.

    ``core`` and ``candidates`` are contracts. Weights are multiples of
    ``capital_usdt``; a contract is traded when it is off by more than ``band_share`` of
    the capital.
    """

    name: str
    schedule: str
    capital_usdt: Decimal
    core: tuple[str, ...]
    candidates: tuple[str, ...]
    max_satellites: int
    limits: AllocationLimits
    policy: HedgePolicy
    leverage: Decimal
    covariance: CovarianceModel
    model: BetaModel

    @property
    def jobs(self) -> Sequence[Job]:
        """Its one schedule."""
        return (Job(name=self.name, schedule=self.schedule),)

    @property
    def claims(self) -> frozenset[str]:
        """The whole position of every contract that it may hold."""
        return frozenset({*self.core, *self.candidates})

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Trade every contract outside its band to its target, reductions first."""
        contracts = self._contracts(view)
        targets = self._targets(view, contracts)
        if targets is None:
            return []
        found = [
            self._towards(view, contract, targets[contract.base], targets)
            for contract in contracts
            if contract.base in targets
        ]
        orders = [(p, p.intent) for p in found if p is not None]
        down = [p for p, intent in orders if _reduces(intent)]
        return down or [p for p, _ in orders]

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
        covariance = estimate_covariance(closes, self.covariance)
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
        self,
        view: View,
        contract: ContractRules,
        weight: Decimal,
        weights: Mapping[str, Decimal],
    ) -> Proposal | None:
        """One order towards a target; None inside the band, or while it waits."""
        mark = view.futures_mark(contract.symbol)
        if mark is None or mark <= 0 or not is_free(view, self.name, contract.symbol):
            return None
        held = held_lots(view, contract)
        target = weight * self.capital_usdt
        gap = target - contract.value(held, mark)
        is_leaving = not weight and held
        if abs(gap) <= self.policy.band(self.capital_usdt, ZERO) and not is_leaving:
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
                **{f"weight {coin}": plain(each) for coin, each in weights.items()},
            },
        )


def _reduces(intent: object) -> bool:
    return isinstance(intent, PlaceOrder) and intent.is_reduction


def from_mapping(
    name: str, schedule: str | None, parameters: Mapping[str, object]
) -> Strategy:
    """Read ``[strategy.NAME]`` of kind ``diversified_beta``.

    Raises:
        UsageError: A parameter is unknown, missing or out of its range.
    """
    table = ParameterTable(name, parameters)
    table.only(*_PARAMETERS)
    core = table.texts("core", ("XBTUSDTM", "ETHUSDTM"))
    candidates = table.texts("candidates", ())
    if not core or set(core) & set(candidates):
        raise UsageError(
            f"[strategy.{name}] core must name a contract, and candidates none of core."
        )
    return DiversifiedBeta(
        name=name,
        schedule=schedule or "every 4h",
        capital_usdt=table.decimal("capital_usdt", "0", above="0"),
        core=core,
        candidates=candidates,
        max_satellites=table.whole("max_satellites", 4, low=0, high=20),
        limits=AllocationLimits(
            core_share=float(table.decimal("core_share", "0.6", above="0", high="1")),
            asset_max=float(table.decimal("max_multiplier", "1", above="0", high="10")),
            leverage_max=float(
                table.decimal("max_leverage", "1.5", above="0", high="10")
            ),
            volatility=float(
                table.decimal("target_volatility", "0.4", above="0", high="5")
            ),
            beta=float(table.decimal("target_beta", "0.6", low="0", high="5")),
        ),
        policy=HedgePolicy(
            band_usdt=ZERO,
            band_share=table.decimal("band_share", "0.05", low="0", high="1"),
            max_cost_share=table.decimal(
                "max_cost_share", "0.25", above="0", high="10"
            ),
        ),
        leverage=table.decimal("leverage", "3", low="1", high="125"),
        covariance=CovarianceModel(),
        model=BetaModel(
            half_life_h=float(table.decimal("half_life_h", "96", low="1", high="8760"))
        ),
    )
