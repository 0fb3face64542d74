"""KuCoin's answer codes, what each proves about a write, and what to do about it.

Data only; ``codes.py`` reads it. A row is one or more codes, what they prove, and
advice. ``no``: the exchange has proved that nothing was done. ``duplicate``: the
same request was accepted before. ``gone``: the order is not there or can no longer
be cancelled. ``unknown``: the words leave open what happened.

Source: KuCoin's error pages, and texts that others have reported.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["CODES"]

_TEXT: Final = """
1015   no  The address of this machine is blocked for a while; send less, then wait.
429000 no  Too many requests, or the exchange is overloaded; wait, then ask again.
200002 no  Too many requests, or cancelling is suspended for the pair; wait 10 s.

400001 no  The request lacked a header of its signature; report this as a bug.
400002 no  The clock is more than 5 s off; set the time of this machine.
400003 no  The API key is unknown or has expired; make a new one.
400004 no  The passphrase does not belong to the API key; check the settings.
400005 no  The secret does not belong to the API key; check the settings.
400006 no  The address of this machine is not on the key's list; add it.
400007 no  The API key lacks a permission; give it the one that is missing.
400008 no  The version of the API key is not supported; make a new key.
400401 no  The exchange sees no valid login; check the API key.
400303 no  The account needs an identity check; do it at the exchange.
126005,126047,126048 no  The account needs an identity check; do it at the exchange.
400500,40010,130315,126021,126037,126045,126046 no  The exchange does not serve this from your country or region.
400700,126002,400444,130302 no  The exchange has restricted the account; ask its support.
411100 no  The exchange has frozen the account; ask its support at once.
112010 no  The account is not a unified one; check the account mode.

130201,101030,130306 no  Margin trading is not open or is restricted; open it at the exchange.
130307,130323 no  The margin agreement must be signed; do it at the exchange.
126001 no  The account is not set up for high-frequency trading; ask support.
130202 unknown The margin account is busy: renewing, liquidating or still lending; look, then try again.
130203 no  Too little balance, or over the most that can be borrowed; read the account anew.
103000,210014 no  Over the most that can be borrowed; borrow less.
130204 no  The exchange lends no more of this coin for now; try in some minutes.
130316 no  A loan and a transfer cannot run at once; try again after the first.
130308 no  The margin account is frozen while a loan is renewed; wait.
130309 no  The margin account is being liquidated; nothing can be ordered.
130310 no  The margin account is in an abnormal state; look at it at the exchange.
130303 no  The pair has no isolated margin; change the settings.
130305 no  The pair has no cross margin; change the settings.
130304 no  Margin trading of the pair is off; leave the pair out.
130311 no  The limit on buying is reached; order less.
130312,130313,130314 no  The exchange's limit on positions is reached; open nothing.
130101,130102,130103,130104,130105,130106,130107,130108 no  The lending request was refused; read the message.

200001 no  New orders are suspended for the pair; wait.
200003 no  Too many open orders, or the contract is not valid; cancel some or check the symbol.
200004,210021,230003,260100,126013,130301 no  Too little balance; order less or move funds.
400100 no  A parameter is wrong; read the message.
400000 no  A parameter is wrong; read the message.
400200 no  The account may not order this; look at it at the exchange.
400330,400370,400760 no  The price is out of bounds; choose one inside.
400350 no  The limit on holding the coin is reached; buy less.
400413 no  Hidden and iceberg orders are no longer supported; order without.
400600,600203,900001 no  The pair is not traded; check the symbol.
400800 unknown A margin order with a loan failed; look for both.
600100,600101 no  The order is too small or off its step; order more or round.

126000 unknown The exchange reports an abnormal state of margin trading; look, then try again.
126003 no  The order is below the smallest amount; order more.
126004,126006 no  The pair is not there or is barred; check the symbol.
126007,126009,126015 no  New orders are suspended for the pair; wait.
126010 no  Cancelling is suspended for the pair; count the order as live.
126011 no  Too many open orders; cancel some.
126022 no  The price is too far from the market; order nearer to it.
126027,126028 no  Only limit orders are taken for now; send a limit order.
126029,126030 no  The price is out of bounds; choose one inside.
126033,126044 duplicate This order was accepted before; it is looked up, not sent again.
126034 unknown A stop order may not have been made; look for it.
126036 unknown A margin order may not have been made; look for it.
126038,126039 unknown A service behind the exchange failed; look what was done.
126041 no  The time in the request is wrong; check the clock.
126042 no  The limit on positions is reached; open nothing.
126043 gone The order is not there.
135005,135018 unknown The exchange could not look up margin orders; ask again.

100001,300000 no  A parameter is wrong; read the message.
100003 no  The contract is not valid; check the symbol.
100004 gone The order can no longer be cancelled.
300001 no  Too many open orders; cancel some.
300002 no  Orders are suspended for the contract; wait.
300003 no  Too little balance; order less or move funds.
300004 no  Too many stop orders; cancel some.
300005 no  Over the risk limit of the position; order less.
300006 no  The price is worse than bankruptcy; choose another.
300007 no  The price is worse than liquidation; choose another.
300008,300013 no  Nobody stands on the other side of the book; send a limit order.
300009 no  There is no position to close.
300010 unknown The position may not have been closed; look at it.
300011 no  The price is above the band; choose a lower one.
300012 no  The price is below the band; choose a higher one.
300014 no  The position is being liquidated; hedge the other leg at once.
300015 no  A settlement is running; try again after it.
300016 no  The leverage is too high; lower it.
300018 duplicate This order was accepted before; it is looked up, not sent again.
330005 no  The margin mode of the order is not that of the contract; change one.
330008 no  The most that can be opened is reached; order less or add margin.
330011,330012 no  The position mode of the order is not that of the account; change one.
50002  no  Orders or positions stand in the way of changing the mode; close them.

400400 unknown A parameter is wrong or a service failed; look what was done.
401000 no  The exchange has retired this request; update the program.
404000 no  The exchange does not know this request; update the program.
415000 no  The exchange does not take this kind of content; report this as a bug.
230005 unknown The exchange is busy; look what was done.
408000 unknown The exchange ran out of time; look what was done.
500000 unknown The exchange had an error inside; look what was done.
"""  # noqa: E501 - one row is one line


def _read(text: str) -> Mapping[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        if line:
            codes, proved, advice = line.split(maxsplit=2)
            found |= dict.fromkeys(codes.split(","), (proved, advice))
    return MappingProxyType(found)


CODES: Final = _read(_TEXT)
"""By code: ``no``, ``duplicate``, ``gone`` or ``unknown``, and a sentence."""
