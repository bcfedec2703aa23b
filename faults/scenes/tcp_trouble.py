"""Trouble on the network between clients, workers and the broker, made by a proxy on each side."""

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
from faults.system import System
from testbed.proxy import Proxy

HEARTBEAT: Final = 2
"""Heartbeat of clients and workers, in seconds; after two silent heartbeats, a peer is given up."""

LATENCY: Final = 0.2
"""Delay in each direction, in seconds."""

BRIEF: Final = 1.5
"""Seconds that trouble lasts that connections survive."""

LONG: Final = 10.0
"""Seconds after which such trouble ends even if it has hit nothing."""

Strike = Callable[[Proxy, Random], Awaitable[bool]]
"""Function that makes trouble on one side, and returns whether it hit something."""


async def cut_all(proxy: Proxy, _random: Random) -> bool:
    """Drop all connections of a side, with everything that is on its way."""
    return await proxy.cut() > 0


async def cut_one(proxy: Proxy, random: Random) -> bool:
    """Drop one connection, such as the one on which a worker publishes, while the one on which it consumes stays."""
    return bool(proxy.open) and await proxy.cut(random.randrange(proxy.open)) == 1


async def short_hole(proxy: Proxy, _random: Random) -> bool:
    """Pass nothing on for a time that is shorter than all timeouts."""
    proxy.pause()
    try:
        await proxy.held()
        await asyncio.sleep(BRIEF)  # how long the trouble lasts
    finally:
        proxy.resume()
    return True


async def long_hole(proxy: Proxy, _random: Random) -> bool:
    """Pass nothing on until a peer has missed its heartbeats, has given up, and has begun to connect again."""
    before = proxy.connections
    proxy.pause()
    try:
        await proxy.held()
        await proxy.connected(before + 1)
    finally:
        proxy.resume()
    return True


async def late(proxy: Proxy, _random: Random) -> bool:
    """Delay everything by 200 ms in each direction."""
    before = proxy.conditions.late
    proxy.conditions.latency = LATENCY
    try:
        return await _hits(lambda: proxy.conditions.late > before)
    finally:
        proxy.conditions.latency = 0.0


async def byte_by_byte(proxy: Proxy, _random: Random) -> bool:
    """Write each byte separately, so that every frame is split at every place."""
    before = proxy.conditions.split
    proxy.conditions.largest = 1
    try:
        return await _hits(lambda: proxy.conditions.split > before)
    finally:
        proxy.conditions.largest = None


async def _hits(hit: Callable[[], bool]) -> bool:
    """Let trouble last, and on a busy machine longer, until it has hit something; return whether it has."""
    now = asyncio.get_running_loop().time
    end = now() + LONG
    await asyncio.sleep(BRIEF)  # how long the trouble lasts
    while not hit() and now() < end:  # noqa: ASYNC110 -- the proxy counts, but does not signal
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
"""Each kind of trouble, and how many of 50 strikes are of this kind."""


@scene(
    "tcp-trouble",
    title="TCP cut, black hole, 200 ms latency, one-byte writes",
    requests=10_000,
    strikes=50,
    short_requests=300,
    short_strikes=5,
)
async def tcp_trouble(system: System, plan: Plan) -> None:
    """Strike between clients and broker, between workers and broker, or on both sides at once, in random order."""
    parts = urlsplit(system.broker.url)
    left, right = [await system.keep(Proxy(parts.hostname or "", parts.port or 0)) for _ in range(2)]
    system.settings(AMQP_URL=f"{right.proxied(system.broker.url)}?heartbeat={HEARTBEAT}")
    async with system.workers(2) as workers:
        url = f"{left.proxied(system.broker.url)}?heartbeat={HEARTBEAT}"
        rate = 30 if plan.short else 100
        async with system.load(plan.requests, url=url, rate=rate, until=plan.strikes) as load:
            await _trouble(system, plan, load, [left, right])
        unharmed(workers)


async def _trouble(system: System, plan: Plan, load: Load, sides: Sequence[Proxy]) -> None:
    struck: Counter[str] = Counter()
    for number, kind in enumerate(_kinds(plan), 1):
        if not await load.reached(plan.requests * number // (plan.strikes + 1)):
            raise SceneFailed(f"the load had ended before strike {number}")
        if await _strike(KINDS[kind][0], sides, plan.random) and system.struck():
            struck[kind] += 1
    system.notes["strikes"] = dict(struck)


def _kinds(plan: Plan) -> Sequence[str]:
    """Return the kinds of all strikes in random order; in the short form each kind once, except the long hole."""
    if plan.short:
        kinds = [kind for kind in KINDS if KINDS[kind][0] is not long_hole]
    else:
        kinds = [kind for kind, (_, share) in KINDS.items() for _ in range(share)]
    plan.random.shuffle(kinds)
    return kinds


async def _strike(strike: Strike, sides: Sequence[Proxy], random: Random) -> bool:
    """Make one kind of trouble for the clients, for the workers, or for both."""
    struck = random.choice([sides[:1], sides[1:], sides])
    return any(await asyncio.gather(*(strike(side, random) for side in struck)))
