import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from leveret.wire.attempts import failed_attempt
from leveret.wire.letter import LetterFacts, decode_letter, write_letter, write_short_letter
from leveret.wire.limits import LARGEST_REQUEST

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"


FACTS = LetterFacts("0123", NOW, "why", "internal")


def letter(
    body: bytes,
    headers: dict[str, Any] | None = None,
    secrets: set[str] | None = None,
    facts: LetterFacts = FACTS,
) -> dict[str, Any]:
    return dict(json.loads(write_letter(body, headers or {}, secrets or set(), facts)))


def test_a_letter_holds_the_request_without_its_token() -> None:
    body = json.dumps({"id": "a", "version": "v1", "action": "x", "data": {"t": 1}, "auth": TOKEN}).encode()
    assert letter(body) == {
        "failed_at": "2026-01-02T03:04:05.678Z",
        "reason": "why",
        "request": {"id": "a", "version": "v1", "action": "x", "data": {"t": 1}},
        "headers": {},
        "message_id": "0123",
        "code": "internal",
    }


def test_a_letter_without_its_secret_says_that_it_cannot_be_redriven() -> None:
    found = letter(b'{"data": {"password": "hunter2", "user": "ann"}}', secrets={"password"})
    assert found["request"]["data"] == {"password": "[removed]", "user": "ann"}
    assert found["redrivable"] is False


@pytest.mark.parametrize(
    "body",
    [
        f'{{"auth": "{TOKEN}", "password": "hunter2"'.encode(),
        f'"password"  :   "hunter2", {TOKEN}'.encode(),
        f'{{"password": "a\\"hunter2", "x": "Bearer {TOKEN}"'.encode(),
        b'{"password": "hunter2',
    ],
)
def test_what_is_no_json_is_kept_as_text_without_secrets(body: bytes) -> None:
    text = letter(body, secrets={"password"})["request"]
    assert "hunter2" not in text
    assert TOKEN not in text
    assert "password" in text


@pytest.mark.parametrize(
    "document",
    [
        {"data": {}, "password": "hunter2"},
        {"data": [{"login": {"password": "hunter2"}}]},
        {"data": '{"password": "hunter2"}'},
    ],
)
def test_a_secret_in_the_wrong_place_is_taken_out_as_well(document: dict[str, Any]) -> None:
    found = letter(json.dumps(document).encode(), secrets={"password"})
    assert "hunter2" not in json.dumps(found)
    assert found["redrivable"] is False


def test_headers_are_kept_as_json() -> None:
    moment = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    headers = {"x-death": [{"time": moment, "count": 3}], "raw": b"\xff", "token": TOKEN, "none": None, "yes": True}
    assert letter(b"{}", headers)["headers"] == {
        "x-death": [{"time": "2026-01-01T00:00:00.000Z", "count": 3}],
        "raw": "\\xff",
        "token": "[removed]",
        "none": None,
        "yes": True,
    }


@pytest.mark.parametrize("body", [b"\x01" * LARGEST_REQUEST, b'"' * 3 * LARGEST_REQUEST, b"\x01x" * LARGEST_REQUEST])
def test_a_letter_is_bound_in_what_it_has_in_json(body: bytes) -> None:
    """A control character has six bytes there; one that was larger than the broker takes ended sessions for ever."""
    headers = {f"name {number}": "\x01" * 200 for number in range(1000)}
    written = write_letter(body, headers, set(), replace(FACTS, reason="\x01" * 1000))
    assert len(written) < LARGEST_REQUEST + 32 * 1024
    assert "more bytes left out]" in json.loads(written)["request"]
    assert "bytes of headers" in json.loads(written)["headers"]["left out"]


def test_a_reason_with_half_a_surrogate_pair_can_be_written() -> None:
    assert letter(b"{}", facts=replace(FACTS, reason="no file \udce9"))["reason"] == "no file \\udce9"


def test_a_body_beyond_the_limit_is_cut_and_says_so() -> None:
    assert letter(b" x" * (LARGEST_REQUEST // 2) + b"x" * 7)["request"].endswith(" x x [7 more bytes left out]")
    assert letter(b" x" * (LARGEST_REQUEST // 2) + b"x")["request"].endswith(" x x [1 more byte left out]")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be"])
def test_of_a_body_that_is_no_text_nothing_is_kept_but_its_size(encoding: str) -> None:
    body = '{"password": "hunter2"}'.encode(encoding)
    assert letter(body, secrets={"password"})["request"] == f"[{len(body)} bytes that are no UTF-8 text left out]"
    assert letter(b'{"x": "\xe4"')["request"] == "[9 bytes that are no UTF-8 text left out]"
    assert letter(b"\xff")["request"] == "[1 byte that is no UTF-8 text left out]"


def test_tokens_and_secrets_are_taken_out_of_headers_and_of_the_reason_too() -> None:
    headers = {"password": "hunter2", TOKEN: [TOKEN], "Authorization": f"Bearer {TOKEN}"}
    found = json.dumps(letter(b"{}", headers, {"password"}, replace(FACTS, reason=f"no {TOKEN}")))
    assert "hunter2" not in found
    assert TOKEN not in found


@given(
    st.binary(max_size=200), st.dictionaries(st.text(max_size=5), st.binary() | st.floats() | st.integers(), max_size=3)
)
def test_every_body_and_every_header_makes_a_letter(body: bytes, headers: dict[str, Any]) -> None:
    assert letter(body, headers, {"password"})["reason"] == "why"


def test_a_letter_tells_code_exception_place_and_attempts_as_fields() -> None:
    attempts = (failed_attempt(NOW, "worker 1", "not now"), failed_attempt(NOW, "worker 2", "still not"))
    known = replace(FACTS, code="retries_exhausted", exception="shop.Busy", place="shop/sell.py:7", attempts=attempts)
    found = letter(b"{}", facts=known)
    assert (found["code"], found["exception"], found["place"]) == ("retries_exhausted", "shop.Busy", "shop/sell.py:7")
    assert found["attempts"] == [
        {"failed_at": "2026-01-02T03:04:05.678Z", "worker": "worker 1", "reason": "not now"},
        {"failed_at": "2026-01-02T03:04:05.678Z", "worker": "worker 2", "reason": "still not"},
    ]


def test_a_short_letter_has_the_facts_that_are_short() -> None:
    many = (failed_attempt(NOW, "worker 1", "x" * 300),) * 16
    known = replace(FACTS, code="retries_exhausted", exception="shop.Busy", place="shop/sell.py:7", attempts=many)
    written = write_short_letter({"id": "a"}, 7, known)
    found = decode_letter(written)
    assert (found.code, found.exception, found.place) == ("retries_exhausted", "shop.Busy", "shop/sell.py:7")
    assert found.attempts is UNSET
    assert len(written) < 400


def test_a_letter_without_the_newer_fields_is_read() -> None:
    found = decode_letter(b'{"failed_at": "x", "reason": "y", "request": {}, "headers": {}}')
    assert (found.reason, found.code, found.attempts) == ("y", UNSET, UNSET)
