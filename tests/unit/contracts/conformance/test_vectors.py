"""Our own code against every vector of `protocol/`, so that neither can change without the other."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from leveret import App
from leveret.amqp import Delivery, Properties
from leveret.api import Api
from leveret.auth.keyring import Keyring, TokenExpired
from leveret.client.call import Call, ReceivedReply
from leveret.client.in_flight import CallsInFlight
from leveret.contracts.conformance import vectors as v
from leveret.contracts.conformance.messages import filled
from leveret.errors import InvalidRequest, LeveretError, Unauthenticated
from leveret.outcome import Answer, DeadLetter
from leveret.process.clock import loop_clock
from leveret.wire.codec import canonical, check_id, decode_object
from leveret.wire.messages import reply_message
from leveret.worker.arrive.intake import Intake
from leveret.worker.work import DeclinedDelivery, RejectedRequest, Work
from support.serving import keyring

ROOT = Path(__file__).resolve().parents[4]
NOW = 1_800_000_000.0
DIRECT = "amq.rabbitmq.reply-to.g2dkAAVhQGhvc3QA.key"


def vectors(kind: type[msgspec.Struct]) -> list[Any]:
    """Return a file's vectors, each under its name."""
    return [pytest.param(vector, id=vector.name) for vector in v.read_vectors(kind).vectors]


@pytest.fixture(scope="module")
def api() -> Api[Any]:
    app = App("vectors")
    app.complete()
    return app


def take(api: Api[Any], body: bytes, properties: Properties) -> tuple[v.ExpectedVerdict, str]:
    """Let a worker's intake read a message; return its verdict, and the correlation_id of the reply."""
    delivery = Delivery("tag", 1, False, "api.direct", "api.requests", properties, body)  # noqa: FBT003 - its fields have an order
    taken = Intake(api, keyring(), clock=lambda: NOW).take(delivery)
    subject = taken.work.subject if isinstance(taken, RejectedRequest) else taken.subject
    reply = reply_message(b"", properties, subject.id)
    answered = reply.properties.correlation_id if reply else None
    match taken:
        case Work():
            return v.ExpectedVerdict("accepted"), answered or ""
        case RejectedRequest(error=refused):
            return v.ExpectedVerdict("refused", refused.code), answered or ""
        case DeclinedDelivery(outcome=DeadLetter(code=code)):
            return v.ExpectedVerdict("letter", code), ""
        case DeclinedDelivery(outcome=Answer() as answer):
            return v.ExpectedVerdict("refused", str(answer.code)), answered or ""
    raise AssertionError(taken)


@pytest.mark.parametrize("vector", vectors(v.RequestVectors))
def test_a_request_gets_its_verdict(api: Api[Any], vector: v.RequestVector) -> None:
    properties = Properties(reply_to=DIRECT, correlation_id="asked")
    assert take(api, vector.input.body.bytes(), properties) == (vector.expected, "asked")


@pytest.mark.parametrize("vector", vectors(v.MessageVectors))
def test_properties_get_their_verdict(api: Api[Any], vector: v.MessageVector) -> None:
    body = json.dumps({"id": "message", "version": "v1", "action": "health_check", "data": {}}).encode()
    words = {"$now": int(NOW * 1000), "$reply": DIRECT, "$asked": "asked", "$other": "other"}
    verdict, correlation_id = take(api, body, filled(vector.input.properties, words))
    expected = vector.expected
    assert (verdict.verdict, verdict.code) == (expected.verdict, expected.code)
    if expected.correlation_id is not None:
        assert correlation_id == words.get(expected.correlation_id, expected.correlation_id)


@pytest.mark.parametrize("vector", vectors(v.IdVectors))
def test_an_id_is_valid_or_not(vector: v.IdVector) -> None:
    try:
        check_id(vector.input.id)
    except InvalidRequest:
        assert not vector.expected.valid
    else:
        assert vector.expected.valid


@pytest.mark.parametrize("vector", vectors(v.FingerprintVectors))
def test_a_request_has_its_fingerprint(vector: v.FingerprintVector) -> None:
    given = vector.input
    data = decode_object(given.data.encode())
    form = canonical([given.version, given.action, data])
    assert form.decode() == vector.expected.canonical
    assert keyring().fingerprint(form, keyed=False).hex() == vector.expected.digest
    assert hashlib.blake2b(form, digest_size=16).hexdigest() == vector.expected.digest


@pytest.mark.parametrize("vector", vectors(v.TokenVectors))
def test_a_token_names_its_caller_or_nobody(vector: v.TokenVector) -> None:
    file = v.read_vectors(v.TokenVectors)
    keys = Keyring(file.secret.encode(), issuer=file.issuer, clock=lambda: file.now)
    try:
        found = v.TokenCaller(keys.verify(vector.input.auth).subject)
    except TokenExpired:
        found = v.TokenCaller(None, expired=True)
    except Unauthenticated:
        found = v.TokenCaller(None)
    assert found == vector.expected


@pytest.mark.parametrize("vector", vectors(v.ReplyVectors))
async def test_a_client_reads_a_reply(vector: v.ReplyVector) -> None:
    calls = CallsInFlight(lambda: None, loop_clock())
    waiter = calls.join(Call("asked", "v1.echo", b"{}", wants_reply=True), 10)
    calls.answer(waiter.call, vector.input.body.bytes())
    try:
        found = read(await waiter.future)
    except LeveretError:
        found = v.ReadReply("unreadable")
    calls.close()
    assert found == vector.expected


def read(received: ReceivedReply) -> v.ReadReply:
    reply = received.reply
    if reply.status == "ok":
        return v.ReadReply("result", reply.data)
    return v.ReadReply("error", None, reply.code or "", reply.error or "", reply.details or None)


KINDS = v.VectorFile.__args__


@pytest.mark.parametrize("kind", KINDS, ids=[str(kind.__struct_config__.tag) for kind in KINDS])
def test_the_names_in_a_file_are_unique_and_every_vector_says_why(kind: type[msgspec.Struct]) -> None:
    found = v.read_vectors(kind).vectors
    assert len({vector.name for vector in found}) == len(found) >= 15
    assert [vector.name for vector in found if not vector.why.endswith(".")] == []


def test_every_file_is_of_a_kind_and_the_schema_is_that_of_the_records() -> None:
    files = {path.stem for path in (ROOT / "protocol").glob("*.json")} - {"schema"}
    assert files == {kind.__struct_config__.tag for kind in KINDS}
    schema = json.loads((ROOT / "protocol" / "schema.json").read_text())
    assert schema == v.schema(), "write it again: python -m leveret.contracts.conformance.vectors"
