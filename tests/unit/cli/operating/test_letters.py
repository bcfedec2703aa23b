"""What strangers put into letters and replies, as it is shown: without secrets, and harmless to a terminal."""

import json

import pytest

from leveret.cli.operating.letter_fates import tell
from leveret.cli.terminal.screen import terminal_json
from leveret.letters.document import as_document, secrets_of
from leveret.letters.letter import Death, Letter
from leveret.letters.removal import LetterFate
from leveret.wire.attempts import Attempt
from leveret.wire.codec import encode_json
from leveret.wire.letter import LetterBody
from taskmanager.actions import app

SECRETS = secrets_of(app)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"
REQUEST = {"id": "a", "version": "v1", "action": "login", "data": {"email": "x", "password": "hunter2"}, "auth": TOKEN}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(REQUEST).encode(),
        json.dumps(REQUEST).encode()[:-1],
        b"\xff" + json.dumps(REQUEST).encode(),
        LetterBody("x", f"why {TOKEN}", REQUEST, {"auth": "opaque", "x": TOKEN}),
        LetterBody(
            *("x", "why", REQUEST, {}),
            message_id=TOKEN,
            code=TOKEN,
            exception=TOKEN,
            place=TOKEN,
            attempts=[Attempt(TOKEN, TOKEN, TOKEN)],
        ),
    ],
    ids=["a request", "no JSON", "no text", "a forged letter", "a letter with forged facts"],
)
def test_a_letter_is_shown_without_secrets(content: LetterBody | bytes) -> None:
    letter = Letter(content, {}, (Death("q", "expired", 1),), f"c {TOKEN}", redelivered=False, message_id=TOKEN)
    text = encode_json(as_document(letter, SECRETS)).decode()
    assert "hunter2" not in text
    assert TOKEN not in text
    assert "opaque" not in text
    assert json.loads(text)["deaths"] == [{"queue": "q", "reason": "expired", "count": 1}]


def test_why_a_letter_was_written_stands_before_what_was_asked_for() -> None:
    body = LetterBody(*("x", "why", REQUEST, {}), code="retries_exhausted", place="shop/sell.py:7")
    shown = as_document(Letter(body, {}, (), "a", redelivered=False), SECRETS)["letter"]
    assert isinstance(shown, dict)
    assert list(shown) == ["failed_at", "reason", "code", "place", "request", "headers"]


def test_a_request_that_the_broker_moved_is_shown_readable() -> None:
    body = json.dumps(REQUEST).encode()
    letter = as_document(Letter(body, {}, (), "a", redelivered=False), SECRETS)["letter"]
    data = {"email": "x", "password": "[removed]"}
    assert letter == {"body": {"id": "a", "version": "v1", "action": "login", "data": data}}


@pytest.mark.parametrize("fate", [LetterFate("a\n2 sent\x1b[2J\u202e\x9b", ""), LetterFate("a\n", "why\x1b\n")])
def test_an_id_cannot_write_lines_of_its_own_nor_steer_the_terminal(
    fate: LetterFate, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(fate, "sent again")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.strip().isprintable()
    assert "a\\n" in out


def test_an_id_that_is_a_token_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    tell(LetterFate(TOKEN, ""), "sent again")
    assert capsys.readouterr().out == "sent again: [removed]\n"


def test_json_on_a_terminal_has_no_control_characters_and_says_the_same() -> None:
    value = {"a\x7f": ["\x1b[2J", "\x9b31m", "\u202e", "\u2028", "\n", "\x00", "\U000e0001", "Gr\u00fc\u00df dich"]}
    text = terminal_json(encode_json(value))
    assert json.loads(text) == value
    assert all(line.isprintable() for line in text.split("\n"))
    assert "Gr\u00fc\u00df dich" in text
