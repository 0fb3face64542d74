"""The futures host's positions: what is held, how it is margined, how modes switch.

Reading uses the venue's own formulas; margin moves and leverages go to the venue, and
its refusals come back with KuCoin's codes.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bot.domain.accounts import MarginMode, Position, PositionKey, PositionSide
from bot.domain.instruments import ContractRules
from bot.domain.intents import AdjustMargin
from bot.domain.money import ONE, ZERO, plain
from bot.domain.orders import Outcome
from connectors.kucoin.parse.node import Node
from connectors.venue.futures_margin import withdrawable_margin
from connectors.venue.futures_risk import (
    SideBook,
    book_margin,
    cross_margin,
    imr,
    initial_margin_in_use,
    maximum_size,
    mmr,
    side_books,
    taker_rate,
)
from connectors.venue.server.backend import Backend
from connectors.venue.server.calls import Call, ProblemError
from connectors.venue.server.futures_account_handlers import settle_currencies
from connectors.venue.server.futures_forms import (
    BAD_PARAMETER,
    asked_contract,
    contract_of,
    field,
    positive,
    query,
    query_int,
    refuse,
    span,
)
from connectors.venue.server.futures_position_log import position_log
from connectors.venue.server.futures_settings import FuturesSettings
from connectors.venue.server.words_futures_common import (
    coin_of,
    mode_word,
    scaled,
    text,
    word,
)
from connectors.venue.server.words_futures_positions import (
    PositionSight,
    closed_position,
    flat_position,
    position_v1,
    position_v2,
    sight,
)

__all__ = [
    "batch_margin_mode",
    "batch_order_limits",
    "change_leverage",
    "change_margin_mode",
    "deposit_margin",
    "history_positions",
    "leverage",
    "margin_mode",
    "margin_requirement",
    "max_open_size",
    "max_withdraw_margin",
    "not_served",
    "position",
    "position_mode",
    "position_sight",
    "positions",
    "positions_v2",
    "switch_position_mode",
    "withdraw_margin",
]

_MODES: Final[Mapping[str, MarginMode]] = {
    "CROSS": MarginMode.CROSS,
    "ISOLATED": MarginMode.ISOLATED,
}
_SIDES: Final[Mapping[str, PositionSide]] = {side.name: side for side in PositionSide}
_USUAL_MARGIN: Final = Decimal(10_000)
_MOST_SYMBOLS: Final = 50
_PAGE_MOST: Final = 200


def position_sight(backend: Backend, held: Position) -> PositionSight:
    """An open position with what the venue computes of it."""
    story = backend.part(position_log).story(held)
    at = max(backend.now(), backend.venue.now)
    return sight(backend.venue.futures.state, held, story, at)


def _held(backend: Backend) -> list[Position]:
    """The open positions, oldest contract name first."""
    found = backend.venue.futures.positions
    return [found[key] for key in sorted(found)]


def positions(backend: Backend, call: Call) -> object:
    """``GET /api/v1/positions``, of one settle currency or of all."""
    name = call.query.get("currency", "").strip()
    wanted = {name, coin_of(name)} if name else set(settle_currencies(backend))
    rules = backend.venue.rules.contracts
    return [
        position_v1(position_sight(backend, held))
        for held in _held(backend)
        if rules[held.symbol].settle in wanted
    ]


def position(backend: Backend, call: Call) -> object:
    """``GET /api/v1/position``: one contract, flat or not."""
    rules = asked_contract(backend, call)
    for held in _held(backend):
        if held.symbol == rules.symbol:
            return position_v1(position_sight(backend, held))
    mode = backend.part(FuturesSettings).mode(rules.symbol)
    mark = backend.venue.tape.futures_mark(rules.symbol)
    return flat_position(rules, mode, mark, call.at)


def positions_v2(backend: Backend, call: Call) -> object:
    """``GET /api/v2/position``: a list, because hedge mode has two sides."""
    symbol = asked_contract(backend, call).symbol
    return [
        position_v2(position_sight(backend, held))
        for held in _held(backend)
        if held.symbol == symbol
    ]


def history_positions(backend: Backend, call: Call) -> object:
    """``GET /api/v1/history-positions``: closed ones, newest first."""
    wanted = call.query.get("symbol", "").strip()
    first, last = span(call, "from", "to")
    size = max(1, query_int(call, "limit", 10, _PAGE_MOST))
    page = max(1, query_int(call, "pageId", 1, 1_000_000))
    rules = backend.venue.rules.contracts
    rows = [
        closed_position(rules[story.key.symbol], story, backend.uid)
        for story in reversed(backend.part(position_log).closed)
        if wanted in {"", story.key.symbol}
        and story.closed_at is not None
        and first <= story.closed_at <= last
    ]
    return {
        "currentPage": page,
        "pageSize": size,
        "totalNum": len(rows),
        "totalPage": -(-len(rows) // size),
        "items": rows[(page - 1) * size : page * size],
    }


# -- modes ----------------------------------------------------------------


def margin_mode(backend: Backend, call: Call) -> object:
    """``GET /api/v2/position/getMarginMode``."""
    symbol = asked_contract(backend, call).symbol
    mode = backend.part(FuturesSettings).mode(symbol)
    return {"symbol": symbol, "marginMode": mode_word(mode)}


def change_margin_mode(backend: Backend, call: Call) -> object:
    """``POST /api/v2/position/changeMarginMode``."""
    symbol = contract_of(backend, field(call.body["symbol"].text)).symbol
    mode = field(lambda: call.body["marginMode"].word(_MODES))
    settings = backend.part(FuturesSettings)
    refuse(settings.switch_mode(symbol, mode))
    return {"symbol": symbol, "marginMode": mode_word(mode)}


def batch_margin_mode(backend: Backend, call: Call) -> object:
    """``POST /api/v2/position/batchChangeMarginMode``: each contract by itself."""
    mode = field(lambda: call.body["marginMode"].word(_MODES))
    symbols = [field(node.text) for node in field(lambda: list(_each(call.body)))]
    settings = backend.part(FuturesSettings)
    errors: list[Mapping[str, object]] = []
    for symbol in symbols:
        contract_of(backend, symbol)
        refusal = settings.switch_mode(symbol, mode)
        if refusal is not None:
            errors.append(
                {"code": refusal.code, "msg": refusal.sentence, "symbol": symbol}
            )
    modes = {symbol: mode_word(settings.mode(symbol)) for symbol in symbols}
    return {"marginMode": modes, "errors": errors}


def _each(body: Node) -> list[Node]:
    return list(body["symbols"].each())


def position_mode(backend: Backend, call: Call) -> object:
    """``GET /api/v2/position/getPositionMode``: 0 one-way, 1 hedge."""
    return {"positionMode": int(backend.part(FuturesSettings).is_hedged)}


def switch_position_mode(backend: Backend, call: Call) -> object:
    """``POST /api/v2/position/switchPositionMode``."""
    mode = field(call.body["positionMode"].identity)
    if mode not in {"0", "1"}:
        raise ProblemError(BAD_PARAMETER, "positionMode must be 0 or 1.")
    refuse(backend.part(FuturesSettings).switch_sides(is_hedged=mode == "1"))
    return {"positionMode": int(mode)}


def leverage(backend: Backend, call: Call) -> object:
    """``GET /api/v2/getCrossUserLeverage``."""
    symbol = asked_contract(backend, call).symbol
    set_to = backend.part(FuturesSettings).leverage(symbol)
    return {"symbol": symbol, "leverage": plain(set_to)}


def change_leverage(backend: Backend, call: Call) -> object:
    """``POST /api/v2/changeCrossUserLeverage``."""
    symbol = contract_of(backend, field(call.body["symbol"].text)).symbol
    asked = positive(call.body["leverage"])
    refuse(backend.part(FuturesSettings).set_leverage(symbol, asked))
    return True


# -- sizes ----------------------------------------------------------------


def max_open_size(backend: Backend, call: Call) -> object:
    """``GET /api/v2/getMaxOpenSize``: lots that could be bought or sold now."""
    rules = asked_contract(backend, call)
    price = positive(Node(query(call, "price"), "price"))
    asked = positive(Node(query(call, "leverage"), "leverage"))
    mode = backend.part(FuturesSettings).mode(rules.symbol)
    state = backend.venue.futures.state
    if mode is MarginMode.ISOLATED:
        lot = rules.value(ONE, price) * (ONE / asked + taker_rate(rules))
        lots = int(backend.venue.futures.free_cash(rules.settle) / lot)
        buys = sells = lots
    else:
        key = PositionKey(rules.symbol)
        book = side_books(state, rules.settle).get(key) or SideBook(key=key)
        own = book_margin(state, book) if book.worst else ZERO
        others = initial_margin_in_use(state, rules.settle) - own
        room = max(ZERO, cross_margin(state, rules.settle) - others)
        most = maximum_size(rules, room * asked, price)
        buys = most - book.position - book.buys
        sells = most + book.position - book.sells
    return {
        "symbol": rules.symbol,
        "maxBuyOpenSize": max(0, min(buys, rules.max_order_lots)),
        "maxSellOpenSize": max(0, min(sells, rules.max_order_lots)),
    }


def batch_order_limits(backend: Backend, call: Call) -> object:
    """``GET /api/v2/batchGetCrossOrderLimit``: the curve of up to 50 contracts."""
    symbols = [name for name in query(call, "symbol").split(",") if name]
    if len(symbols) > _MOST_SYMBOLS:
        raise ProblemError(BAD_PARAMETER, f"At most {_MOST_SYMBOLS} symbols.")
    margin = _optional(call, "totalMargin") or _USUAL_MARGIN
    asked = _optional(call, "leverage")
    return [
        _limit(backend, contract_of(backend, symbol), margin, asked)
        for symbol in symbols
    ]


def _optional(call: Call, name: str) -> Decimal | None:
    raw = call.query.get(name, "").strip()
    return positive(Node(raw, name)) if raw else None


def _limit(
    backend: Backend, rules: ContractRules, margin: Decimal, asked: Decimal | None
) -> Mapping[str, object]:
    price = backend.venue.tape.futures_mark(rules.symbol)
    if price is None:
        raise ProblemError("300002", f"{rules.symbol} has no mark price yet.")
    gear = rules.max_leverage if asked is None else asked
    lots = min(maximum_size(rules, margin * gear, price), rules.max_order_lots)
    return {
        "symbol": rules.symbol,
        "maxOpenSize": lots,
        "maxOpenValue": f"{rules.value(Decimal(lots), price):.10f}",
        "totalMargin": plain(margin),
        "price": plain(price),
        "leverage": f"{gear:.2f}",
        "mmr": text(mmr(rules, lots)),
        "imr": text(imr(rules, lots, gear)),
        "currency": word(rules.settle),
    }


def margin_requirement(backend: Backend, call: Call) -> object:
    """``POST /api/v2/getCrossModeMarginRequirement``: the rates for a value."""
    rules = contract_of(backend, field(call.body["symbol"].text))
    worth = positive(call.body["positionValue"])
    gear = rules.max_leverage
    if not call.body["leverage"].is_blank:
        gear = positive(call.body["leverage"])
    price = backend.venue.tape.futures_mark(rules.symbol)
    if price is None:
        raise ProblemError("300002", f"{rules.symbol} has no mark price yet.")
    lots = int(worth / rules.value(ONE, price))
    return {
        "symbol": rules.symbol,
        "imr": text(imr(rules, lots, gear)),
        "mmr": text(mmr(rules, lots)),
        "size": lots,
        "positionValue": plain(worth),
        "price": plain(price),
    }


# -- isolated margin ------------------------------------------------------


def deposit_margin(backend: Backend, call: Call) -> object:
    """``POST /api/v1/position/margin/deposit-margin``: the position after it."""
    amount = positive(call.body["margin"])
    biz_no = field(call.body["bizNo"].text)
    held = _move_margin(backend, call, amount, biz_no)
    row = position_v1(position_sight(backend, held))
    uid = int(backend.uid) if backend.uid.isdecimal() else 0
    return {**row, "userId": uid}


def withdraw_margin(backend: Backend, call: Call) -> object:
    """``POST /api/v1/margin/withdrawMargin``: the margin that was taken back."""
    amount = positive(call.body["withdrawAmount"])
    _move_margin(backend, call, -amount, backend.next_id("withdraw-margin"))
    return plain(amount)


def _move_margin(
    backend: Backend, call: Call, amount: Decimal, request_id: str
) -> Position:
    symbol = contract_of(backend, field(call.body["symbol"].text)).symbol
    side = PositionSide.BOTH
    if not call.body["positionSide"].is_blank:
        side = field(lambda: call.body["positionSide"].word(_SIDES))
    intent = AdjustMargin(symbol=symbol, amount=amount, position_side=side)
    settled = backend.submit(call.at, intent, request_id)
    if settled.outcome is not Outcome.DONE:
        raise ProblemError(settled.code or BAD_PARAMETER, settled.reason or "refused")
    return backend.venue.futures.positions[PositionKey(symbol, side)]


def max_withdraw_margin(backend: Backend, call: Call) -> object:
    """``GET /api/v1/margin/maxWithdrawMargin``: what can be taken back, as a text."""
    symbol = asked_contract(backend, call).symbol
    state = backend.venue.futures.state
    spare = [
        withdrawable_margin(state, held)
        for held in _held(backend)
        if held.symbol == symbol and held.mode is MarginMode.ISOLATED
    ]
    return plain(scaled(max(spare, default=ZERO)))


def not_served(_backend: Backend, call: Call) -> object:
    """Endpoints of KuCoin that this venue has nothing behind.

    Raises:
        ProblemError: Always.
    """
    raise ProblemError(
        BAD_PARAMETER,
        f"{call.path} is not served here: isolated risk limits follow the size of the "
        "position, and margin is never deposited by itself.",
    )
