"""A toy exchange on 127.0.0.1 that checks real signatures and misbehaves on demand.

It knows nothing of accounts: each test says what the next answers are. What arrived
is kept, byte for byte. The signature is checked with the project's own pure function,
not with the library that made it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from connectors.kucoin.client import KucoinClient, Patience, open_client
from connectors.kucoin.signing import sign_passphrase, sign_request

__all__ = [
    "KEY",
    "PASSPHRASE",
    "SECRET",
    "Arrived",
    "FakeTime",
    "Said",
    "Toy",
    "Toys",
    "toys",
]

KEY = "toy-api-key-7d1f"
SECRET = "toy-api-secret-93ab"  # noqa: S105 - of a toy
PASSPHRASE = "toy-passphrase-c4"  # noqa: S105 - of a toy
NOW_MS = 1_700_000_000_000


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """One request as it came in; ``target`` is path and query as sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Said:
    """One answer; ``hangs`` never ends, ``drops`` cuts the line, ``cut`` the body."""

    body: str = '{"code":"200000","data":{"orderId":"o1"}}'
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    drops: bool = False
    cut: bool = False


class FakeTime:
    """A monotonic clock that only its own sleep moves."""

    rate = 1.0
    """The toy's world runs as this one does."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Seconds; nothing else moves them."""
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        """Let the seconds pass at once."""
        self.slept.append(seconds)
        self.now_s += seconds

    def signing_ms(self) -> int:
        """One instant for ever; the toy has no window."""
        return NOW_MS


class Toy:
    """What arrived, and what is to be said: the list in order, its last for ever."""

    def __init__(self) -> None:
        self.answers: list[Said] = [Said()]
        self.arrived: list[Arrived] = []
        self.orders: list[bytes] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record, check the signature, and answer as told."""
        body = await request.read()
        self.arrived.append(
            Arrived(
                method=request.method,
                target=request.raw_path,
                headers=dict(request.headers),
                body=body,
            )
        )
        if "KC-API-KEY" in request.headers and not _is_signed(request, body):
            return web.json_response({"code": "400005", "msg": "Invalid signature"})
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if request.method == "POST":
            self.orders.append(body)
        return await self._say(request, said)

    async def _say(self, request: web.Request, said: Said) -> web.StreamResponse:
        if said.hangs:
            await asyncio.Event().wait()
        if said.drops or said.cut:
            assert request.transport is not None
            if said.cut:
                lines = "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n"
                request.transport.write(f"{lines}{said.body}".encode())
                await asyncio.sleep(0.01)  # noqa: TID251 - let the bytes leave
            request.transport.abort() if said.drops else request.transport.close()
        return web.Response(
            text=said.body, status=said.status, headers=dict(said.headers)
        )


def _is_signed(request: web.Request, body: bytes) -> bool:
    """Whether signature and passphrase belong to the bytes that came."""
    plain = request.raw_path.replace("%20", " ")
    text = body.decode()
    headers = request.headers
    stamp = int(headers["KC-API-TIMESTAMP"])
    return (
        headers["KC-API-KEY"] == KEY
        and headers["KC-API-PASSPHRASE"] == sign_passphrase(SECRET, PASSPHRASE)
        and headers["KC-API-SIGN"]
        == sign_request(SECRET, stamp, request.method, plain, text)
    )


@dataclass
class Toys:
    """Both hosts of a toy exchange, a client of it, and the time that it waits in."""

    spot: Toy
    futures: Toy
    client: KucoinClient
    time: FakeTime


@asynccontextmanager
async def toys(
    *, has_key: bool = True, patience: Patience | None = None
) -> AsyncIterator[Toys]:
    """Serve both hosts and open a client, with or without a key."""
    spot, futures, time = Toy(), Toy(), FakeTime()
    runners = [await _serve(toy) for toy in (spot, futures)]
    client = open_client(
        key=KEY if has_key else "",
        secret=SECRET if has_key else "",
        passphrase=PASSPHRASE if has_key else "",
        spot_url=spot.url,
        futures_url=futures.url,
        clock=time,
        patience=patience,
        sleep=time.sleep,
        monotonic=time.monotonic,
    )
    try:
        yield Toys(spot=spot, futures=futures, client=client, time=time)
    finally:
        await client.close()
        for runner in runners:
            await runner.cleanup()


async def _serve(toy: Toy) -> web.AppRunner:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", toy.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    toy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner
