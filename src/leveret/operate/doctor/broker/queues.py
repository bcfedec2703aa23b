"""Whether exchange and queues are there as this version wants them, and what waits in them."""

from __future__ import annotations

from typing import Final

from leveret.amqp import ChannelClosed, Connection, InequivalentArguments
from leveret.broker.connecting import connected
from leveret.broker.queues import state_of
from leveret.operate.doctor.broker.reaching import LIMITS
from leveret.operate.doctor.finding import Finding, Findings, ok, unknown, warning, wrong
from leveret.operate.doctor.installation import Installation
from leveret.topology import Queue
from leveret.wire.words import counted

_NOT_FOUND: Final = 404
_OWN_WAYS: Final = {
    "x-max-length": "Or set {}QUEUE_LIMIT to what is there: off where there is none.",
    "x-message-ttl": "Or set {}RETRY_DELAY to what is there.",
}
"""What else can be done about an argument that differs, with a place for the settings' prefix."""

_MISSING: Final = unknown("not there")
"""Stands for something that does not exist; all of these are told in one sentence."""


async def declared(installation: Installation) -> Findings:
    """Report what is missing at the broker, or has other arguments; only what exists is declared again, as it is."""
    topology = installation.topology
    async with connected(installation.settings.amqp_url, LIMITS) as connection:
        found = {topology.exchange: await _exchange(connection, installation)}
        found |= {queue.name: await _queue(connection, installation, queue) for queue in topology.queues}
        missing = [name for name, finding in found.items() if finding is _MISSING]
    odd = [finding for finding in found.values() if finding is not None and finding is not _MISSING]
    if missing:
        apply = installation.command("topology apply")
        what = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there"
        odd.append(warning(what, f"A worker declares what is missing when it starts, or `{apply}` does."))
    return odd or [ok(f"{topology.exchange} and {counted(len(topology.queues), 'queue')} are there as they should be")]


async def workers(installation: Installation) -> Findings:
    """Report how many workers consume requests, how many wait, and how many letters there are."""
    topology = installation.topology
    async with connected(installation.settings.amqp_url, LIMITS) as connection:
        requests = await state_of(connection, topology.requests)
        letters = await state_of(connection, topology.dead_letters)
    start = f"`{installation.command('worker')}` starts one."
    if requests is None:
        return [warning("no worker has ever run here: its queue is not there", start)]
    waiting = counted(requests.messages, "request")
    if requests.consumers:
        found = [ok(f"{counted(requests.consumers, 'worker')} {_verb(requests.consumers)} requests, {waiting} waiting")]
    elif requests.messages:
        found = [wrong(f"no worker takes requests, and {waiting} {_wait(requests.messages)}", start)]
    else:
        found = [warning("no worker takes requests", start)]
    if letters is not None and letters.messages:
        advice = f"`{installation.command('letters')}` shows why."
        found.append(
            warning(f"{counted(letters.messages, 'request')} given up: dead letters wait for somebody", advice)
        )
    return found


async def _exchange(connection: Connection, installation: Installation) -> Finding | None:
    name = installation.topology.exchange
    channel = await connection.channel()
    try:
        await channel.declare_exchange(name, "direct", passive=True)
        await channel.declare_exchange(name, "direct")
    except ChannelClosed as error:
        return _judged(error, f"the exchange {name}", installation)
    await channel.close()
    return None


async def _queue(connection: Connection, installation: Installation, queue: Queue) -> Finding | None:
    channel = await connection.channel()
    try:
        await channel.declare_queue(queue.name, passive=True)
        await channel.declare_queue(queue.name, arguments={**queue.arguments})
    except ChannelClosed as error:
        return _judged(error, f"the queue {queue.name}", installation)
    await channel.close()
    return None


def _judged(error: ChannelClosed, what: str, installation: Installation) -> Finding:
    if isinstance(error, InequivalentArguments):
        text = f"{what} has other arguments: {error.argument} is {error.current}, wanted is {error.wanted}"
        other = _OWN_WAYS.get(error.argument, "").format(installation.settings.prefix)
        advice = (
            "A worker does not start so. Let it get empty, delete it and declare it again; deleting drops messages."
        )
        return wrong(text, f"{advice} {other}".rstrip())
    if error.reply_code == _NOT_FOUND:
        return _MISSING
    return unknown(f"{what} cannot be looked at: {error}", "Ask as a user who may configure it.")


def _verb(count: int) -> str:
    return "takes" if count == 1 else "take"


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"
