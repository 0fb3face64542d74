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
excludes BTC here, auto-repay needs the coins in its ``skip``). It moves no money
between accounts: both need USDT of their own, and ``margin_share`` says how much.

Legs that do not cancel are completed while the carry is worth it and nothing was
refused, and unwound by reductions otherwise. A pair of which one leg is halted and
which is whole stays as it is: leaving would make the other leg naked. It never
guesses: without marks, depth, fees or a quoted rate nothing is entered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT, AccountId
from bot.domain.errors import UsageError
from bot.domain.intents import Intent, PlaceOrder, Proposal, intent_coin
from bot.domain.money import plain
from bot.domain.parameters import ParameterTable
from bot.domain.strategy import Job, Strategy, View
from bot.risk.carry_pairs import (
    CarryLimits,
    Scan,
    chunk_coins,
    offer_inputs,
    scan_pairs,
)
from bot.risk.pair_orders import (
    complete_gap,
    enter_leg,
    is_covered,
    is_reduction,
    leave_leg,
    repay_idle,
    sell_idle,
    unwind_gap,
)
from bot.risk.pairs import (
    Pair,
    are_quiet,
    contract_symbol,
    pair_inputs,
    read_pair,
    trip_rates,
)

__all__ = ["FundingArbitrage", "from_mapping"]

_WATCH: Final = "every 5s"
_GUARD: Final = "guard"
_RETRY: Final = timedelta(seconds=4)
"""How long a reduction that was refused or fell short waits for the next attempt."""
_ADL_RANK_MAX: Final = 3
_CHUNK_SLACK: Final = Decimal("1.5")
"""A second leg may have grown with the price by so much since the first."""
_PARAMETERS: Final = (
    *("coins", "spot_account", "allow_long", "allow_short"),
    *("notional_usdt", "total_usdt", "chunk_usdt", "max_pairs"),
    *("hold_h", "min_carry", "margin_share", "margin_floor", "leverage", "pause_s"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingArbitrage:
    """One set of coins under one set of limits.

    ``min_carry`` is a yearly rate on total capital: the notional and the margin
    behind it. ``hold_h`` is the time over which the way in and out is earned back.
    ``margin_floor`` is the share behind the perpetuals under which a chunk is left.
    ``pause`` is how long nothing new is tried after a refusal.
    """

    name: str
    schedule: str
    coins: tuple[str, ...]
    spot_account: AccountId
    directions: tuple[int, ...]
    notional_usdt: Decimal
    total_usdt: Decimal
    chunk_usdt: Decimal
    max_pairs: int
    hold_h: Decimal
    min_carry: Decimal
    margin_share: Decimal
    margin_floor: Decimal
    leverage: Decimal
    pause: timedelta

    @property
    def limits(self) -> CarryLimits:
        """What the user allows, under the same names, for the scan of all coins."""
        names = CarryLimits.__dataclass_fields__
        return CarryLimits(**{name: getattr(self, name) for name in names})

    @property
    def jobs(self) -> Sequence[Job]:
        """Its own schedule, and a watch over its legs every five seconds."""
        watch = Job(name=self._watch_name, schedule=_WATCH)
        return (Job(name=self.name, schedule=self.schedule), watch)

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
        read = (read_pair(view, coin, self.spot_account) for coin in sorted(self.coins))
        pairs = [pair for pair in read if pair is not None]
        scan = scan_pairs(view, pairs, self.limits)
        proposals: list[Proposal] = []
        is_whole = True
        for pair in pairs:
            if busy & {pair.coin, *pair.symbols}:
                is_whole = False
                continue
            wanted = self._tend(view, pair, scan)
            proposals += wanted
            is_whole = is_whole and not wanted and not pair.is_gapped
        return self._begin(view, pairs, scan) if is_whole else proposals

    # -- what is there ----------------------------------------------------

    def _busy(self, view: View) -> set[str]:
        """Coins and symbols on which a request of ours or the guard's is under way."""
        flying = (*view.in_flight(self.name), *view.in_flight(_GUARD))
        return {name for each in flying if (name := intent_coin(each.intent))}

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
        if not pair.hedged or not self._may_leave(view, pair):
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
        return self._send(view, pair, intents, f"leaves: {words}", scan)

    def _shrinking(self, pair: Pair, scan: Scan) -> str | None:
        """Why a pair that stays has become too large; None when it has not."""
        if scan.surplus(pair.coin, pair.direction) < self._least:
            return None
        return scan.targets[(pair.coin, pair.direction)].words

    @property
    def _least(self) -> Decimal:
        """The smallest change in USDT that is worth its orders: half a chunk."""
        return min(self.chunk_usdt, self.notional_usdt) / 2

    def _leaving(
        self, view: View, pair: Pair, direction: int, scan: Scan
    ) -> str | None:
        """Why a pair must not be held that way or completed; None when it may."""
        rank = None if pair.position is None else pair.position.adl_rank
        if rank is not None and rank > _ADL_RANK_MAX:
            return f"the deleveraging rank is {rank}"
        lent = view.borrow_rate(pair.coin)
        left = None if lent is None else lent.available
        if direction < 0 and left is not None and left <= 0:
            return "there is nothing left to borrow"
        target = scan.targets.get((pair.coin, direction))
        if direction and target is not None and not target.notional:
            return target.words
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
        if is_worth and pair.direction <= 0 and self._is_free(view, pair):
            intents = sell_idle(pair, chunk_coins(view, pair, self.chunk_usdt))
            found = self._send(view, pair, intents, "sells what it borrowed", scan)
            if found:
                return found
        return self._send(view, pair, repay_idle(pair), "repays what lies idle", scan)

    # -- what may begin ---------------------------------------------------

    def _begin(self, view: View, pairs: Sequence[Pair], scan: Scan) -> list[Proposal]:
        """The first leg of one chunk of the pair that pays most for its capital."""
        named = {pair.coin: pair for pair in pairs}
        for (coin, direction), more in scan.growing():
            pair = named[coin]
            if self._leaving(view, pair, direction, scan) is not None:
                continue
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
        if not self._is_free(view, pair) or room < self._least:
            return ()
        coins = chunk_coins(view, pair, min(self.chunk_usdt, room))
        legs = enter_leg(view, pair, direction, coins, self.leverage)
        if not all(self._may(view, pair, leg) for leg in legs):
            return ()
        if len(legs) > 1 and not self._is_spot_first(view, pair, coins):
            return legs[1:]
        return legs[:1]

    def _is_spot_first(self, view: View, pair: Pair, coins: Decimal) -> bool:
        """The leg that is dearer to trade goes first; the perpetual on a tie."""
        spot, perp = trip_rates(view, pair, coins)
        return spot > perp

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
            if self._may(view, pair, intent)
        ]


def from_mapping(
    name: str, schedule: str | None, parameters: Mapping[str, object]
) -> Strategy:
    """Read ``[strategy.NAME]`` of kind ``funding_arbitrage``.

    Raises:
        UsageError: A parameter is unknown, out of its range or contradicts another.
    """
    table = ParameterTable(name, parameters)
    table.only(*_PARAMETERS)
    account = table.text("spot_account", SPOT, (SPOT, MARGIN_CROSS))
    coins = table.texts("coins", ())
    where = f"[strategy.{name}]"
    if not coins or "USDT" in coins:
        raise UsageError(f"{where} coins must name at least one coin other than USDT.")
    in_margin = account == MARGIN_CROSS
    allowed = {
        1: table.flag("allow_long", default=True),
        -1: table.flag("allow_short", default=in_margin),
    }
    if allowed[-1] and not in_margin:
        raise UsageError(
            f"{where} allow_short needs spot_account = 'margin_cross', was {account!r}."
        )
    if not any(allowed.values()):
        raise UsageError(f"{where} allow_long and allow_short must not both be false.")
    share = table.decimal("margin_share", "0.5", above="0", high="5")
    leverage = table.decimal("leverage", "3", low="1", high="125")
    if share * leverage < 1:
        raise UsageError(
            f"{where} leverage must be at least 1 / margin_share, was {leverage}."
        )
    notional = table.decimal("notional_usdt", "1000", above="0")
    pairs_max = table.whole("max_pairs", 3, low=1, high=100)
    return FundingArbitrage(
        name=name,
        schedule=schedule or "every 60s",
        coins=coins,
        spot_account=AccountId(account),
        directions=tuple(sign for sign, is_on in allowed.items() if is_on),
        notional_usdt=notional,
        total_usdt=table.decimal("total_usdt", str(notional * pairs_max), above="0"),
        chunk_usdt=table.decimal("chunk_usdt", "500", above="0"),
        max_pairs=pairs_max,
        hold_h=table.decimal("hold_h", "720", low="1", high="8760"),
        min_carry=table.decimal("min_carry", "0.01", low="0", high="10"),
        margin_share=share,
        margin_floor=table.decimal(
            "margin_floor", str(share * 2 / 3), low="0", high="5"
        ),
        leverage=leverage,
        pause=timedelta(seconds=table.whole("pause_s", 60, low=5, high=86_400)),
    )
