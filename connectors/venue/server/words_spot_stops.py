"""KuCoin's document of a stop order: twenty decimals, a status, no fills.

Pure: a stop of the register in, a document out.
"""

from decimal import Decimal

from bot.domain.instruments import Rules
from bot.domain.orders import Side
from connectors.venue.server.stops import StopOrder
from connectors.venue.server.words_spot_basic import ms, ns, trade_type

__all__ = ["stop_words"]


def _twenty(number: Decimal | None) -> str | None:
    """A number with twenty decimals; null where there is none.

    Example:
        >>> _twenty(Decimal("0.5")), _twenty(None)
        ('0.50000000000000000000', None)
    """
    return None if number is None else f"{number:.20f}"


def stop_words(stop: StopOrder, rules: Rules, uid: str) -> dict[str, object]:
    """One stop, waiting (``NEW``) or gone off (``TRIGGERED``)."""
    form = stop.form
    maker, taker = rules.spot_fee_rates[form.symbol]
    triggered = stop.triggered_at
    return {
        "id": stop.stop_id,
        "symbol": form.symbol,
        "userId": uid,
        "status": "NEW" if triggered is None else "TRIGGERED",
        "type": str(form.type),
        "side": str(Side(form.side)),
        "price": _twenty(form.price),
        "size": _twenty(form.size),
        "funds": _twenty(form.funds),
        "stp": form.note.stp,
        "timeInForce": str(form.time_in_force).upper(),
        "cancelAfter": -1,
        "postOnly": form.post_only,
        "hidden": False,
        "iceberg": False,
        "visibleSize": None,
        "channel": "API",
        "clientOid": stop.client_id,
        "remark": form.note.remark,
        "tags": form.note.tags,
        "relatedNo": None,
        "orderTime": ns(stop.created_at),
        "domainId": "kucoin",
        "tradeSource": "USER",
        "tradeType": trade_type(stop.account),
        "feeCurrency": form.symbol.partition("-")[2],
        "takerFeeRate": _twenty(taker),
        "makerFeeRate": _twenty(maker),
        "createdAt": ms(stop.created_at),
        "stop": stop.kind,
        "stopTriggerTime": None if triggered is None else ms(triggered),
        "stopPrice": _twenty(stop.stop_price),
        "limitPrice": None,
        "pop": None,
        "activateCondition": None,
    }
