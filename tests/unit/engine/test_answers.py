"""What a strategy may answer: the first wrong field is a sentence, all of it waits."""

from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from bot.domain.accounts import FUTURES, MARGIN_CROSS, SPOT, MarginMode, PositionSide
from bot.domain.fence import Fault, fenced
from bot.domain.intents import Borrow, Intent, PlaceOrder, Proposal, Transfer
from bot.domain.orders import OrderType, Side, TimeInForce
from bot.engine.answers import MOST_PROPOSALS, read_answer

BUY = PlaceOrder(account=SPOT, symbol="BTC-USDT", side=Side.BUY, qty=Decimal("0.1"))
FULL = PlaceOrder(
    account=FUTURES,
    symbol="XBTUSDTM",
    side=Side.SELL,
    qty=Decimal(3),
    type=OrderType.LIMIT,
    price=Decimal(50000),
    time_in_force=TimeInForce.IOC,
    post_only=True,
    reduce_only=True,
    margin_mode=MarginMode.ISOLATED,
    position_side=PositionSide.LONG,
    leverage=Decimal(3),
)
LOAN = Borrow(account=MARGIN_CROSS, coin="USDT", amount=Decimal(7))
ASKED = Proposal(owner="mine", intent=BUY, reason="cheap")


def wrong(answer: object) -> str:
    """What is said of an answer; empty where it may be used."""
    found = read_answer("mine", answer)
    return found.sentence if isinstance(found, Fault) else ""


def order(**fields: Any) -> list[Proposal]:
    """An answer of one order that differs from a sound one in a field."""
    return [replace(ASKED, intent=replace(BUY, **fields))]


def proposal(**fields: Any) -> list[Proposal]:
    """An answer of one proposal that differs from a sound one in a field."""
    return [replace(ASKED, **fields)]


def test_a_sound_answer_is_taken_as_it_is() -> None:
    """Any number of proposals, from a list, a tuple or a generator."""
    both = [ASKED, replace(ASKED, intent=FULL, pair="BTC", inputs={"a": "1"})]
    assert read_answer("mine", both) == tuple(both)
    assert read_answer("mine", iter(both)) == tuple(both)
    assert read_answer("mine", []) == ()


def test_later_changes_of_its_own_inputs_do_not_reach_us() -> None:
    """The inputs are copied when the answer is read."""
    inputs = {"spread": "0.1"}
    found = read_answer("mine", proposal(inputs=MappingProxyType(inputs)))
    inputs["spread"] = "9"
    assert isinstance(found, tuple)
    assert found[0].inputs == {"spread": "0.1"}


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"qty": 0.001}, "qty", "0.001"),
        ({"qty": 1}, "qty", "1"),
        ({"qty": None}, "qty", "None"),
        ({"qty": Decimal("NaN")}, "qty", "Decimal('NaN')"),
        ({"qty": Decimal("Infinity")}, "qty", "Decimal('Infinity')"),
        ({"qty": Decimal("1e999999")}, "qty", "Decimal('1E+999999')"),
        ({"qty": Decimal("0e999999")}, "qty", "Decimal('0E+999999')"),
        ({"price": Decimal("1e-999999")}, "price", "Decimal('1E-999999')"),
        ({"price": "50000"}, "price", "'50000'"),
        ({"leverage": 3}, "leverage", "3"),
        ({"side": "buy"}, "side", "'buy'"),
        ({"type": "limit"}, "type", "'limit'"),
        ({"margin_mode": None}, "margin_mode", "None"),
        ({"reduce_only": 1}, "reduce_only", "1"),
        ({"symbol": None}, "symbol", "None"),
        ({"symbol": "\ud800"}, "symbol", "'\\ud800'"),
        ({"account": 7}, "account", "7"),
    ],
)
def test_a_wrong_field_of_an_order_is_named_with_its_value(
    fields: dict[str, object], field: str, value: str
) -> None:
    """``returned a PlaceOrder whose qty is 0.001; it must be a finite Decimal ...``."""
    said = wrong(order(**fields))
    assert said.startswith(
        f"returned a PlaceOrder whose {field} is {value}; it must be"
    )


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"reason": 7}, "reason", "7"),
        ({"reason": "x" * 3000}, "reason", "'xxx"),
        ({"reason": "half \udc00"}, "reason", "'half \\udc00'"),
        ({"pair": 3}, "pair", "3"),
        ({"inputs": {"a": 1}}, "inputs", "{'a': 1}"),
        ({"inputs": {1: "a"}}, "inputs", "{1: 'a'}"),
        ({"inputs": ["a"]}, "inputs", "['a']"),
        ({"inputs": None}, "inputs", "None"),
        ({"owner": "guard"}, "owner", "'guard'"),
        ({"intent": None}, "intent", "None"),
        ({"intent": "buy"}, "intent", "'buy'"),
    ],
)
def test_a_wrong_field_of_a_proposal_is_named_with_its_value(
    fields: dict[str, object], field: str, value: str
) -> None:
    """The reason and the inputs are texts, for the journal; the owner is its own."""
    assert wrong(proposal(**fields)).startswith(
        f"returned a proposal whose {field} is {value}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Own(PlaceOrder):
    """An order of a sort of its author's, which the journal could not write."""


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "returned None; decide must return a list of proposals"),
        (3, "returned 3; decide must return a list of proposals"),
        ("buy", "returned 'buy'; decide must return a list of proposals"),
        ({}, "returned {}; decide must return a list of proposals"),
        (ASKED, "returned Proposal(owner='mine'"),
        (["buy"], "returned 'buy' in its list; each must be a proposal"),
        ([BUY], "returned PlaceOrder(account='spot'"),
        (
            proposal(
                intent=Own(account=SPOT, symbol="B", side=Side.BUY, qty=Decimal(1))
            ),
            "returned a proposal whose intent is Own(account='spot'",
        ),
        ([ASKED, *order(qty=2.5)], "returned a PlaceOrder whose qty is 2.5"),
        (
            [ASKED] * (MOST_PROPOSALS + 1),
            "returned more than 300 proposals at once",
        ),
        (iter(lambda: ASKED, None), "returned more than 300 proposals at once"),
    ],
)
def test_what_is_no_list_of_proposals_says_what_it_is(
    answer: object, said: str
) -> None:
    """Nothing, a text, one proposal alone, an endless answer."""
    assert wrong(answer).startswith(said)


@pytest.mark.parametrize(
    "intent",
    [
        replace(LOAN, allow_partial="yes"),  # type: ignore[arg-type]  # it is wrong
        replace(LOAN, amount=0.5),  # type: ignore[arg-type]  # it is wrong
        Transfer(source=SPOT, target=FUTURES, coin=None, amount=Decimal(1)),  # type: ignore[arg-type]  # it is wrong
    ],
)
def test_loans_and_transfers_are_tested_too(intent: Intent) -> None:
    """As every sort of intent is."""
    assert wrong(proposal(intent=intent)).startswith(
        f"returned a {type(intent).__name__} whose "
    )


class Mute(Exception):  # noqa: N818 - as its author named it
    """An error that cannot even say what it is."""

    def __str__(self) -> str:
        """Raise, too."""
        raise self


class Leaves(BaseException):
    """An error outside the family of errors."""


def _raiser(error: BaseException) -> Any:
    def raising() -> None:
        raise error

    return raising


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Mute(), "Mute: <exception str() failed>"),
        (ValueError("\ud800"), "ValueError: \\ud800"),
        (GeneratorExit(), "GeneratorExit"),
        (Leaves("now"), "Leaves: now"),
    ],
)
def test_nothing_that_foreign_code_raises_passes_the_fence(
    error: BaseException, said: str
) -> None:
    """Not an error without words, nor one whose words cannot be written."""
    found = fenced(_raiser(error))
    assert isinstance(found, Fault)
    assert found.sentence.startswith(f"raised {said}")
    assert found.sentence.encode()


def test_an_interrupt_of_the_process_passes() -> None:
    """Ctrl-C is a person's word, not the strategy's."""
    with pytest.raises(KeyboardInterrupt):
        fenced(_raiser(KeyboardInterrupt()))
