"""Notices of the exchange: shown where they name what is held, and never more."""

from collections.abc import Mapping
from datetime import UTC, datetime

from bot.domain.errors import UnreachableError
from connectors.kucoin.answers import Answer, Urgency
from connectors.kucoin.checks import CheckState
from connectors.kucoin.notices import notice_checks
from connectors.kucoin.parse.node import Node

NOW = datetime(2025, 10, 1, tzinfo=UTC)


def notice(title: str, day: int = 1) -> dict[str, object]:
    """One notice in the exchange's form."""
    at = datetime(2025, 9, day, tzinfo=UTC)
    return {
        "annId": 129045,
        "annTitle": title,
        "annType": ["delistings"],
        "annDesc": "ABC is named in the text only.",
        "cTime": int(at.timestamp() * 1000),
        "language": "en_US",
        "annUrl": "https://www.kucoin.com/announcement/en-1",
    }


class Board:
    """Answers with a page of notices for each kind; a kind may be unreachable."""

    def __init__(self, **pages: list[dict[str, object]]) -> None:
        self.pages = pages
        self.asked: list[Mapping[str, str]] = []

    async def read(
        self,
        endpoint: str,
        params: Mapping[str, str] | None = None,
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Node:
        """A page of the kind that is asked for."""
        asked = dict(params or {})
        self.asked.append(asked)
        kind = asked["annType"].partition("-")[0]
        if kind not in self.pages:
            raise UnreachableError("no answer")
        page = {"totalNum": 1, "totalPage": 1, "items": self.pages[kind]}
        return Node({"code": "200000", "data": page}, endpoint)

    async def write(
        self,
        endpoint: str,
        params: Mapping[str, object],
        *,
        urgency: Urgency = Urgency.ROUTINE,
    ) -> Answer:
        """Nothing that reads notices writes."""
        raise AssertionError(endpoint)


async def test_a_notice_that_names_what_is_held_is_shown_as_it_is() -> None:
    """Title, day and link, with the setting that the time belongs into."""
    told = notice("KuCoin Will Delist the ABC (ABC) Project")
    board = Board(delistings=[told, notice("ABCD Delisted")], maintenance=[])
    (check,) = await notice_checks(board, {"ABC", "USDT", "BTC"}, NOW)

    assert check.state is CheckState.WARN
    assert check.name == "notice of ABC"
    assert check.sentence == (
        "2025-09-01: 'KuCoin Will Delist the ABC (ABC) Project', "
        "https://www.kucoin.com/announcement/en-1 "
        "(shown as it is, not read for its meaning)."
    )
    assert "guard.delistings" in check.advice
    assert [each["annType"] for each in board.asked] == [
        "delistings",
        "maintenance-updates",
    ]


async def test_usdt_and_the_text_of_a_notice_are_no_reason_to_show_it() -> None:
    """Every second notice names USDT; only a title's own words count."""
    board = Board(delistings=[notice("USDT pairs change")], maintenance=[notice("X")])

    assert await notice_checks(board, {"USDT", "ABC"}, NOW) == ()


async def test_what_cannot_be_read_is_a_sentence_and_stops_nothing() -> None:
    """One kind fails, the other is shown all the same."""
    board = Board(maintenance=[notice("XBTUSDTM upgrade")])
    first, second = await notice_checks(board, {"XBTUSDTM"}, NOW)

    assert "could not be read: no answer" in first.sentence
    assert first.state is CheckState.WARN
    assert second.name == "notice of XBTUSDTM"
    assert "guard.blackouts" in second.advice


async def test_no_more_than_ten_are_shown() -> None:
    """A flood of notices leaves the doctor readable."""
    many = [notice(f"ABC {n}") for n in range(40)]
    board = Board(delistings=many, maintenance=[])

    assert len(await notice_checks(board, {"ABC"}, NOW)) == 10
