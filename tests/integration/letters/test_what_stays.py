"""Letters that must not be sent again: each stays where it is, and the reason is told."""

import contextlib
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leveret.amqp import FieldTable, Refused
from leveret.auth.keyring import Keyring
from leveret.auth.keys import KeySet
from leveret.errors import Unauthenticated
from leveret.letters.look import look
from leveret.letters.removal import LetterFate
from leveret.topology import Topology
from leveret.wire.codec import decode_request, encode_json, imprint
from leveret.wire.envelope import PRINCIPAL, SEAL
from leveret.wire.letter import LetterBody
from leveret.wire.limits import LARGEST_REQUEST
from support.redriving import Again, depths, ids_of, letters_of, put_letter, until_depth
from support.serving import SECRET, Caller, Serve, keyring


def request(**other: Any) -> dict[str, Any]:
    return {"id": "a", "version": "v1", "action": "write", "data": {"text": "x"}} | other


def letter(
    asked: Any = None, *, failed_at: str | None = None, reason: str = "retries exhausted: x", **other: Any
) -> bytes:
    """The body of a letter as a worker writes it."""
    at = failed_at or datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return encode_json(LetterBody(at, reason, asked or request(), {}, **other))


def sealed(topology: Topology, body: bytes, principal: str | None = "7", ring: Keyring | None = None) -> FieldTable:
    """The headers of a letter as a worker writes them."""
    seal = (ring or keyring()).seal_letter(topology.dead_letters, principal, body)
    return {SEAL: seal} if principal is None else {SEAL: seal, PRINCIPAL: principal}


DEEP = b'{"failed_at": "x", "reason": "x", "headers": {}, "request": %b%b}' % (b"[" * 5_000, b"]" * 5_000)


async def test_a_letter_as_workers_write_it_may_be_sent_again(caller: Caller, topology: Topology, again: Again) -> None:
    await put_letter(caller, body := letter(), sealed(topology, body))
    assert (await again.redrive(["a"])).done == 1


@pytest.mark.parametrize(
    ("why", "headers", "body"),
    [
        ("has no seal", {}, letter()),
        ("has no seal", {PRINCIPAL: "7"}, letter()),
        ("has no seal", {PRINCIPAL: "7", SEAL: "0" * 64}, letter()),
        ("has no seal", {PRINCIPAL: "7", SEAL: 1}, letter()),
        ("has no seal", {PRINCIPAL: 7, SEAL: "0" * 64}, letter()),
        ("has no seal", {PRINCIPAL: "7", SEAL: "\u00fc"}, letter()),
        ("no worker wrote this", {PRINCIPAL: "7", SEAL: "0" * 64}, b'{"id": "a"}'),
        ("no worker wrote this", {PRINCIPAL: "7"}, b"\xff"),
        ("no worker wrote this", {PRINCIPAL: "7"}, DEEP),
    ],
)
async def test_a_letter_without_a_workers_seal_is_not_believed(
    why: str, headers: FieldTable, body: bytes, caller: Caller, again: Again
) -> None:
    await put_letter(caller, body, headers, "a")
    assert why in await again.refused()
    assert await depths(caller) == [0, 1]


@pytest.mark.parametrize("change", ["principal", "body", "queue", "secret", "nobody"])
async def test_a_seal_holds_for_one_caller_one_body_one_queue_and_one_secret(
    change: str, caller: Caller, topology: Topology, again: Again
) -> None:
    body = letter()
    other = Keyring(b"another secret of 32 bytes, or more", issuer="test")
    headers = {
        "principal": sealed(topology, body) | {PRINCIPAL: "1"},
        "body": sealed(topology, letter(request(data={"text": "y"}))),
        "queue": sealed(Topology("another"), body),
        "secret": sealed(topology, body, ring=other),
        "nobody": sealed(topology, body, None) | {PRINCIPAL: "7"},
    }[change]
    await put_letter(caller, body, headers)
    assert "has no seal" in await again.refused("a")


async def test_a_letter_sealed_with_the_secret_of_before_a_change_is_believed() -> None:
    former = Keyring(b"the former secret of 32 bytes or more", issuer="test")
    seal = former.seal_letter("q", "7", b"x")
    keys = KeySet({}, secrets={"former": b"the former secret of 32 bytes or more"})
    now = Keyring(SECRET, issuer="test", keys=keys)
    assert now.is_letter_sealed("q", "7", b"x", seal)
    assert not keyring().is_letter_sealed("q", "7", b"x", seal)


async def test_what_a_caller_lets_expire_with_forged_headers_is_not_sent_again_as_somebody_else(
    caller: Caller, topology: Topology, again: Again
) -> None:
    """A caller alone can bring a message of its own, headers and all, into the dead-letter queue."""
    stolen = sealed(topology, letter(request(id="own")))
    await caller.send(letter(request(id="forged")), headers={**stolen, PRINCIPAL: "1"}, expiration="1")
    await until_depth(caller, 1)
    assert "has no seal" in await again.refused("forged")
    assert await depths(caller) == [0, 1]


async def test_a_message_that_somebody_rejected_by_hand_is_named_by_its_correlation_id(
    caller: Caller, topology: Topology, again: Again, token: str
) -> None:
    await caller.send(request(auth=token))
    while (got := await caller.channel.get(topology.requests)) is None:
        pass
    caller.channel.nack(got.delivery.delivery_tag, requeue=False)
    await until_depth(caller, 1)
    assert "have its caller ask again with the same id, then discard it" in await again.refused("a")


async def test_a_letter_that_lacks_a_secret_stays(serve: Serve, caller: Caller, again: Again, token: str) -> None:
    signing_up = {"user": "temporary", "password": "hunter2"}
    async with serve(most=0):
        await caller.ask({"id": "s", "version": "v1", "action": "sign_up", "data": signing_up})
        await until_depth(caller, 1)
    assert "such as a password" in await again.refused("s")


async def test_a_request_whose_caller_was_never_verified_stays(serve: Serve, caller: Caller, again: Again) -> None:
    async with serve():
        await caller.send(request(auth="no token"), reply_to=None)
        await until_depth(caller, 1)
    assert "v1.write needs one" in await again.refused("a")


async def test_nobodys_letter_of_an_action_that_is_not_public_any_more_stays(
    caller: Caller, topology: Topology, again: Again
) -> None:
    await put_letter(caller, body := letter(), sealed(topology, body, ""))
    assert "never authenticated" in await again.refused("a")


@pytest.mark.parametrize(("ago", "stays"), [(timedelta(days=6, hours=23), False), (timedelta(days=7, hours=1), True)])
async def test_a_letter_older_than_responses_are_kept_stays(
    ago: timedelta, stays: bool, caller: Caller, topology: Topology, again: Again
) -> None:
    failed_at = (datetime.now(UTC) - ago).isoformat().replace("+00:00", "Z")
    await put_letter(caller, body := letter(failed_at=failed_at), sealed(topology, body))
    report = await again.redrive(["a"])
    assert (report.kept, report.done) == (int(stays), int(not stays))
    if stays:
        assert f"it failed at {failed_at}, longer ago than responses are kept" in again.told[-1].kept


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (request(action="gone"), "Unknown action: v1.gone"),
        (request(version=1), "holds no request"),
        ("not an object", "holds no request"),
        (request(data={"text": "y" * (LARGEST_REQUEST - 100)}), "larger than a request may be"),
    ],
)
async def test_what_workers_would_refuse_stays(
    asked: Any, why: str, caller: Caller, topology: Topology, again: Again
) -> None:
    await put_letter(caller, body := letter(asked), sealed(topology, body), "a")
    assert why in await again.refused()


async def test_an_id_that_is_not_there_is_told_and_nothing_is_touched(
    caller: Caller, topology: Topology, again: Again
) -> None:
    for number in range(3):
        await put_letter(caller, body := letter(request(id=f"a{number}")), sealed(topology, body))
    report = await again.redrive(["nobody", "a1", "nobody"])
    assert (report.done, report.kept, report.missing, report.complete) == (1, 0, ("nobody",), True)
    assert await ids_of(caller) == ["a0", "a2"]
    assert (await again.discard(["never"])).missing == ("never",)


async def test_letters_stay_when_the_queue_of_requests_is_full(
    caller: Caller, topology: Topology, again: Again
) -> None:
    await caller.channel.delete_queue(topology.requests)
    await caller.channel.declare_queue(
        topology.requests, arguments={"x-queue-type": "quorum", "x-max-length": 2, "x-overflow": "reject-publish"}
    )
    await caller.channel.bind_queue(topology.requests, topology.exchange, topology.requests)
    with contextlib.suppress(Refused):
        while True:
            await caller.send(request())
    for number in range(300):
        await put_letter(caller, body := letter(request(id=f"a{number}")), sealed(topology, body))
    report = await again.redrive(None)
    assert (report.done, report.complete) == (0, False)
    assert 1 <= report.kept < 300  # it does not go on trying
    assert "refused a message" in again.told[-1].kept
    assert await ids_of(caller) == [f"a{number}" for number in range(300)]
    await caller.channel.purge_queue(topology.requests)
    assert (await again.redrive(["a7"])).done == 1


async def test_a_missing_binding_keeps_the_letter(caller: Caller, topology: Topology, again: Again) -> None:
    await put_letter(caller, body := letter(), sealed(topology, body))
    await caller.channel.unbind_queue(topology.requests, topology.exchange, topology.requests)
    assert "no queue takes" in await again.refused("a")
    assert await depths(caller) == [0, 1]


@pytest.mark.parametrize("how", ["redrive", "discard"])
async def test_every_second_of_many_letters_is_taken_out_and_the_others_keep_their_order(
    how: str, caller: Caller, topology: Topology, again: Again
) -> None:
    bodies = [letter(request(id=f"a{number}")) for number in range(400)]
    for body in bodies:
        await put_letter(caller, body, sealed(topology, body))
    ids = [f"a{number}" for number in range(0, 400, 2)]
    report = await (again.redrive(ids) if how == "redrive" else again.discard(ids))
    assert (report.done, report.kept, report.missing, report.complete) == (200, 0, (), True)
    assert await ids_of(caller) == [f"a{number}" for number in range(1, 400, 2)]
    assert again.told == [LetterFate(request_id, "") for request_id in ids]
    assert await depths(caller) == [200 if how == "redrive" else 0, 200]


async def test_a_body_that_is_nested_without_end_hinders_nobody(
    caller: Caller, topology: Topology, again: Again
) -> None:
    """Any caller can bring such a message here by letting it expire."""
    await put_letter(caller, DEEP, {}, "deep")
    await put_letter(caller, body := letter(), sealed(topology, body))
    assert [found.correlation_id for found in await look(caller.connection, topology)] == ["deep", None]
    report = await again.redrive(None)
    assert (report.done, report.kept, report.complete) == (1, 1, True)
    assert (await again.discard(["deep"])).done == 1
    assert await depths(caller) == [1, 0]


@pytest.mark.parametrize("code", ["rate_limited", "overloaded", "deadline_exceeded"])
async def test_a_request_that_was_refused_for_the_moment_may_have_been_executed_before_and_stays(
    code: str, caller: Caller, topology: Topology, again: Again
) -> None:
    await put_letter(caller, body := letter(reason=f"{code}: later"), sealed(topology, body))
    assert f"it was refused ({code}) for the moment only" in await again.refused("a")
    assert await depths(caller) == [0, 1]


async def test_a_request_that_workers_died_on_is_sent_only_when_it_is_named(
    caller: Caller, topology: Topology, again: Again
) -> None:
    body = letter(reason="3 workers died while they ran this request")
    await put_letter(caller, body, sealed(topology, body))
    assert "name it by its id" in await again.refused()
    assert (await again.redrive(["a"])).done == 1


async def test_a_ticket_ends_with_the_response_that_keeps_the_request_from_running_twice(
    caller: Caller, topology: Topology, again: Again
) -> None:
    retention, age = timedelta(hours=2), timedelta(hours=1)
    failed_at = datetime.now(UTC) - age
    body = letter(request(), failed_at=failed_at.isoformat())
    await put_letter(caller, body, sealed(topology, body))
    await again.redrive(None, retention=retention)
    got = await caller.channel.get(topology.requests, no_ack=True)
    assert got is not None
    sent = decode_request(got.delivery.body)
    end = (failed_at + retention).timestamp()
    for now, believed in ((end - 1, True), (end + 1, False)):
        ring = Keyring(SECRET, issuer="test", clock=lambda now=now: now)  # type: ignore[misc]
        with contextlib.nullcontext() if believed else pytest.raises(Unauthenticated):
            assert ring.read_ticket(sent.auth, imprint(sent)).principal.subject == "7"


async def test_discarding_takes_anything(caller: Caller, topology: Topology, again: Again) -> None:
    await put_letter(caller, b"\xff", {}, "raw")
    await put_letter(caller, letter(), {})
    await put_letter(caller, body := letter(request(id="b")), sealed(topology, body))
    assert (await again.discard(["raw"])).done == 1
    assert await ids_of(caller) == ["a", "b"]
    assert (await again.discard(None)).done == 2
    assert await letters_of(caller) == []
    assert (await again.discard(None)).complete


async def test_two_thousand_letters_are_sent_again_with_few_in_memory_and_few_waits(
    caller: Caller, topology: Topology, again: Again
) -> None:
    size, count = 20_000, 2_000
    for start in range(0, count, 100):
        for number in range(start, start + 100):
            body = letter(request(id=f"a{number}", data={"text": "y" * size}))
            await put_letter(caller, body, sealed(topology, body))
    tracemalloc.start()
    report = await again.redrive(None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (report.done, report.complete) == (count, True)
    assert await depths(caller) == [count, 0]
    assert peak < size * count / 2
