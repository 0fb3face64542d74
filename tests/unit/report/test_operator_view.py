"""The account and an operator's answer, as people and machines read them."""

import io

from rich.console import Console, RenderableType

from bot.report.operator_view import done_table


def drawn(view: RenderableType, width: int = 80) -> str:
    """What stands on a terminal."""
    console = Console(file=io.StringIO(), width=width)
    console.print(view)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def row(number: int, **more: str) -> dict[str, str]:
    """One request of an answer."""
    return {
        "id": f"g1-i{number:07}",
        "what": f"repay {number} USDT in margin_cross",
        "state": "done",
        "done": str(number),
        "reason": "",
        **more,
    }


def test_nothing_to_do_is_a_sentence() -> None:
    """Not an empty table."""
    assert drawn(done_table({"requests": []})).strip() == "There is nothing to do."


def test_a_reason_has_a_column_only_where_there_is_one() -> None:
    """Room is for numbers."""
    assert "reason" not in drawn(done_table({"requests": [row(1)]}))
    text = drawn(done_table({"requests": [row(1), row(2, reason="Too little.")]}))
    assert "reason" in text
    assert "Too little." in text


def test_a_long_answer_says_what_it_leaves_out() -> None:
    """The newest are shown, and where the others are."""
    text = drawn(done_table({"requests": [row(n) for n in range(1, 31)]}))
    assert "6 earlier requests: `gnomon journal intents` shows them." in text
    assert "g1-i0000030" in text
    assert "g1-i0000006" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_dry_run_says_how_the_distance_changes() -> None:
    """And that nothing was sent; a refusal says why instead."""
    measured = {
        "margin_cross distance before": "0.31256",
        "margin_cross distance after": "0.21249",
        "futures:USDT distance before": "0.5",
        "futures:USDT distance after": "0.5",
    }
    asked = {"what": "borrow", "state": "approved", "reason": "", "measured": measured}
    no = {"what": "move", "state": "refused", "reason": "no mark", "measured": {}}
    answer = {"do": "borrow", "dry_run": True, "requests": [asked, no]}
    text = drawn(done_table(answer), 120).replace("\xa0", " ")
    assert "cross margin liquidated at 31.25 % -> 21.24 %" in text
    assert "futures" not in text
    assert "no mark" in text
    assert "Nothing was sent." in text
