"""What is kept of a letter outside the broker: all of it, but no secret."""

import json

import pytest
from msgspec import structs

from leveret.amqp import Delivery, Properties
from leveret.letters.keeping import LetterKeeper, NotKept
from leveret.letters.key import letter_key
from leveret.letters.portable import message_of
from leveret.wire.codec import encode_json
from leveret.wire.letter import LetterBody

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"
REQUEST = {"id": "a", "version": "v1", "action": "login", "data": {"email": "x"}}
KEEPER = LetterKeeper({"auth", "password"})


def delivery(body: bytes, **properties: object) -> Delivery:
    found = Properties(**properties)  # type: ignore[arg-type] # any of them
    return Delivery("", 1, redelivered=False, exchange="", routing_key="q", properties=found, body=body)


def test_a_workers_letter_is_kept_as_it_was() -> None:
    body = encode_json(LetterBody("2026-01-01T00:00:00.000Z", "why", REQUEST, {"x": 1}, message_id="m"))
    found = delivery(body, message_id="m", headers={"x-seal": "0" * 64, "x-principal": "7", "n": b"\xff"})
    kept = KEEPER.keep(found)
    assert (kept.whole, kept.key, kept.request, kept.action) == (True, "m", "a", "v1.login")
    again = message_of(kept.properties_json, kept.body)
    assert (again.properties, again.body) == (found.properties, body)
    assert letter_key(again) == letter_key(found)


@pytest.mark.parametrize(
    "found",
    [
        delivery(json.dumps({**REQUEST, "auth": TOKEN}).encode()),
        delivery(json.dumps({**REQUEST, "data": {"password": "hunter2"}}).encode()),
        delivery(f"password=hunter2 {TOKEN}".encode()),
        delivery(encode_json(LetterBody("x", TOKEN, {**REQUEST, "data": {"password": "hunter2"}}, {}))),
        delivery(b"{}", headers={"a": {"b": [TOKEN]}, "password": "hunter2"}),
        delivery(b"{}", headers={"a": TOKEN.encode() + b"\xff"}),
        delivery(b"{}", correlation_id=TOKEN),
    ],
    ids=["a token", "a password", "no JSON", "a forged letter", "headers", "bytes", "an id"],
)
def test_a_secret_is_taken_out_and_that_is_told(found: Delivery) -> None:
    kept = KEEPER.keep(found)
    assert not kept.whole
    written = kept.properties_json.encode() + kept.body + kept.key.encode() + kept.request.encode()
    again = message_of(kept.properties_json, kept.body).properties
    for secret in ("hunter2", TOKEN):
        assert secret.encode() not in written
        assert secret not in str(again)


def test_what_nobody_can_read_is_not_kept_and_it_is_said_what_to_do() -> None:
    large = structs.replace(delivery(b""), left_out=9_000_000)
    unreadable = structs.replace(delivery(b"{}"), unreadable="cut off")
    for found, words in ((large, "9000000 bytes"), (unreadable, "cut off"), (delivery(b"\xff\x00"), "not a text")):
        with pytest.raises(NotKept, match=f"{words}.*--for-good"):
            KEEPER.keep(found)
