"""Two messages are copies of one letter when their keys are equal."""

import pytest
from msgspec.structs import replace

from leveret.amqp import Delivery, FieldTable, Properties
from leveret.letters.key import letter_key
from leveret.wire.codec import encode_json
from leveret.wire.letter import LetterBody


def delivery(body: bytes, *, redelivered: bool = False, headers: FieldTable | None = None, **names: str) -> Delivery:
    properties = replace(Properties(headers=headers), **names)
    return Delivery("c", 1, redelivered, "", "q", properties, body)


def written(message_id: str) -> bytes:
    return encode_json(LetterBody("2026-12-01T00:00:00Z", "x", {"id": "a"}, {}, message_id=message_id))


def test_a_letter_of_a_worker_is_known_by_the_id_in_its_body() -> None:
    assert letter_key(delivery(written("m1"), message_id="m1")) == "m1"
    assert letter_key(delivery(written("m1"), message_id="m1", redelivered=True)) == "m1"


@pytest.mark.parametrize("body", [written("m2"), b"{}", b"", b"[1]"])
def test_an_id_that_its_body_does_not_confirm_is_not_believed(body: bytes) -> None:
    key = letter_key(delivery(body, message_id="m1"))
    assert key not in ("m1", "m2")
    assert len(key) == 32


def test_what_no_worker_wrote_is_known_by_its_content_and_why_it_was_moved() -> None:
    deaths: FieldTable = {"x-first-death-reason": "expired"}
    one = delivery(b"x", correlation_id="a", headers=deaths)
    assert letter_key(one) == letter_key(replace(one, redelivered=True))
    in_stream = replace(one.properties, headers={**deaths, "x-stream-offset": 5})
    in_queue = replace(one.properties, headers={**deaths, "x-death": [{"queue": "q", "time": 5}]})
    assert letter_key(one) == letter_key(replace(one, properties=in_stream))
    assert letter_key(one) == letter_key(replace(one, properties=in_queue))
    others = [
        delivery(b"y", correlation_id="a", headers=deaths),
        delivery(b"x", correlation_id="b", headers=deaths),
        delivery(b"x", correlation_id="a", headers={"x-first-death-reason": "rejected"}),
        delivery(b"x", correlation_id="a"),
    ]
    assert len({letter_key(each) for each in [one, *others]}) == 5
