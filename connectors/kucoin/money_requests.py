"""The requests that move money and whose fate is open, with what was before each.

Their pre-images are kept here, those of an earlier process included: the look-ups
compare with them, and they tell which row of the loan histories is a request of ours.
A loan has no id of ours: until its answer or a look-up names its number, its row would
be booked as nobody's, after a lost answer and by the first look after a kill. Pure
state; nothing here asks or sends.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.accounts import AccountId, isolated_pair
from bot.domain.entries import Noted
from bot.domain.events import Cause
from bot.domain.intents import Approved, Borrow, Repay
from connectors.kucoin.parse.loans import LoanRecord
from connectors.kucoin.pre_images import PreImage

__all__ = ["MoneyRequests", "is_ours"]

_CAUSES: Final = {Cause.BORROW: Borrow, Cause.REPAY: Repay}


def is_ours(record: LoanRecord, image: PreImage, intent: Borrow | Repay) -> bool:
    """Whether a row is the outcome of a request, by what was there before it."""
    return (
        image.is_new(record.order_no, record.at)
        and record.requested == intent.amount
        and record.coin == intent.coin
        and record.pair in {isolated_pair(intent.account), None}
    )


@dataclass(slots=True)
class MoneyRequests:
    """Requests and pre-images, by our id."""

    _open: dict[str, tuple[Approved, PreImage]] = field(default_factory=dict)

    def keep(self, approved: Approved, image: PreImage) -> None:
        """A request is about to leave."""
        self._open[approved.intent_id] = (approved, image)

    def recover(self, left: Iterable[Approved], notes: Mapping[str, Noted]) -> None:
        """Take over the requests that an earlier process left open.

        Raises:
            UsageError: A note cannot be read.
        """
        for approved in left:
            if approved.intent_id in notes:
                self.keep(approved, PreImage.of(notes[approved.intent_id]))

    def drop(self, intent_id: str) -> None:
        """The fate of a request is proven."""
        self._open.pop(intent_id, None)

    def image_of(self, intent_id: str) -> PreImage | None:
        """What was before a request; None when it never left."""
        found = self._open.get(intent_id)
        return None if found is None else found[1]

    def claim(self, cause: Cause, account: AccountId, row: LoanRecord) -> str | None:
        """The one request that a row belongs to; None for a foreign or unclear one.

        Example:
            >>> from datetime import UTC, datetime
            >>> from decimal import Decimal
            >>> from bot.domain.accounts import MARGIN_CROSS
            >>> from bot.domain.orders import Outcome
            >>> at = datetime(2026, 1, 1, tzinfo=UTC)
            >>> intent = Repay(account=MARGIN_CROSS, coin="USDT", amount=Decimal(5))
            >>> asked = Approved(
            ...     intent_id="g1-i0000001", owner="guard", intent=intent, reason="")
            >>> row = LoanRecord(order_no="7", coin="USDT", pair=None,
            ...     requested=Decimal(5), done_amount=Decimal(5), principal=Decimal(5),
            ...     interest=Decimal(0), outcome=Outcome.DONE, at=at)
            >>> requests = MoneyRequests()
            >>> requests.keep(asked, PreImage(at=at))
            >>> requests.claim(Cause.REPAY, MARGIN_CROSS, row)
            'g1-i0000001'
            >>> requests.claim(Cause.BORROW, MARGIN_CROSS, row) is None
            True
        """
        found = [
            approved.intent_id
            for approved, image in self._open.values()
            if isinstance(intent := approved.intent, Borrow | Repay)
            and isinstance(intent, _CAUSES[cause])
            and intent.account == account
            and is_ours(row, image, intent)
        ]
        return found[0] if len(found) == 1 else None
