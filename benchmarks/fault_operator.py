"""An operator who never rests: asks the running bot through its control socket."""

import asyncio
import random
from pathlib import Path
from typing import Any, Final

from bot.domain.errors import RefusedError
from connectors.system.control import ask_running

__all__ = ["Operator"]

_REST_S: Final = 0.1
_CLOSES: Final = 0.4
"""The share of the requests that close everything, while that is allowed."""


class Operator:
    """Borrows, repays, moves and closes through the running bot, one after another."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._dice = random.Random(seed)
        self._is_over = False
        self.is_resting = False
        """Whether nothing new may be asked for now."""
        self.is_closing = False
        """Whether everything may be closed, now and then."""
        self.asked = 0
        self.said: dict[str, int] = {}

    def stop(self) -> None:
        """Nothing new."""
        self._is_over = True

    async def act(self) -> None:
        """Ask until stopped."""
        while not self._is_over:
            if self.is_resting:
                await asyncio.sleep(_REST_S)
                continue
            self.asked += 1
            request = self._request()
            try:
                answer = await ask_running(self._path, request, 60.0)
            except RefusedError:
                answer = {"error": "no answer in time"}
            self._count(request, answer)
            await asyncio.sleep(self._dice.uniform(0.05, 0.25))

    def _count(self, request: dict[str, str], answer: Any) -> None:
        parts = (answer or {"error": "nobody there"}).get("requests")
        states = [str(part["state"]) for part in parts] if parts else ["nothing"]
        if answer and "error" in answer:
            states = ["error"]
        for state in states:
            word = f"{request['do']} {state}"
            self.said[word] = self.said.get(word, 0) + 1

    def _request(self) -> dict[str, str]:
        dice = self._dice
        amount = f"{dice.uniform(5, 120):.4f}"
        few = f"{dice.uniform(0.0002, 0.003):.7f}"
        isolated = {"account": "BTC-USDT"}
        kinds: list[dict[str, str]] = [
            {"do": "borrow", "coin": "USDT", "amount": amount, **isolated},
            {"do": "borrow", "coin": "BTC", "amount": few, **isolated},
            {"do": "repay", "coin": "USDT", "amount": amount, **isolated},
            {"do": "repay", "coin": "USDT", "amount": "all", **isolated},
            {"do": "repay", "coin": "BTC", "amount": "all", **isolated},
            {"do": "repay", "coin": "USDT", "amount": amount, "account": "margin"},
            _move(amount, "main", "spot"),
            _move(amount, "spot", "main"),
            _move(amount, "spot", "futures"),
            _move(amount, "futures", "main"),
            _move(amount, "main", "margin"),
            _move(amount, "main", "BTC-USDT"),
            {"do": "cancel-all"},
        ]
        if self.is_closing and dice.random() < _CLOSES:
            return {"do": "flatten"}
        return dice.choice(kinds)


def _move(amount: str, source: str, target: str) -> dict[str, str]:
    return {
        "do": "transfer",
        "coin": "USDT",
        "amount": amount,
        "source": source,
        "target": target,
    }
