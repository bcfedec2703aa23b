"""What the index keeps of a message: whatever a stranger put into it, without secrets, and never an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leveret.letters.document import as_document
from leveret.letters.filters import LetterFilter
from leveret.letters.index.clean import surely_clean
from leveret.letters.index.entries import EntryReader
from leveret.letters.key import letter_key
from leveret.letters.letter import read_letter
from leveret.wire.codec import encode_json
from leveret.wire.masking import without_secrets
from support.indexed_letters import SECRETS, delivery, made_index, moved, written

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"
PARTS = st.sampled_from(
    [
        "password",
        "PASS-word",
        "pa\u017fsword",
        "\u212aey",
        "auth",
        '"',
        "\\",
        ":",
        "=",
        "ey",
        ".",
        TOKEN,
        "hunter2",
        "\u00e9",
    ]
)
TEXTS = st.lists(PARTS | st.text(max_size=3), max_size=6).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400)
@given(VALUES, st.booleans())
def test_what_is_taken_to_be_clean_is_clean(value: Any, ascii_only: bool) -> None:
    try:
        body = json.dumps(value, ensure_ascii=ascii_only).encode()
        value = msgspec.json.decode(body)
    except ValueError:
        return
    if surely_clean(SECRETS)(body, body.decode()):
        assert without_secrets(value, SECRETS) == value


def test_an_ordinary_letter_is_read_the_quick_way() -> None:
    document = encode_json(as_document(read_letter(written(1)), SECRETS))
    assert surely_clean(SECRETS)(document, document.decode())


@pytest.mark.parametrize(
    "message",
    [
        written(1),
        written(1, reason='two\nlines and "quotes"'),
        written(1, code=None, exception=None, place=None),
        written(1, request={"data": {"title": "Gr\u00fc\u00dfe \u041f\u0440\u0438\u0432\u0435\u0442"}}),
        moved(1),
        delivery(b"", message_id="m"),
        delivery(b"\xff\xfe", correlation_id="c"),
    ],
)
def test_the_document_is_what_is_shown_of_the_letter(message: Any) -> None:
    shown = as_document(read_letter(message), SECRETS)
    kept = json.loads(EntryReader(SECRETS).read(message).document)
    assert kept == json.loads(encode_json(shown))


SECRET = {"data": {"password": "hunter2", "note": f"password=hunter2 {TOKEN}"}, "auth": TOKEN}


@pytest.mark.parametrize(
    "message",
    [
        written(1, request=SECRET),
        written(1, reason=TOKEN),
        written(1, headers={"auth": "hunter2"}),
        written(1, message_id=TOKEN),
        written(1, principal=TOKEN),
        moved(1, **SECRET),
        delivery(json.dumps({"id": TOKEN, **SECRET}).encode()[:-1], correlation_id=TOKEN),
        delivery(json.dumps({"pass\u00b7word": "hunter2", "x": '{"password": "hunter2"}'}).encode()),
    ],
)
def test_no_secret_is_in_the_file(tmp_path: Path, message: Any) -> None:
    with made_index(tmp_path, message, written(2)) as index:
        assert index.count() == 2
        assert index.count(LetterFilter(text="hunter2")) == 0
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hunter2" not in content
    assert TOKEN.encode() not in content
    assert b"eyJhbGci" not in content


HOSTILE = [
    delivery(b"[" * 100_000),
    delivery(b'{"a":' * 100_000),
    delivery(json.dumps({"failed_at": "9999-99-99", "reason": "\0", "request": None, "headers": {}}).encode()),
    delivery(b'{"failed_at":"x","reason":"\\ud800","request":{"id":"\\ud800"},"headers":{}}'),
    delivery(b'{"failed_at":"0001-01-01T00:00:00+23:59","reason":"","request":[[]],"headers":{}}'),
    delivery(b'{"failed_at":"","reason":"","request":' + b"[" * 5000 + b"]" * 5000 + b',"headers":{}}'),
    delivery(b"x" * 1_000_000, correlation_id="\\xff\x1b[2J\u202e", headers={"x-death": [{"queue": 1}, 7]}),
    delivery(json.dumps({"id": "x" * 10_000, "version": "y" * 10_000, "action": "z" * 10_000, "data": {}}).encode()),
    delivery(b'{"id": 7, "version": [], "action": null}', message_id="x" * 255, headers={"x-principal": 7}),
    delivery(b"", headers={"x-principal": "\\xff\0", "x-death": "no"}),
]


def test_nothing_that_a_stranger_sends_breaks_the_index(tmp_path: Path) -> None:
    with made_index(tmp_path, *HOSTILE, written(1)) as index:
        rows = index.find(limit=100).rows
        assert len(rows) == len(HOSTILE) + 1
        assert all(index.read(row.key) is not None for row in rows)
        assert len(index.groups()) >= 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.binary(max_size=60) | VALUES.map(encode_json), st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
def test_whatever_is_read_becomes_an_entry(body: bytes, name: str) -> None:
    entry = EntryReader(SECRETS).read(delivery(body, correlation_id=name, message_id=name))
    assert json.loads(entry.document)
    assert entry.key


@pytest.mark.parametrize("message", [written(1), moved(1), delivery(b"x", message_id="forged")])
def test_the_key_is_that_of_all_tools(message: Any) -> None:
    assert EntryReader(SECRETS).read(message).key == letter_key(message)


def test_too_many_kinds_are_counted_together(tmp_path: Path) -> None:
    many = [moved(number, action=f"action-{number}") for number in range(5_100)]
    with made_index(tmp_path, *many, written(1)) as index:
        groups = index.groups()
        assert len(groups) == 5_001
        assert groups[0].action == "(other)"
        assert groups[0].present == 101
