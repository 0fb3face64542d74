"""What the user of funding arbitrage sets, each with its range and its sentence.

Checked when the settings are read; parameters that contradict each other are refused
together. What is done with them is the strategy's part.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from bot.domain.accounts import MARGIN_CROSS, SPOT, AccountId
from bot.domain.parameters import decimal, flag, text, texts, whole
from bot.domain.scheduled import Scheduled
from bot.risk.carry_pairs import CarryLimits

__all__ = ["CarryParameters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryParameters(Scheduled):
    """How much, where, in which chunks, and what is worth it.

    ``min_carry`` is a yearly rate on total capital: the notional and the margin
    behind it. ``hold_h`` is the time over which the way in and out is earned back.
    ``margin_floor`` is the share behind the perpetuals under which USDT is fetched, or
    a chunk left where there is none; nought keeps no floor.
    ``maker_s`` is how long the first leg of a chunk rests at its own side of the book.
    ``pause_s`` is how long nothing new is tried after a refusal.
    """

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
    total_usdt: Decimal | None = decimal(
        None, above="0", sentence="of all pairs; unless told, max_pairs such pairs"
    )
    max_pairs: int = whole(3, low=1, high=100, sentence="held at once")
    hold_h: Decimal = decimal(
        "720", low="1", high="8760", sentence="in which the way in and out is earned"
    )
    min_carry: Decimal = decimal(
        "0.01", low="0", high="10", sentence="a year, on notional and margin"
    )
    margin_share: Decimal = decimal(
        "0.5", above="0", high="5", sentence="margin behind each USDT of notional"
    )
    margin_floor: Decimal | None = decimal(
        None,
        low="0",
        high="5",
        sentence="less of it frees a chunk; unless told, two thirds of margin_share",
    )
    leverage: Decimal = decimal("3", low="1", high="125", sentence="of the perpetual")
    pause_s: int = whole(60, low=5, high=86_400, sentence="of rest after a refusal")
    maker_s: int = whole(
        300,
        low=0,
        high=3600,
        sentence="in which a first leg may rest as a maker; 0 takes at once",
    )
    moves_usdt: bool = flag(
        default=True, sentence="between its two accounts, as its pairs need it"
    )

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
    def limits(self) -> CarryLimits:
        """What the user allows, for the scan of all coins."""
        total, floor = self.total_usdt, self.margin_floor
        return CarryLimits(
            directions=self.directions,
            notional_usdt=self.notional_usdt,
            total_usdt=self.notional_usdt * self.max_pairs if total is None else total,
            chunk_usdt=self.chunk_usdt,
            max_pairs=self.max_pairs,
            hold_h=self.hold_h,
            min_carry=self.min_carry,
            margin_share=self.margin_share,
            margin_floor=self.margin_share * 2 / 3 if floor is None else floor,
        )

    @property
    def least_usdt(self) -> Decimal:
        """The smallest change in USDT that is worth its orders: half a chunk."""
        return min(self.chunk_usdt, self.notional_usdt) / 2

    @property
    def pause(self) -> timedelta:
        """How long nothing new is tried after a refusal."""
        return timedelta(seconds=self.pause_s)
