"""Which row of the loan histories is a request of ours whose answer has not come.

A loan has no id of ours. Until its answer or a look-up names its number, its row would
be booked as nobody's: after a lost answer, and by the first look after a kill. A row
is ours when it was not there before the request left and asks for the same. Pure state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from bot.domain.accounts import AccountId, isolated_pair
from bot.domain.entries import Noted
from bot.domain.events import Cause
from bot.domain.intents import Approved, Borrow, Repay
from connectors.kucoin.parse.loans import LoanRecord
from connectors.kucoin.pre_images import PreImage

__all__ = ["LoanClaims", "is_ours"]

_CLOCK_SLACK: Final = timedelta(seconds=30)
_CAUSES: Final = {Cause.BORROW: Borrow, Cause.REPAY: Repay}


def is_ours(record: LoanRecord, image: PreImage, intent: Borrow | Repay) -> bool:
    """Whether a row is the outcome of a request, by what was there before it."""
    return (
        record.order_no not in image.seen
        and record.at >= image.at - _CLOCK_SLACK
        and record.requested == intent.amount
        and record.coin == intent.coin
        and record.pair in {isolated_pair(intent.account), None}
    )


@dataclass(slots=True)
class LoanClaims:
    """The loan requests whose number is not known yet."""

    _open: dict[str, tuple[Borrow | Repay, PreImage]] = field(default_factory=dict)

    def expect(self, approved: Approved, image: PreImage) -> None:
        """A request is about to leave; others than of loans are not kept."""
        if isinstance(approved.intent, Borrow | Repay):
            self._open[approved.intent_id] = (approved.intent, image)

    def recover(self, left: Iterable[Approved], notes: Mapping[str, Noted]) -> None:
        """Take over the requests that an earlier process left open.

        Raises:
            UsageError: A note cannot be read.
        """
        for approved in left:
            if approved.intent_id in notes:
                self.expect(approved, PreImage.of(notes[approved.intent_id]))

    def drop(self, intent_id: str) -> None:
        """The fate of a request is proven."""
        self._open.pop(intent_id, None)

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
            >>> claims = LoanClaims()
            >>> claims.expect(asked, PreImage(at=at))
            >>> claims.claim(Cause.REPAY, MARGIN_CROSS, row)
            'g1-i0000001'
            >>> claims.claim(Cause.BORROW, MARGIN_CROSS, row) is None
            True
        """
        found = [
            intent_id
            for intent_id, (intent, image) in self._open.items()
            if isinstance(intent, _CAUSES[cause])
            and intent.account == account
            and is_ours(row, image, intent)
        ]
        return found[0] if len(found) == 1 else None
