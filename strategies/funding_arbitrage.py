"""Funding arbitrage: hold a coin against its perpetual and collect the funding.

Positive funding: buy the coin, short the perpetual. Negative funding: borrow the
coin in cross margin, sell it, buy the perpetual. A pair is entered and left in
chunks, least liquid leg first; the second leg follows when the first is known to
be filled, so that at most one chunk of one pair is open on one side by its doing.

It owns every coin of ``coins`` in its ``spot_account`` and the one-way positions of
their USDT perpetuals: nothing of another purpose may be there, and no other strategy
may trade them (a beta hedge in XBTUSDTM excludes BTC here, auto-repay needs the coins
in its ``skip``). Both accounts need USDT of their own; a chunk is cut to their room.

Legs that do not cancel are completed while the carry is worth it and nothing was
refused, and unwound by reductions otherwise. A pair of which one leg is halted and
which is whole stays as it is: leaving would make the other leg naked. It never
guesses: without marks, depth, fees or a quoted rate nothing is entered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT, AccountId
from bot.domain.intents import Intent, PlaceOrder, Proposal, intent_coin
from bot.domain.money import ZERO, plain
from bot.domain.parameters import decimal, flag, text, texts, whole
from bot.domain.scheduled import Scheduled
from bot.domain.strategy import Job, View
from bot.risk.carry import Carry, CarryTerms, expected_carry
from bot.risk.funding import clamp_rate
from bot.risk.pair_orders import (
    complete_gap,
    enter_leg,
    is_covered,
    is_reduction,
    leave_leg,
    repay_idle,
    sell_idle,
    unwind_gap,
    within_room,
)
from bot.risk.pairs import (
    Pair,
    are_quiet,
    contract_symbol,
    pair_inputs,
    read_pair,
    trip_rates,
)
from bot.risk.sizing import depth_cap

__all__ = ["FundingArbitrage"]

_WATCH: Final = "every 5s"
_GUARD: Final = "guard"
_RETRY: Final = timedelta(seconds=4)
"""How long a reduction that was refused or fell short waits for the next attempt."""
_ADL_RANK_MAX: Final = 3
_CHUNK_SLACK: Final = Decimal("1.5")
"""A second leg may have grown with the price by so much since the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingArbitrage(Scheduled):
    """Coins against their perpetuals, for the funding.

    ``min_carry`` is a yearly rate on total capital: the notional and the margin
    behind it. ``hold_h`` is the time over which the way in and out is earned back.
    ``pause_s`` is how long nothing new is tried after a refusal.
    """

    follows_facts: ClassVar[bool] = True
    coins: tuple[str, ...] = texts(sentence="whose funding is collected")
    spot_account: AccountId = text(
        "spot", choices=(SPOT, MARGIN_CROSS), sentence="where the coins are held"
    )
    allow_long: bool = flag(default=True, sentence="coin bought, perpetual short")
    allow_short: bool | None = flag(
        default=None, sentence="coin borrowed and sold; unless told, in margin_cross"
    )
    notional_usdt: Decimal = decimal("1000", above="0", sentence="of each pair")
    chunk_usdt: Decimal = decimal(
        "500", above="0", sentence="at most this much uncovered by its own doing"
    )
    max_pairs: int = whole(3, low=1, high=100, sentence="held at once")
    hold_h: Decimal = decimal(
        "168", low="1", high="8760", sentence="in which the way in and out is earned"
    )
    min_carry: Decimal = decimal(
        "0.05", low="0", high="10", sentence="a year, on notional and margin"
    )
    margin_share: Decimal = decimal(
        "0.5", above="0", high="5", sentence="margin behind each USDT of notional"
    )
    leverage: Decimal = decimal("3", low="1", high="125", sentence="of the perpetual")
    pause_s: int = whole(60, low=5, high=86_400, sentence="of rest after a refusal")

    def __post_init__(self) -> None:
        """Refuse parameters that contradict each other."""
        if not self.coins or "USDT" in self.coins:
            raise ValueError("coins must name at least one coin other than USDT.")
        if self.allow_short and self.spot_account != MARGIN_CROSS:
            raise ValueError(
                "allow_short needs spot_account = 'margin_cross', was "
                f"{self.spot_account!r}."
            )
        if not self.directions:
            raise ValueError("allow_long and allow_short must not both be false.")
        if self.margin_share * self.leverage < 1:
            raise ValueError(
                f"leverage must be at least 1 / margin_share, was {self.leverage}."
            )

    @property
    def directions(self) -> tuple[int, ...]:
        """The signs of the spot leg that it may take."""
        in_margin = self.spot_account == MARGIN_CROSS
        allows_short = in_margin if self.allow_short is None else self.allow_short
        chosen = ((1, self.allow_long), (-1, allows_short))
        return tuple(sign for sign, is_allowed in chosen if is_allowed)

    @property
    def pause(self) -> timedelta:
        """How long nothing new is tried after a refusal."""
        return timedelta(seconds=self.pause_s)

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
        if is_watch and are_quiet(view, self.coins, self.spot_account):
            return []
        busy = self._busy(view)
        proposals: list[Proposal] = []
        pairs: list[Pair] = []
        is_whole = True
        for coin in sorted(self.coins):
            pair = read_pair(view, coin, self.spot_account)
            if pair is None:
                continue
            pairs.append(pair)
            if busy & {pair.coin, *pair.symbols}:
                is_whole = False
                continue
            found = self._tend(view, pair)
            proposals += found
            is_whole = is_whole and not found and not pair.is_gapped
        return self._begin(view, pairs) if is_whole else proposals

    # -- what is there ----------------------------------------------------

    def _busy(self, view: View) -> set[str]:
        """Coins and symbols on which a request of ours or the guard's is under way."""
        flying = (*view.in_flight(self.name), *view.in_flight(_GUARD))
        return {name for each in flying if (name := intent_coin(each.intent))}

    def _tend(self, view: View, pair: Pair) -> list[Proposal]:
        """What one existing pair needs now; empty when it is whole and pays."""
        leaving = self._leaving(view, pair, pair.direction)
        if pair.is_gapped:
            return self._mend(view, pair, leaving)
        if pair.idle_loan > 0:
            return self._use_loan(view, pair)
        if pair.is_flat and pair.balance.liability > 0:
            return self._send(view, pair, unwind_gap(view, pair), "buys back the rest")
        if leaving is None or not pair.hedged or not self._may_leave(view, pair):
            return []
        chunk = self._chunk(view, pair, self.chunk_usdt)
        spot_first = self._is_spot_first(view, pair, chunk)
        intents = leave_leg(view, pair, chunk, spot_first=spot_first)
        return self._send(view, pair, intents, f"leaves: {leaving}")

    def _leaving(self, view: View, pair: Pair, direction: int) -> str | None:
        """Why a pair must not be held that way or completed; None when it may."""
        rank = None if pair.position is None else pair.position.adl_rank
        if rank is not None and rank > _ADL_RANK_MAX:
            return f"the deleveraging rank is {rank}"
        lent = view.borrow_rate(pair.coin)
        left = None if lent is None else lent.available
        if direction < 0 and left is not None and left <= 0:
            return "there is nothing left to borrow"
        carry = self._carry(view, pair, direction) if direction else None
        if carry is not None and carry.running < 0:
            return (
                f"{plain(self.hold_h)} hours would earn {carry.income:.6f} and cost "
                f"{carry.interest:.6f} of interest"
            )
        return None

    def _mend(self, view: View, pair: Pair, leaving: str | None) -> list[Proposal]:
        """Complete a gap once while it is worth it, else unwind it."""
        words = f"legs of {plain(pair.spot_qty)} and {plain(pair.perp_qty)}"
        complete = self._completion(view, pair)
        if leaving is None and self._is_worth_completing(pair):
            found = self._send(view, pair, complete, f"completes {words}")
            if found:
                return found
        unwind = unwind_gap(view, pair)
        if any(view.is_halted(i.symbol) for i in unwind if isinstance(i, PlaceOrder)):
            return self._send(view, pair, complete, f"completes {words}, halted")
        why = leaving or "completing is not possible now"
        return self._send(view, pair, unwind, f"unwinds {words}: {why}")

    def _completion(self, view: View, pair: Pair) -> tuple[Intent, ...]:
        if pair.direction not in self.directions:
            return ()
        most = self._chunk(view, pair, self.chunk_usdt * _CHUNK_SLACK)
        return complete_gap(view, pair, most, self.leverage)

    def _is_worth_completing(self, pair: Pair) -> bool:
        """Never beyond the size that the pair is meant to have."""
        size = max(abs(pair.spot_qty), abs(pair.perp_qty))
        most = self.notional_usdt * _CHUNK_SLACK
        return pair.mark is not None and size * pair.mark <= most

    def _use_loan(self, view: View, pair: Pair) -> list[Proposal]:
        """Sell what was borrowed while that is worth it, else repay it."""
        carry = self._carry(view, pair, -1)
        is_worth = carry is not None and carry.annual >= self.min_carry
        is_worth = is_worth and self._leaving(view, pair, -1) is None
        if is_worth and pair.direction <= 0 and self._is_free(view, pair):
            intents = sell_idle(pair, self._chunk(view, pair, self.chunk_usdt))
            found = self._send(view, pair, intents, "sells what it borrowed")
            if found:
                return found
        return self._send(view, pair, repay_idle(pair), "repays what lies idle")

    # -- what may begin ---------------------------------------------------

    def _begin(self, view: View, pairs: Sequence[Pair]) -> list[Proposal]:
        """The first leg of one chunk of the pair with the best carry."""
        for carry, direction, pair in self._ranked(view, pairs):
            intents = self._first_leg(view, pair, direction)
            words = f"begins: {carry.annual:.4f} a year expected on total capital"
            found = self._send(view, pair, intents, words)
            if found:
                return found
        return []

    def _ranked(
        self, view: View, pairs: Sequence[Pair]
    ) -> list[tuple[Carry, int, Pair]]:
        """What may grow and pays enough, the best carry first; ties by name."""
        held = sum(not pair.is_flat for pair in pairs)
        found: list[tuple[Carry, int, Pair]] = []
        for pair in pairs:
            if self._room(pair) <= 0 or (pair.is_flat and held >= self.max_pairs):
                continue
            for direction in self.directions:
                if pair.direction == -direction:
                    continue
                carry = self._carry(view, pair, direction)
                if carry is None or carry.annual < self.min_carry:
                    continue
                if self._leaving(view, pair, direction) is None:
                    found.append((carry, direction, pair))
        return sorted(found, key=lambda each: (-each[0].annual, each[2].coin))

    def _first_leg(self, view: View, pair: Pair, direction: int) -> tuple[Intent, ...]:
        """The leg to send first, when both legs could be done as things stand."""
        if not self._is_free(view, pair):
            return ()
        most = self._chunk(view, pair, min(self.chunk_usdt, self._room(pair)))
        coins = within_room(view, pair, direction, most, self.leverage)
        legs = enter_leg(view, pair, direction, coins, self.leverage)
        if not all(self._may(view, pair, leg) for leg in legs):
            return ()
        if len(legs) > 1 and not self._is_spot_first(view, pair, coins):
            return legs[1:]
        return legs[:1]

    def _room(self, pair: Pair) -> Decimal:
        """USDT that the pair may still grow by; zero for less than half a chunk."""
        if pair.mark is None:
            return ZERO
        left = self.notional_usdt - pair.hedged * pair.mark
        least = min(self.chunk_usdt, self.notional_usdt) / 2
        return left if left >= least else ZERO

    def _chunk(self, view: View, pair: Pair, usdt: Decimal) -> Decimal:
        """So many USDT in coins, cut to what both books take; zero without a mark."""
        if pair.mark is None or pair.mark <= 0:
            return ZERO
        coins = usdt / pair.mark
        return min(depth_cap(view.liquidity(each), coins) for each in pair.symbols)

    def _is_spot_first(self, view: View, pair: Pair, coins: Decimal) -> bool:
        """The leg that is dearer to trade goes first; the perpetual on a tie."""
        spot, perp = trip_rates(view, pair, coins)
        return spot > perp

    def _carry(self, view: View, pair: Pair, direction: int) -> Carry | None:
        """The expected carry of one more chunk; None when anything is unknown."""
        quote = view.funding(pair.contract.symbol)
        lent = view.borrow_rate(pair.coin)
        if quote is None or quote.settlement_at <= view.at or pair.mark is None:
            return None
        if direction < 0 and lent is None:
            return None
        coins = self._chunk(view, pair, self.chunk_usdt)
        return expected_carry(
            CarryTerms(
                direction=direction,
                at=view.at,
                funding_rate=clamp_rate(quote.funding_rate, pair.contract),
                settlement_at=quote.settlement_at,
                funding_interval_h=quote.funding_interval_h,
                hold_h=self.hold_h,
                round_trip=2 * sum(trip_rates(view, pair, coins), ZERO),
                borrow_annual=ZERO if direction > 0 or not lent else lent.annual_rate,
                margin_share=self.margin_share,
            )
        )

    # -- what may be sent -------------------------------------------------

    def _is_shut(self, view: View, pair: Pair) -> bool:
        return any(view.is_halted(symbol) for symbol in pair.symbols)

    def _may_leave(self, view: View, pair: Pair) -> bool:
        """Whether both legs can be traded; after a short fill depth comes first."""
        return not self._is_shut(view, pair) and not any(
            self._is_set_back(view, name) for name in pair.symbols
        )

    def _is_free(self, view: View, pair: Pair) -> bool:
        """Whether nothing on either leg is halted, in doubt, unknown or set back."""
        names = ((pair.account, pair.coin), (pair.account, pair.spot.symbol))
        frozen = (*names, (FUTURES, pair.contract.symbol))
        if self._is_shut(view, pair) or any(view.is_frozen(*each) for each in frozen):
            return False
        if pair.mark is None or pair.futures_mark is None:
            return False
        return not any(
            self._is_set_back(view, name) for name in (pair.coin, *pair.symbols)
        )

    def _is_set_back(self, view: View, name: str) -> bool:
        """Whether a request on a name was refused or fell short a short time ago."""
        setback = view.setback(self.name, name)
        return setback is not None and view.at - setback.at < self.pause

    def _may(self, view: View, pair: Pair, intent: Intent) -> bool:
        """Whether an intent can be done as things stand, as far as the view shows."""
        name = intent_coin(intent) or pair.coin
        if is_reduction(intent):
            setback = view.setback(self.name, name)
            is_early = setback is not None and view.at - setback.at < _RETRY
            was_same = setback is not None and is_reduction(setback.intent)
            return not view.is_halted(name) and not (is_early and was_same)
        symbol = intent.symbol if isinstance(intent, PlaceOrder) else pair.spot.symbol
        is_open = not view.is_halted(symbol) and not self._is_set_back(view, name)
        return is_open and is_covered(view, pair, intent, self.margin_share)

    def _send(
        self, view: View, pair: Pair, intents: Sequence[Intent], words: str
    ) -> list[Proposal]:
        """The intents as proposals, those that may be done now."""
        inputs = pair_inputs(view, pair)
        return [
            Proposal(
                owner=self.name,
                intent=intent,
                reason=f"{pair.coin} {words}",
                pair=pair.coin,
                inputs=inputs,
            )
            for intent in intents
            if self._may(view, pair, intent)
        ]
