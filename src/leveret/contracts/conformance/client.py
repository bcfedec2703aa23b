"""The run against a client program: each script, and the requests that it sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from leveret.amqp import Delivery
from leveret.contracts.conformance.checks import ConformanceCheck, compared, judged, shown
from leveret.contracts.conformance.program import ProgramFailed
from leveret.contracts.conformance.proxy import CuttingProxy
from leveret.contracts.conformance.scripts import Asked, CallOutcome, ClientVector
from leveret.contracts.conformance.stage import Stage, staged
from leveret.contracts.conformance.talk import body_of
from leveret.contracts.conformance.vectors import ClientVectors, read_vectors
from leveret.errors import InvalidRequest
from leveret.topology import Topology
from leveret.wire.codec import decode_request
from leveret.wire.envelope import CONTENT_TYPE, HIGHEST_PRIORITY, RETRY_COUNT
from leveret.wire.ids import new_id
from leveret.worker.arrive.reply_queues import foreign_reply_to
from leveret.worker.deadline import due

_RULE: Final = "client"


class AnyProgram(Protocol):
    """A client under test; `ClientProgram` is one in a process of its own."""

    async def start(self) -> None:
        """Start it."""

    async def call(self, asked: Asked) -> CallOutcome:
        """Make a call, and return what became of it, or raise `ProgramFailed`."""

    async def end(self) -> str:
        """End it, and return how it ended: ``exit code 0`` if it ended well."""

    async def kill(self) -> None:
        """End it at once."""


async def check_client(
    url: str,
    make: Callable[[str, str], AnyProgram],
    tell: Callable[[ConformanceCheck], None],
    scripts: Collection[str] | None = None,
) -> list[ConformanceCheck]:
    """Check what a client owes: run the program through each script, with queues of this run.

    Args:
        url: address of the broker.
        make: makes a program, of the broker's address and the first part of the queues' names.
        tell: called with each check as soon as it is made.
        scripts: the names of the vectors that are tried; None for all.

    Raises:
        AmqpError: the broker cannot be reached, or this user may not declare the queues.
        SettingsError: the program cannot be started.
    """
    topology = Topology(f"conformance-{new_id()}")
    vectors = [each for each in read_vectors(ClientVectors).vectors if scripts is None or each.name in scripts]
    checks: list[ConformanceCheck] = []

    def add(found: Sequence[ConformanceCheck]) -> None:
        for check in found:
            tell(check)
            checks.append(check)

    async with CuttingProxy(url) as proxy, staged(url, topology, proxy.cut) as stage:
        run = _Run(stage, lambda: make(proxy.url, topology.prefix))
        try:
            for vector in vectors:
                add(await run.play(vector))
            add(await run.end())
        finally:
            await run.stop()
    return checks


class _Run:
    """Plays scripts with one program, which is started again when it has failed."""

    def __init__(self, stage: Stage, make: Callable[[], AnyProgram]) -> None:
        self._stage = stage
        self._make = make
        self._program: AnyProgram | None = None
        self._sent: list[Delivery] = []

    async def play(self, vector: ClientVector) -> list[ConformanceCheck]:
        await self._stage.begin(vector.input)
        try:
            outcomes = [await (await self._started()).call(asked) for asked in vector.input.calls]
        except ProgramFailed as error:
            await self.stop()
            return [ConformanceCheck(_RULE, vector.name, "fail", shown(_words(vector)), shown(str(error)))]
        self._sent += self._stage.requests
        return [_judge(vector, outcomes, self._stage.requests)]

    async def end(self) -> list[ConformanceCheck]:
        """Check all requests that were sent, and that the program ends with its input."""
        checks = [_sent(name, rule, self._sent) for name, rule in RULES.items()] if self._sent else []
        if self._program is not None:
            ended = await self._program.end()
            checks.append(compared(_RULE, "the program ends with its input", "exit code 0", ended))
        return checks

    async def stop(self) -> None:
        program, self._program = self._program, None
        if program is not None:
            await program.kill()

    async def _started(self) -> AnyProgram:
        if self._program is None:
            program = self._make()
            await program.start()
            self._program = program
        return self._program


def _judge(vector: ClientVector, outcomes: Sequence[CallOutcome], requests: Sequence[Delivery]) -> ConformanceCheck:
    """Compare outcomes and requests with those of a vector, in this order; the first difference is what was seen."""
    for expected, seen in zip(vector.expected.outcomes, outcomes, strict=True):
        wanted = {name: value for name in _COMPARED if (value := getattr(expected, name)) not in ("", None)}
        found = {name: getattr(seen, name) for name in wanted}
        if wanted != found:
            return compared(_RULE, vector.name, wanted, found)
    numbers = _numbers(requests)
    if numbers != vector.expected.ids:
        return compared(_RULE, vector.name, f"requests with the ids {vector.expected.ids}", f"{numbers}")
    asked = [body_of(request).get("id") for request in requests]
    lost = [seen.id for seen in outcomes if seen.outcome == "no_answer" and seen.id not in asked]
    if lost:
        return compared(_RULE, vector.name, f"an id to ask again with, {asked}", lost)
    return ConformanceCheck(_RULE, vector.name, "pass", shown(_words(vector)))


_COMPARED: Final = ("outcome", "id", "data", "code", "error", "details")


def _words(vector: ClientVector) -> list[str]:
    return [" ".join(filter(None, (each.outcome, each.code))) for each in vector.expected.outcomes]


def _numbers(requests: Sequence[Delivery]) -> list[int | str]:
    """Number the ids of requests in the order of their appearance; a repetition has to have the same content."""
    known: dict[Any, tuple[int, dict[str, Any]]] = {}
    numbers: list[int | str] = []
    for request in requests:
        body = body_of(request)
        number, first = known.setdefault(body.get("id"), (len(known) + 1, body))
        numbers.append(number if first == body else f"{number} with another content")
    return numbers


def _sent(name: str, rule: Callable[[Delivery], object], requests: Sequence[Delivery]) -> ConformanceCheck:
    """Check one rule of every request; what was seen is the first that breaks it."""
    broken = next((request for request in requests if not rule(request)), None)
    seen = "" if broken is None else f"{broken.properties!r} {broken.body[:100]!r}"
    return judged("client's requests", name, broken is None, "of every request", seen)


def _is_strict(request: Delivery) -> bool:
    try:
        return bool(decode_request(request.body))
    except InvalidRequest:
        return False


def _has_whole_times(request: Delivery) -> bool:
    try:
        return due(request.properties.headers) > 0
    except InvalidRequest:
        return False


RULES: Final[Mapping[str, Callable[[Delivery], object]]] = {
    "the body is a request": _is_strict,
    "it is persistent": lambda request: request.properties.delivery_mode == 2,
    "correlation_id is the id": lambda request: request.properties.correlation_id == body_of(request).get("id"),
    "content_type is JSON": lambda request: request.properties.content_type == CONTENT_TYPE,
    "content_encoding is absent or a name of UTF-8": lambda request: (
        (request.properties.content_encoding or "utf-8").lower() in ("utf-8", "utf8", "identity")
    ),
    "reply_to is a reply queue that the broker made": lambda request: (
        request.properties.reply_to and not foreign_reply_to(request.properties.reply_to)
    ),
    "priority is absent or at most 4": lambda request: (request.properties.priority or 0) <= HIGHEST_PRIORITY,
    "x-retry-count is absent": lambda request: RETRY_COUNT not in (request.properties.headers or {}),
    "x-deadline and x-timeout are absent or whole numbers": _has_whole_times,
}
"""What holds of every request that a client sends."""
