"""Funding arbitrage: hold a coin against its perpetual and collect the funding.

Positive funding: buy the coin, short the perpetual. Negative funding: borrow the
coin in cross margin, sell it, buy the perpetual. Which pairs to hold is decided by
``bot.risk.carry_choice`` on a forecast of funding: begun when they earn their way in
and out, left when they cost it, given up for one that pays for the change. A pair is
entered and left in
chunks, least liquid leg first; the second leg follows when the first is known to
be filled, so that at most one chunk of one pair is open on one side by its doing.

It owns every coin of ``coins`` in its ``spot_account`` and the one-way positions of
their USDT perpetuals: no other strategy may trade them (a beta hedge in XBTUSDTM
excludes BTC here, auto-repay needs the coins in its ``skip``). USDT that lies idle in
one of its two accounts goes where a pair lacks it, ``margin_share`` behind each leg
that is owed; with ``moves_usdt = false`` both need USDT of their own. A chunk is cut to
the room that admission has.

Legs that do not cancel are completed while the carry is worth it and nothing was
refused, and unwound by reductions otherwise. A pair of which one leg is halted and
which is whole stays as it is: leaving would make the other leg naked. It never
guesses: without marks, depth, fees or a quoted rate nothing is entered.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

from bot.domain.intents import Intent, PlaceOrder, Proposal, intent_coin
from bot.domain.money import plain
from bot.domain.strategy import Job, View
from bot.risk.carry_pairs import (
    Scan,
    chunk_coins,
    offer_inputs,
    scan_pairs,
)
from bot.risk.carry_parameters import CarryParameters
from bot.risk.own_orders import Resting
from bot.risk.pair_makers import Makers
from bot.risk.pair_money import Growth, PairMoney
from bot.risk.pair_orders import (
    complete_gap,
    enter_leg,
    leave_leg,
    repay_idle,
    sell_idle,
    unwind_gap,
    within_room,
)
from bot.risk.pair_permits import Permits
from bot.risk.pairs import (
    Pair,
    are_quiet,
    contract_symbol,
    pair_inputs,
    read_pair,
    trip_rates,
)

__all__ = ["FundingArbitrage"]

_WATCH: Final = "every 5s"
_GUARD: Final = "guard"
_USDT: Final = "USDT"
_MOVE_PAUSE: Final = timedelta(minutes=15)
"""How long no transfer is tried after one was refused: its gates change slowly."""
_ADL_RANK_MAX: Final = 3
_CHUNK_SLACK: Final = Decimal("1.5")
"""A second leg may have grown with the price by so much since the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingArbitrage(CarryParameters):
    """Coins against their perpetuals, for the funding."""

    follows_facts: ClassVar[bool] = True

    @property
    def jobs(self) -> Sequence[Job]:
        """Its own schedule, and a watch over its legs every five seconds."""
        return (*self.own_jobs(), Job(name=self._watch_name, schedule=_WATCH))

    @property
    def _watch_name(self) -> str:
        return f"{self.name}.watch"

    @property
    def claims(self) -> frozenset[str]:
        """The spot legs in its account and the whole perpetual positions."""
        legs = {f"{coin}-USDT in {self.spot_account}" for coin in self.coins}
        return frozenset(legs | {contract_symbol(coin) for coin in self.coins})

    def decide(self, view: View, due_at: datetime) -> Sequence[Proposal]:
        """Mend what is broken, leave what no longer pays, else begin one chunk."""
        is_watch = view.due_job == self._watch_name
        resting = self._makers(view).resting()
        is_calm = is_watch and not resting
        if is_calm and are_quiet(view, self.coins, self.spot_account):
            return []
        busy = self._busy(view, resting)
        read = (read_pair(view, coin, self.spot_account) for coin in sorted(self.coins))
        pairs = [pair for pair in read if pair is not None]
        scan = scan_pairs(view, pairs, self.limits, self._spare(view))
        proposals: list[Proposal] = []
        is_whole = True
        for pair in pairs:
            if busy & {pair.coin, *pair.symbols}:
                is_whole = False
                continue
            rests = [r for r in resting.values() if r.order.symbol in pair.symbols]
            if rests:
                wanted = self._wait(view, pair, scan, rests[0])
            else:
                wanted = self._tend(view, pair, scan)
            proposals += wanted
            is_whole = is_whole and not (wanted or rests or pair.is_gapped)
        if not is_whole or _USDT in busy:
            return proposals
        return self._refill(view) or self._begin(view, pairs, scan)

    # -- what is there ----------------------------------------------------

    def _makers(self, view: View) -> Makers:
        return Makers(view, self.name, timedelta(seconds=self.maker_s))

    def _busy(self, view: View, resting: Container[str]) -> set[str]:
        """Coins and symbols on which a request of ours or the guard's is under way.

        A first leg that rests is none: it is hedged while it fills.
        """
        flying = (*view.in_flight(self.name), *view.in_flight(_GUARD))
        moving = [each for each in flying if each.intent_id not in resting]
        return {name for each in moving if (name := intent_coin(each.intent))}

    def _wait(
        self, view: View, pair: Pair, scan: Scan, rest: Resting
    ) -> list[Proposal]:
        """While a first leg rests: hedge what has filled, withdraw it in the end."""
        direction = pair.direction or rest.direction
        leaving = self._leaving(view, pair, direction, scan)
        found: list[Proposal] = []
        if pair.is_gapped:
            words = leaving or self._shrinking(pair, scan)
            found = self._mend(view, pair, scan, words)
        names = {intent_coin(each.intent) for each in found}
        if names and rest.order.symbol not in names:
            return found
        target = scan.targets.get((pair.coin, direction))
        is_begun = bool(pair.direction) or (target is not None and target.notional > 0)
        is_unwanted = leaving is not None or scan.is_tight or not is_begun
        is_over = self._makers(view).is_over(rest) or self._permits(view).is_shut(pair)
        is_over = is_over or self._danger(view, pair, direction) is not None
        if names or is_over or (is_unwanted and not rest.intent.is_reduction):
            return [self.propose(rest.cancel, f"{pair.coin} rested", pair=pair.coin)]
        return []

    def _tend(self, view: View, pair: Pair, scan: Scan) -> list[Proposal]:
        """What one existing pair needs now; empty when it is whole and pays."""
        leaving = self._leaving(view, pair, pair.direction, scan)
        if pair.is_gapped:
            words = leaving or self._shrinking(pair, scan)
            return self._mend(view, pair, scan, words)
        if pair.idle_loan > 0:
            return self._use_loan(view, pair, scan)
        if pair.is_flat and pair.balance.liability > 0:
            words = "buys back the rest"
            return self._send(view, pair, unwind_gap(view, pair), words, scan)
        if not pair.hedged or not self._permits(view).may_leave(pair):
            return []
        return self._lessen(view, pair, scan, leaving)

    def _lessen(
        self, view: View, pair: Pair, scan: Scan, leaving: str | None
    ) -> list[Proposal]:
        """A chunk of what is left or given up for another pair, both legs in turn."""
        words = leaving or self._shrinking(pair, scan)
        if words is None:
            return []
        usdt = self.chunk_usdt
        if leaving is None:
            usdt = min(usdt, scan.surplus(pair.coin, pair.direction))
        chunk = chunk_coins(view, pair, usdt)
        spot_first = self._is_spot_first(view, pair, chunk)
        intents = leave_leg(view, pair, chunk, spot_first=spot_first)
        is_danger = self._danger(view, pair, pair.direction) is not None
        if not is_danger and not scan.is_tight:
            intents = self._makers(view).rested(pair, intents)
        return self._send(view, pair, intents, f"leaves: {words}", scan)

    def _shrinking(self, pair: Pair, scan: Scan) -> str | None:
        """Why a pair that stays has become too large; None when it has not."""
        if scan.surplus(pair.coin, pair.direction) < self.least_usdt:
            return None
        return scan.targets[(pair.coin, pair.direction)].words

    def _leaving(
        self, view: View, pair: Pair, direction: int, scan: Scan
    ) -> str | None:
        """Why a pair must not be held that way or completed; None when it may."""
        danger = self._danger(view, pair, direction)
        target = scan.targets.get((pair.coin, direction))
        if danger is None and direction and target is not None and not target.notional:
            return target.words
        return danger

    def _danger(self, view: View, pair: Pair, direction: int) -> str | None:
        """Why a pair is to be left at once; None when it is not."""
        rank = None if pair.position is None else pair.position.adl_rank
        if rank is not None and rank > _ADL_RANK_MAX:
            return f"the deleveraging rank is {rank}"
        lent = view.borrow_rate(pair.coin)
        left = None if lent is None else lent.available
        if direction < 0 and left is not None and left <= 0:
            return "there is nothing left to borrow"
        return None

    def _mend(
        self, view: View, pair: Pair, scan: Scan, leaving: str | None
    ) -> list[Proposal]:
        """Complete a gap once while it is worth it, else unwind it."""
        words = f"legs of {plain(pair.spot_qty)} and {plain(pair.perp_qty)}"
        complete = self._completion(view, pair)
        if leaving is None and self._is_worth_completing(pair):
            found = self._send(view, pair, complete, f"completes {words}", scan)
            if found:
                return found
        unwind = unwind_gap(view, pair)
        if any(view.is_halted(i.symbol) for i in unwind if isinstance(i, PlaceOrder)):
            return self._send(view, pair, complete, f"completes {words}, halted", scan)
        why = leaving or "completing is not possible now"
        return self._send(view, pair, unwind, f"unwinds {words}: {why}", scan)

    def _completion(self, view: View, pair: Pair) -> tuple[Intent, ...]:
        if pair.direction not in self.directions:
            return ()
        most = chunk_coins(view, pair, self.chunk_usdt * _CHUNK_SLACK)
        return complete_gap(view, pair, most, self.leverage)

    def _is_worth_completing(self, pair: Pair) -> bool:
        """Never beyond the size that the pair is meant to have."""
        size = max(abs(pair.spot_qty), abs(pair.perp_qty))
        most = self.notional_usdt * _CHUNK_SLACK
        return pair.mark is not None and size * pair.mark <= most

    def _use_loan(self, view: View, pair: Pair, scan: Scan) -> list[Proposal]:
        """Sell what was borrowed while that is worth it, else repay it."""
        annual = scan.annual(pair.coin, -1, self.hold_h)
        is_worth = annual is not None and annual >= self.min_carry
        is_worth = is_worth and self._leaving(view, pair, -1, scan) is None
        if is_worth and pair.direction <= 0 and self._permits(view).is_free(pair):
            intents = sell_idle(pair, chunk_coins(view, pair, self.chunk_usdt))
            found = self._send(view, pair, intents, "sells what it borrowed", scan)
            if found:
                return found
        return self._send(view, pair, repay_idle(pair), "repays what lies idle", scan)

    # -- what stands behind it --------------------------------------------

    def _money(self, view: View) -> PairMoney | None:
        """The USDT of both accounts; None where it must not be moved now."""
        refused = view.setback(self.name, _USDT)
        rests = refused is not None and view.at - refused.at < _MOVE_PAUSE
        if not self.moves_usdt or rests:
            return None
        floor = self.limits.margin_floor
        account, share = self.spot_account, self.margin_share
        return PairMoney(view=view, account=account, share=share, floor=floor)

    def _spare(self, view: View) -> Decimal:
        money = self._money(view)
        return Decimal(0) if money is None else money.spare(self.spot_account)

    def _refill(self, view: View) -> list[Proposal]:
        """USDT for the account that has too little behind what it holds."""
        money = self._money(view)
        found = None if money is None else money.refill()
        return [] if found is None else [self.propose(*found)]

    def _fill(self, view: View, direction: int, usdt: Decimal) -> list[Proposal]:
        """USDT for the account that lacks it for what is to grow."""
        money = self._money(view)
        growth = Growth(direction, usdt, self.chunk_usdt)
        found = None if money is None else money.fill(growth)
        return [] if found is None else [self.propose(*found)]

    # -- what may begin ---------------------------------------------------

    def _begin(self, view: View, pairs: Sequence[Pair], scan: Scan) -> list[Proposal]:
        """The first leg of one chunk of the pair that pays most for its capital."""
        named = {pair.coin: pair for pair in pairs}
        for (coin, direction), more in scan.growing():
            pair = named[coin]
            is_free = self._permits(view).is_free(pair) and more >= self.least_usdt
            if not is_free or self._leaving(view, pair, direction, scan) is not None:
                continue
            moved = self._fill(view, direction, more)
            if moved:
                return moved
            intents = self._first_leg(view, pair, direction, more)
            words = f"begins: {scan.targets[(coin, direction)].words}"
            found = self._send(view, pair, intents, words, scan)
            if found:
                return found
        return []

    def _first_leg(
        self, view: View, pair: Pair, direction: int, room: Decimal
    ) -> tuple[Intent, ...]:
        """The leg to send first, when both legs could be done as things stand."""
        most = chunk_coins(view, pair, min(self.chunk_usdt, room))
        coins = within_room(view, pair, direction, most, self.leverage)
        legs = enter_leg(view, pair, direction, coins, self.leverage)
        if not all(self._permits(view).may(pair, leg) for leg in legs):
            return ()
        if len(legs) > 1 and not self._is_spot_first(view, pair, coins):
            legs = legs[1:]
        return self._makers(view).rested(pair, legs[:1])

    def _is_spot_first(self, view: View, pair: Pair, coins: Decimal) -> bool:
        """The leg that is dearer to trade goes first; the perpetual on a tie.

        Where the first leg rests it is the one on which that saves more.
        """
        if self.maker_s:
            spot, perp = self._makers(view).rates_saved(pair)
        else:
            spot, perp = trip_rates(view, pair, coins)
        return spot > perp

    # -- what may be sent -------------------------------------------------

    def _permits(self, view: View) -> Permits:
        return Permits(view, self.name, self.pause, self.margin_share)

    def _send(
        self,
        view: View,
        pair: Pair,
        intents: Sequence[Intent],
        words: str,
        scan: Scan,
    ) -> list[Proposal]:
        """The intents as proposals, those that may be done now."""
        sign = pair.direction or (-1 if pair.balance.liability else 1)
        offer = scan.offers.get((pair.coin, sign))
        inputs = {**pair_inputs(view, pair), **offer_inputs(offer, self.hold_h)}
        return [
            Proposal(
                owner=self.name,
                intent=intent,
                reason=f"{pair.coin} {words}",
                pair=pair.coin,
                inputs=inputs,
            )
            for intent in intents
            if self._permits(view).may(pair, intent)
        ]
