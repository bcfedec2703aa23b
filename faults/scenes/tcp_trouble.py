"""Trouble on the wire between clients, workers and the broker, through a small proxy on either side."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Final
from urllib.parse import urlsplit

from faults.load import Load
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed, unharmed
from faults.stage import Stage
from testbed.proxy import Proxy

HEARTBEAT: Final = 2
"""Seconds, of clients and workers; after two of them without a word a peer is given up."""

LATENCY: Final = 0.2
"""Seconds, in each direction."""

BRIEF: Final = 1.5
"""Seconds that trouble lasts which connections live through."""

LONG: Final = 10.0
"""Seconds after which such trouble ends although it has hit nothing."""

Strike = Callable[[Proxy, Random], Awaitable[bool]]
"""Makes trouble on one side; returns whether it hit something."""


async def cut_all(proxy: Proxy, _random: Random) -> bool:
    """Drop all connections of a side, with whatever is on its way."""
    return await proxy.cut() > 0


async def cut_one(proxy: Proxy, random: Random) -> bool:
    """Drop one connection, such as that on which a worker publishes and not that on which it consumes."""
    return bool(proxy.open) and await proxy.cut(random.randrange(proxy.open)) == 1


async def short_hole(proxy: Proxy, _random: Random) -> bool:
    """Swallow everything for a while that is shorter than anybody's patience."""
    proxy.pause()
    try:
        await proxy.held()
        await asyncio.sleep(BRIEF)  # how long the trouble lasts is the trouble
    finally:
        proxy.resume()
    return True


async def long_hole(proxy: Proxy, _random: Random) -> bool:
    """Swallow everything until a peer has missed its heartbeats, has given up and has begun to connect anew."""
    before = proxy.connections
    proxy.pause()
    try:
        await proxy.held()
        await proxy.connected(before + 1)
    finally:
        proxy.resume()
    return True


async def late(proxy: Proxy, _random: Random) -> bool:
    """Have everything come 200 ms late, in each direction."""
    before = proxy.weather.late
    proxy.weather.latency = LATENCY
    try:
        return await _hits(lambda: proxy.weather.late > before)
    finally:
        proxy.weather.latency = 0.0


async def byte_by_byte(proxy: Proxy, _random: Random) -> bool:
    """Write each byte by itself, so that every frame is torn at every place."""
    before = proxy.weather.split
    proxy.weather.largest = 1
    try:
        return await _hits(lambda: proxy.weather.split > before)
    finally:
        proxy.weather.largest = None


async def _hits(hit: Callable[[], bool]) -> bool:
    """Let trouble last, and longer on a machine so busy that nothing has met it yet; returns whether something has."""
    now = asyncio.get_running_loop().time
    end = now() + LONG
    await asyncio.sleep(BRIEF)  # how long the trouble lasts is the trouble
    while not hit() and now() < end:  # noqa: ASYNC110 -- a piece of bytes tells nobody that it is late
        await asyncio.sleep(0.05)
    return hit()


KINDS: Final[Mapping[str, tuple[Strike, int]]] = {
    "all connections cut": (cut_all, 11),
    "one connection cut": (cut_one, 11),
    "black hole, short": (short_hole, 7),
    "black hole past the heartbeat": (long_hole, 5),
    "200 ms latency": (late, 8),
    "one-byte writes": (byte_by_byte, 8),
}
"""Each kind of trouble, and how often of 50 times it comes."""


@scene(
    "tcp-trouble",
    title="TCP cut, black hole, 200 ms latency, one-byte writes",
    requests=10_000,
    strikes=50,
    short_requests=300,
    short_strikes=5,
)
async def tcp_trouble(stage: Stage, plan: Plan) -> None:
    """Strike between clients and broker, between workers and broker, or at both at once, in random order."""
    parts = urlsplit(stage.broker.url)
    left, right = [await stage.keep(Proxy(parts.hostname or "", parts.port or 0)) for _ in range(2)]
    stage.settings(AMQP_URL=f"{right.proxied(stage.broker.url)}?heartbeat={HEARTBEAT}")
    async with stage.crew(2) as crew:
        url = f"{left.proxied(stage.broker.url)}?heartbeat={HEARTBEAT}"
        rate = 30 if plan.short else 100
        async with stage.load(plan.requests, url=url, rate=rate, until=plan.strikes) as load:
            await _trouble(stage, plan, load, [left, right])
        unharmed(crew)


async def _trouble(stage: Stage, plan: Plan, load: Load, sides: Sequence[Proxy]) -> None:
    struck: Counter[str] = Counter()
    for number, kind in enumerate(_turns(plan), 1):
        if not await load.reached(plan.requests * number // (plan.strikes + 1)):
            raise SceneFailed(f"the load had ended before strike {number}")
        if await _strike(KINDS[kind][0], sides, plan.random) and stage.struck():
            struck[kind] += 1
    stage.notes["strikes"] = dict(struck)


def _turns(plan: Plan) -> Sequence[str]:
    """All kinds in their shares, in random order; in the short form each of them once but for the long hole."""
    if plan.short:
        turns = [kind for kind in KINDS if KINDS[kind][0] is not long_hole]
    else:
        turns = [kind for kind, (_, share) in KINDS.items() for _ in range(share)]
    plan.random.shuffle(turns)
    return turns


async def _strike(strike: Strike, sides: Sequence[Proxy], random: Random) -> bool:
    """One kind of trouble, for the clients, for the workers, or for both."""
    struck = random.choice([sides[:1], sides[1:], sides])
    return any(await asyncio.gather(*(strike(side, random) for side in struck)))
