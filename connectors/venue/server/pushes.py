"""One push of a socket, before anybody has subscribed to it, and as text.

A push names every topic whose subscribers get it, because KuCoin's own topics overlap
(all orders, the orders of one contract); each gets it under the name that he asked
for. This module knows no topic and no field.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.venue.server.envelope import dumps

__all__ = ["Push", "frame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A message for the subscribers of each of ``topics``.

    ``is_state`` marks a push that the next of its kind replaces (a mark, a ticker),
    which a slow reader may miss.
    """

    topics: tuple[str, ...]
    subject: str
    data: Mapping[str, object]
    is_private: bool = False
    is_state: bool = False
    push_id: str | None = None
    document: Mapping[str, object] | None = None
    """The whole message, where it has not the classic form."""


def frame(push: Push, topic: str, uid: str) -> str:
    """The text of a push for one of its topics; a private one names its owner.

    Example:
        >>> frame(Push(topics=("/t:A",), subject="s", data={"x": 1}), "/t:A", "7")
        '{"topic":"/t:A","type":"message","subject":"s","data":{"x":1}}'
    """
    if push.document is not None:
        return dumps(push.document)
    document: dict[str, object] = {
        "topic": topic,
        "type": "message",
        "subject": push.subject,
    }
    if push.push_id is not None:
        document["id"] = push.push_id
    if push.is_private:
        document["userId"] = uid
        document["channelType"] = "private"
    document["data"] = push.data
    return dumps(document)
