"""The venue's no: KuCoin's code and a sentence.

One type for every desk of the venue, so that a request is refused in one way.
This module must not know why anything is refused.
"""

from dataclasses import dataclass

__all__ = ["Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not done; nothing has changed.

    ``code`` is KuCoin's error code, ``sentence`` says what, where and what to do.
    """

    code: str
    sentence: str
