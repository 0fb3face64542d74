"""Beta hedge: one perpetual against what all holdings have in common.

The net beta exposure is the value of every coin held, owed or traded in the chosen
accounts, each times its estimated beta to the hedge's coin. Outside the band the
hedge is traded back to the middle, when the trade costs little beside a day's move.
No ratio is ever typed in: betas come from hourly closes (``bot/risk/betas.py``).

The whole one-way position of ``hedge_symbol`` is the hedge: nobody else may trade
it. A coin whose beta, mark or contract is unknown makes the exposure unknown:
nothing is added then. Where nothing is held any more, the hedge is closed. A hedge
that the free futures margin cannot carry whole is opened as far as it can.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import ClassVar, Final

from bot.domain.accounts import FUTURES, MAIN, AccountId, MarginMode
from bot.domain.instruments import ContractRules
from bot.domain.intents import PlaceOrder, Proposal, intent_coin
from bot.domain.money import ZERO, plain
from bot.domain.orders import Side
from bot.domain.parameters import decimal, text, texts, whole
from bot.domain.room import Legs, RoomAsked
from bot.domain.scheduled import Scheduled
from bot.domain.strategy import View
from bot.risk.betas import BetaModel, estimate_beta, hourly_volatility
from bot.risk.exposures import position_base_qty
from bot.risk.pairs import contract_symbol
from bot.risk.sizing import depth_cap, fill_rate, lot_coins

__all__ = ["BetaHedge"]

_GUARD: Final = "guard"
_DUST_USDT: Final = Decimal(1)
"""What is worth less is not held for any purpose of a hedge."""
_HOURS_A_DAY: Final = Decimal(24)
_PAUSE: Final = timedelta(seconds=60)
"""How long the hedge rests after an order was refused or fell short."""
_LEAST_PART: Final = Decimal("0.1")
"""A part of the wanted order that is smaller is not worth an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exposure:
    """What is held, in USDT; ``net`` is beta-weighted and None when unknown."""

    net: Decimal | None
    gross: Decimal
    is_held: bool
    betas: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaHedge(Scheduled):
    """One perpetual against what all holdings have in common.

    ``accounts`` empty means all but main. The band is the larger of ``band_usdt``
    and ``band_share`` of the gross value. A trade must not cost more than
    ``max_cost_share`` of the hedge coin's daily volatility, both as fractions.
    """

    schedule: str = "every 15m"
    follows_facts: ClassVar[bool] = True
    accounts: tuple[AccountId, ...] = texts(sentence="what is hedged; none named: all")
    hedge_symbol: str = text("XBTUSDTM", sentence="the contract, wholly its own")
    band_usdt: Decimal = decimal("100", low="0", sentence="drift that is left, in USDT")
    band_share: Decimal = decimal(
        "0.05", low="0", high="1", sentence="or this share of what is held"
    )
    max_cost_share: Decimal = decimal(
        "0.25", above="0", high="10", sentence="of a day's move that a trade may cost"
    )
    half_life_h: Decimal = decimal(
        "240", low="1", high="8760", sentence="after which a return counts half"
    )
    min_hours: int = whole(168, low=24, high=2160, sentence="of history for a beta")
    leverage: Decimal = decimal("3", low="1", high="125", sentence="of the hedge")

    def __post_init__(self) -> None:
        """Refuse the reserve as an account to hedge."""
        if MAIN in self.accounts:
            raise ValueError("accounts must not name main: it is the reserve.")

    @property
    def model(self) -> BetaModel:
        """How betas are estimated."""
        half_life_h = float(self.half_life_h)
        return BetaModel(half_life_h=half_life_h, min_hours=self.min_hours)

    @property
    def claims(self) -> frozenset[str]:
        """The whole position of its hedge."""
        return frozenset({self.hedge_symbol})

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Trade the hedge back to the middle when it is worth it."""
        contract = view.rules.contracts.get(self.hedge_symbol)
        if contract is None or contract.is_inverse or not self._is_free(view):
            return []
        exposure = self._exposure(view, contract)
        position = view.position(contract.symbol)
        held = Decimal(0 if position is None else position.lots)
        if not exposure.is_held:
            return self._trade(view, contract, -held, exposure)
        mark = view.futures_mark(contract.symbol)
        if exposure.net is None or mark is None or mark <= 0:
            return []
        hedge = contract.value(held, mark)
        net = exposure.net + hedge
        band = max(self.band_usdt, self.band_share * exposure.gross)
        lot_usdt = lot_coins(contract) * mark
        if abs(net) <= max(band, lot_usdt):
            return []
        steps = (-net / lot_usdt).to_integral_value(ROUND_HALF_UP)
        return self._trade(view, contract, steps * contract.lot_size, exposure, net)

    def _is_free(self, view: View) -> bool:
        """Whether nothing on the hedge is halted, in doubt or under way."""
        symbol = self.hedge_symbol
        flying = (*view.in_flight(self.name), *view.in_flight(_GUARD))
        if symbol in {intent_coin(each.intent) for each in flying}:
            return False
        setback = view.setback(self.name, symbol)
        is_resting = setback is not None and view.at - setback.at < _PAUSE
        return not is_resting and not view.is_halted(symbol)

    # -- what is held -----------------------------------------------------

    def _exposure(self, view: View, contract: ContractRules) -> _Exposure:
        """The beta-weighted value of everything but the hedge itself."""
        values = self._values(view)
        net: Decimal | None = ZERO
        gross = ZERO
        betas: dict[str, str] = {}
        for coin, value in sorted(values.items()):
            beta = self._beta(view, coin, contract.base)
            if value is None or beta is None:
                net = None
                continue
            betas[f"beta {coin}"] = plain(beta)
            gross += abs(value)
            net = None if net is None else net + beta * value
        return _Exposure(net=net, gross=gross, is_held=bool(values), betas=betas)

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
            if position.symbol == self.hedge_symbol:
                continue
            contract = view.rules.contracts.get(position.symbol)
            mark = view.futures_mark(position.symbol)
            if contract is None or mark is None:
                parts.append((position.symbol, None))
                continue
            qty = position_base_qty(contract, position, mark)
            parts.append((contract.base, None if qty is None else qty * mark))
        return parts

    def _beta(self, view: View, coin: str, reference: str) -> Decimal | None:
        if coin == reference:
            return Decimal(1)
        found = estimate_beta(view.returns(coin), view.returns(reference), self.model)
        return None if found is None else found.value

    # -- what is traded ---------------------------------------------------

    def _trade(
        self,
        view: View,
        contract: ContractRules,
        lots: Decimal,
        exposure: _Exposure,
        net: Decimal = ZERO,
    ) -> list[Proposal]:
        """One order: first down to flat, then, at the next asking, beyond."""
        position = view.position(contract.symbol)
        held = Decimal(0 if position is None else position.lots)
        reduces = held * lots < 0
        if reduces:
            lots = max(lots, -held) if lots < 0 else min(lots, -held)
        lots = self._capped(view, contract, lots)
        if not lots or not (reduces or self._is_worth(view, contract, lots)):
            return []
        order = PlaceOrder(
            account=FUTURES,
            symbol=contract.symbol,
            side=Side.BUY if lots > 0 else Side.SELL,
            qty=abs(lots),
            reduce_only=reduces,
            is_reduction=reduces,
            margin_mode=MarginMode.CROSS if position is None else position.mode,
            leverage=min(self.leverage, contract.max_leverage),
        )
        if not reduces:
            carried = min(view.affordable_lots(order), _room(view, contract, order))
            if carried < order.qty * _LEAST_PART:
                return []
            order = replace(order, qty=carried)
        reason = (
            f"net beta exposure is {net:.2f} USDT of {exposure.gross:.2f} gross"
            if exposure.is_held
            else "nothing is held any more that the hedge is for"
        )
        inputs = {"net_usdt": plain(net), "gross_usdt": plain(exposure.gross)}
        return [
            Proposal(
                owner=self.name,
                intent=order,
                reason=reason,
                inputs={**inputs, "held_lots": plain(held), **exposure.betas},
            )
        ]

    def _capped(self, view: View, contract: ContractRules, lots: Decimal) -> Decimal:
        """Signed lots cut to what the depth gives one order; one step at least."""
        coins = abs(lots) * contract.multiplier
        cap = depth_cap(view.liquidity(contract.symbol), coins)
        step = Decimal(contract.lot_size)
        most = (cap / contract.multiplier // step) * step
        size = min(abs(lots), max(most, step), Decimal(contract.max_order_lots))
        return size.copy_sign(lots)

    def _is_worth(self, view: View, contract: ContractRules, lots: Decimal) -> bool:
        """Whether new hedge costs little beside a day's move; unknown is no."""
        symbol = contract.symbol
        fees = view.fee_rates(symbol)
        depth = fill_rate(view.liquidity(symbol), lots * contract.multiplier)
        hourly = hourly_volatility(view.returns(contract.base), self.model.min_hours)
        if fees is None or depth is None or hourly is None:
            return False
        if view.is_frozen(FUTURES, symbol):
            return False
        daily = hourly * _HOURS_A_DAY.sqrt()
        return fees[1] + depth <= self.max_cost_share * daily


def _room(view: View, contract: ContractRules, order: PlaceOrder) -> Decimal:
    """The lots that admission has room for, at most the order's own."""
    mark = view.futures_mark(contract.symbol)
    if mark is None or contract.symbol != contract_symbol(contract.base):
        return order.qty
    room = view.room(
        RoomAsked(
            coin=contract.base,
            direction=order.side.sign,
            account=FUTURES,
            legs=Legs.PERP,
            leverage=order.leverage,
            most_usdt=contract.value(order.qty, mark),
        )
    )
    return order.qty if room is None else min(room.perp_lots, order.qty)
