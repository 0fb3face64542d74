"""The table of codes against every code that the research lists."""

import re

import pytest

from bot.domain.orders import Outcome
from connectors.kucoin.code_table import CODES
from connectors.kucoin.codes import (
    Fate,
    Verdict,
    classify,
    is_busy,
    is_duplicate,
    is_order_gone,
)


def _codes(text: str) -> list[str]:
    return text.split()


REFUSED = _codes("""
1015 200001 200002 200003 200004 210014 210021 230003 260100 429000
400001 400002 400003 400004 400005 400006 400007
400200 400303 400401 400413 400444 400500 400600 400700 401000 404000 411100 415000
40010 600100 600101 600203 900001 101030 103000
130101 130102 130103 130104 130105 130106 130107 130108
130201 130203 130204 130301 130302 130303 130304 130305 130306 130307 130308 130309
130310 130311 130312 130313 130314 130315 130316 130323
126001 126002 126003 126004 126005 126006 126007 126009 126010 126011 126013 126015
126021 126022 126027 126028 126029 126030 126037 126041 126042 126045 126046 126047
126048
100003 300001 300002 300003 300004 300005 300006 300007 300008 300009 300011 300012
300013 300014 300015 300016 330005 330008 330011 50002
""")
UNKNOWN = _codes("""
126000 126034 126036 126038 126039 130202 135005 135018 230005 300010
400400 400800 408000 500000
""")
DUPLICATE = _codes("126033 126044 300018")
GONE = _codes("100004 126043")
WORDED = _codes("100001 300000 400100")
LISTED = {*REFUSED, *UNKNOWN, *DUPLICATE, *GONE, *WORDED}


def _judge(
    code: str | None,
    message: str = "some words",
    *,
    is_write: bool = True,
    status: int = 200,
    has_data: bool = False,
) -> Verdict:
    return classify(
        method_is_write=is_write,
        http_status=status,
        code=code,
        message=message,
        has_data=has_data,
    )


@pytest.mark.parametrize("code", REFUSED)
def test_a_proven_no_is_a_refusal(code: str) -> None:
    """What the exchange turned away before doing anything is refused, with advice."""
    verdict = _judge(code)
    assert (verdict.fate, verdict.fate.outcome) == (Fate.REFUSED, Outcome.REFUSED)
    assert verdict.advice.endswith(".")


@pytest.mark.parametrize("code", UNKNOWN)
def test_a_failure_inside_leaves_doubt(code: str) -> None:
    """What may have failed after it was done is in doubt, with advice."""
    verdict = _judge(code)
    assert (verdict.fate, verdict.fate.outcome) == (Fate.UNKNOWN, Outcome.IN_DOUBT)
    assert verdict.advice.endswith(".")


@pytest.mark.parametrize("code", DUPLICATE)
def test_a_duplicate_was_accepted_before(code: str) -> None:
    """A repeated client id proves that the order is there: done, and to be adopted."""
    verdict = _judge(code)
    assert (verdict.fate, verdict.fate.outcome) == (Fate.DUPLICATE, Outcome.DONE)
    assert is_duplicate(code, "")


@pytest.mark.parametrize("code", GONE)
def test_an_order_that_is_gone_is_looked_up(code: str) -> None:
    """A cancel of an order that is not open proves nothing about its fills."""
    verdict = _judge(code)
    assert (verdict.fate, verdict.fate.outcome) == (Fate.ORDER_GONE, Outcome.IN_DOUBT)
    assert is_order_gone(code, "")


@pytest.mark.parametrize("code", [*REFUSED, *UNKNOWN, *DUPLICATE, *GONE])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_server_error_proves_nothing(code: str, status: int) -> None:
    """With a 5xx no code proves anything about a write."""
    assert _judge(code, status=status).fate is Fate.UNKNOWN


@pytest.mark.parametrize(
    ("message", "fate"),
    [
        ("account.available.amount", Fate.REFUSED),
        ("Order size below the minimum requirement.", Fate.REFUSED),
        ("pageSize should not greater than 500", Fate.REFUSED),
        ("validation.createOrder.clientOidIsRequired", Fate.REFUSED),
        ("clientOid length exceeds 40", Fate.REFUSED),
        ("validation.createOrder.clientOidDuplicated", Fate.DUPLICATE),
        ("The client order id is duplicated", Fate.DUPLICATE),
        ("clientOid has been used", Fate.DUPLICATE),
        ("Duplicated clientOid", Fate.DUPLICATE),
        ("Duplicate order", Fate.DUPLICATE),
        ("order_not_exist_or_not_allow_to_cancel", Fate.ORDER_GONE),
        ("Order not exist or not allow to be cancelled", Fate.ORDER_GONE),
        ("The order does not exist.", Fate.ORDER_GONE),
        ("error.getOrder.orderNotExist", Fate.ORDER_GONE),
        ("clientOid not exist", Fate.ORDER_GONE),
        ("Order is in not cancelable state", Fate.ORDER_GONE),
        ("", Fate.UNKNOWN),
        ("  ", Fate.UNKNOWN),
        ("clientOid?", Fate.UNKNOWN),
        ("system timeout", Fate.UNKNOWN),
    ],
)
@pytest.mark.parametrize("code", WORDED)
def test_a_parameter_error_is_read_by_its_words(
    code: str, message: str, fate: Fate
) -> None:
    """One code of many meanings: the words decide, and vague words leave doubt."""
    assert _judge(code, message).fate is fate


def test_words_of_a_duplicate_count_for_every_futures_refusal() -> None:
    """Any code of 300xxx with the words of a repeated client id means just that."""
    assert _judge("300000", "clientOid parameter repeated").fate is Fate.DUPLICATE
    assert _judge("300017", "clientOid duplicated").fate is Fate.DUPLICATE


@pytest.mark.parametrize("code", [None, "", "200", "987654", "order", "20000"])
def test_what_is_not_known_leaves_a_write_in_doubt(code: str | None) -> None:
    """A code that is new, or none at all, proves nothing about a write."""
    assert _judge(code).fate is Fate.UNKNOWN


def test_an_unknown_code_refuses_a_read_but_no_code_does_not() -> None:
    """A read may fail on a new code; where nothing was said, it is asked again."""
    assert _judge("987654", is_write=False).fate is Fate.REFUSED
    assert _judge(None, is_write=False).fate is Fate.UNKNOWN


@pytest.mark.parametrize(
    ("status", "has_data", "fate"),
    [
        (200, True, Fate.DONE),
        (201, True, Fate.DONE),
        (200, False, Fate.UNKNOWN),
        (302, True, Fate.UNKNOWN),
        (404, True, Fate.UNKNOWN),
        (503, True, Fate.UNKNOWN),
    ],
)
def test_success_needs_its_status_and_its_data(
    status: int, has_data: bool, fate: Fate
) -> None:
    """200000 is done only with a status of success and with the data that belongs."""
    assert _judge("200000", status=status, has_data=has_data).fate is fate


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429])
def test_the_code_decides_below_500(status: int) -> None:
    """A refusal is the same whatever status of success or of refusal it came with."""
    assert _judge("400007", status=status).fate is Fate.REFUSED


def test_every_code_of_the_table_is_tested_here() -> None:
    """No row is without a test, but those that only others have seen."""
    seen_elsewhere = {"400000", "400008", "400330", "400350", "400370", "400760"}
    assert set(CODES) - LISTED == {*seen_elsewhere, "112010", "330012"}
    assert LISTED - set(CODES) == set()


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_advice_is_one_plain_sentence(code: str) -> None:
    """What a trader reads begins with a capital and ends with a full stop."""
    assert re.fullmatch(r"[A-Z][^\n]*\.", CODES[code][1])


@pytest.mark.parametrize("code", sorted(CODES))
@pytest.mark.parametrize("words", ["some words", "clientOid duplicated", ""])
def test_advice_behind_the_words_changes_nothing(code: str, words: str) -> None:
    """A message is words and advice; what it proves is read from the words."""
    told = f"{words} {_judge(code, words).advice}"
    assert is_duplicate(code, told) is is_duplicate(code, words)
    assert is_order_gone(code, told) is is_order_gone(code, words)


def test_too_many_requests_are_told_from_a_suspension() -> None:
    """200002 has two meanings; only one of them goes away by waiting."""
    assert is_busy("429000", "")
    assert is_busy("1015", "")
    assert is_busy("200002", "")
    assert not is_busy("200002", "Cancellation suspended")
    assert not is_busy("200001", "Order creation suspended")
    assert not is_busy(None, "too many requests")
