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
futures margin cannot carry whole is opened as far as it can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MAIN, AccountId
from bot.domain.errors import UsageError
from bot.domain.instruments import ContractRules
from bot.domain.intents import Proposal
from bot.domain.money import ZERO, plain
from bot.domain.parameters import ParameterTable
from bot.domain.strategy import Job, Strategy, View
from bot.risk.betas import BetaModel, Betas, estimate_betas
from bot.risk.exposures import position_base_qty
from bot.risk.hedging import BetaExposure, HedgePolicy, beta_exposure
from bot.risk.perp_orders import PerpTerms, held_lots, is_free, perp_order
from bot.risk.sizing import lot_coins

__all__ = ["BetaHedge", "from_mapping"]

_DUST_USDT: Final = Decimal(1)
"""What is worth less is not held for any purpose of a hedge."""
_PARAMETERS: Final = (
    *("accounts", "hedge_symbol", "more_hedges", "band_usdt", "band_share"),
    *("band_errors", "max_cost_share", "half_life_h", "min_hours", "leverage"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Why:
    """Why a hedge is traded, and the numbers behind it."""

    reason: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaHedge:
    """What is hedged, with what, and how far it may drift.

    ``accounts`` empty means all but main. ``more_hedges`` are contracts beside
    ``hedge_symbol``; each coin then has a beta to each. The band is the policy's.
    """

    name: str
    schedule: str
    accounts: tuple[AccountId, ...]
    hedge_symbol: str
    more_hedges: tuple[str, ...]
    policy: HedgePolicy
    leverage: Decimal
    model: BetaModel

    @property
    def jobs(self) -> Sequence[Job]:
        """Its one schedule."""
        return (Job(name=self.name, schedule=self.schedule),)

    @property
    def claims(self) -> frozenset[str]:
        """The whole position of each hedge."""
        return frozenset(self._symbols)

    @property
    def _symbols(self) -> tuple[str, ...]:
        return (self.hedge_symbol, *self.more_hedges)

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Trade each hedge back to the middle when it is worth it."""
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


def from_mapping(
    name: str, schedule: str | None, parameters: Mapping[str, object]
) -> Strategy:
    """Read ``[strategy.NAME]`` of kind ``beta_hedge``.

    Raises:
        UsageError: A parameter is unknown or out of its range.
    """
    table = ParameterTable(name, parameters)
    table.only(*_PARAMETERS)
    accounts = table.texts("accounts", ())
    if MAIN in accounts:
        raise UsageError(
            f"[strategy.{name}] accounts must not name main: it is the reserve."
        )
    first, more = table.text("hedge_symbol", "XBTUSDTM"), table.texts("more_hedges", ())
    if first in more:
        raise UsageError(
            f"[strategy.{name}] more_hedges must not name {first}: it is hedge_symbol."
        )
    half_life = table.decimal("half_life_h", "96", low="1", high="8760")
    return BetaHedge(
        name=name,
        schedule=schedule or "every 15m",
        accounts=tuple(AccountId(each) for each in accounts),
        hedge_symbol=first,
        more_hedges=more,
        policy=HedgePolicy(
            band_usdt=table.decimal("band_usdt", "100", low="0"),
            band_share=table.decimal("band_share", "0.05", low="0", high="1"),
            band_errors=table.decimal("band_errors", "0", low="0", high="3"),
            max_cost_share=table.decimal(
                "max_cost_share", "0.25", above="0", high="10"
            ),
        ),
        leverage=table.decimal("leverage", "3", low="1", high="125"),
        model=BetaModel(
            half_life_h=float(half_life),
            min_hours=table.whole("min_hours", 48, low=24, high=2160),
        ),
    )
