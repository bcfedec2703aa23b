"""Whether exchange and queues are there as this version wants them, and what waits in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

_WAY: Final = "x-dead-letter-exchange"

_OF_STREAMS: Final = (
    "Requests and dead letters are safe with it. To have it as it is wanted, delete it: copies are lost, and no letter."
)

_MISSING: Final = unknown("not there")
"""Stands for something that does not exist; all of these are told in one sentence."""


async def declared(installation: Installation) -> Findings:
    """Report what is missing at the broker, or has other arguments; only what exists is declared again, as it is."""
    topology = installation.topology
    async with connected(installation.settings.amqp_url, LIMITS) as connection:
        found = {topology.exchange: await _exchange(connection, installation, topology.exchange, "direct")}
        found |= {queue.name: await _queue(connection, installation, queue) for queue in topology.queues}
        if _is_form(found[topology.requests]):
            (older, *_) = topology.queues_through("")
            found[topology.requests] = await _queue(connection, installation, older)
    odd = list(_told(found, "A worker declares what is missing when it starts", installation))
    return odd or [ok(f"{topology.exchange} and {counted(len(topology.queues), 'queue')} are there as they should be")]


async def copies(installation: Installation) -> Findings:
    """Report why letters are not copied into their stream, or workers cannot report; requests are served without."""
    topology = installation.topology
    if not topology.streams:
        name = installation.variable("LETTERS_STREAM")
        return [ok(f"streams are switched off by {name}: tools see 2,000 letters at most, and no workers")]
    letters = topology.letters_exchange
    async with connected(installation.settings.amqp_url, LIMITS) as connection:
        found = {letters: await _exchange(connection, installation, letters, "fanout")}
        found |= {stream.name: await _queue(connection, installation, stream) for stream in topology.streams}
        (requests, *_) = topology.queues
        newer = await _queue(connection, installation, requests)
    advice = "A worker declares it when it starts, if its user and the broker's version (3.9, stream_queue) allow that"
    odd = [_softened(finding) for finding in _told(found, advice, installation)]
    if _is_form(newer):
        text = f"{topology.requests} is older than the streams: what the broker moves out of it by itself is not copied"
        odd.append(warning(text, "You may leave it so. Or let it get empty, delete it, and declare it again."))
    return odd or [ok(f"{letters} and {counted(len(topology.streams), 'stream')} are there as they should be")]


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


def _is_form(finding: Finding | None) -> bool:
    """Return whether a queue differs only in where it moves messages to; both ways are right."""
    return finding is not None and f": {_WAY} is" in finding.text


def _told(found: Mapping[str, Finding | None], advice: str, installation: Installation) -> Iterator[Finding]:
    """Yield what is not as it should be; all that is missing in one sentence."""
    missing = [name for name, finding in found.items() if finding is _MISSING]
    yield from (finding for finding in found.values() if finding is not None and finding is not _MISSING)
    if missing:
        what = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not there"
        yield warning(what, f"{advice}, or `{installation.command('topology apply')}` does.")


def _softened(finding: Finding) -> Finding:
    """Return what is only a warning, because workers go on without a stream, or with its bounds as they are."""
    return warning(finding.text, _OF_STREAMS) if finding.state == "wrong" else finding


async def _exchange(connection: Connection, installation: Installation, name: str, kind: str) -> Finding | None:
    channel = await connection.channel()
    try:
        await channel.declare_exchange(name, kind, passive=True)
        await channel.declare_exchange(name, kind)
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
