"""What is taken out of texts and JSON before they are written down, and what is left."""

import json
from typing import Any

import pytest

from leveret.wire.masking import printable, shown, text_without_secrets, without_secrets, without_tokens

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (TOKEN, "[removed]"),
        (f"Bearer {TOKEN}, and", "Bearer [removed], and"),
        (f"glued{TOKEN}", "glued[removed]"),
        (f"{TOKEN}.{TOKEN}", "[removed].[removed]"),
        (f"www.example.com.{TOKEN}", "www.example.com.[removed]"),
        (TOKEN.rpartition(".")[0] + ".", "[removed]"),
        ("they keyed three.keys.in", "they keyed three.keys.in"),
        ("eyes.on.it", "eyes.on.it"),
        (TOKEN.partition(".")[0], TOKEN.partition(".")[0]),
        ("", ""),
    ],
)
def test_a_token_goes_wherever_it_stands_and_other_words_stay(text: str, left: str) -> None:
    assert without_tokens(text) == left


def test_a_text_is_shown_without_tokens_and_not_at_any_length() -> None:
    assert shown("short", 5) == "short"
    assert shown(f"{TOKEN}{'.' * 20}", 12) == "[removed]... (29 characters)".replace("... (", "...... (")


@pytest.mark.parametrize(
    "value",
    [
        {"password": "hunter2"},
        {"Password": ["hunter2"]},
        {"pass-word": {"is": "hunter2"}},
        {"\ufeffpassword ": "hunter2"},
        [{"deep": [{"PASSWORD": "hunter2"}]}],
        {"text": json.dumps({"x": {"password": "hunter2"}})},
        {"form": "user=ann&password=hunter2&more=1"},
    ],
)
def test_a_secret_in_json_goes_by_its_name(value: Any) -> None:
    assert "hunter2" not in json.dumps(without_secrets(value, {"password"}))


def test_what_is_no_secret_stays_as_it_is() -> None:
    value = {"title": "Change the password: today", "passwords": 3, "n": [1, 2.5, None, True], "x": {"y": "z"}}
    assert without_secrets(value, {"password"}) == value
    assert without_secrets(value, ()) == value


@pytest.mark.parametrize(
    "text",
    [
        "{'password': 'hunter2'}",
        r'"{\"password\": \"hunter2\"}"',
        "email=a%40b&password=hunter2",
        "<password>hunter2</password>",
        "PASSWORD: hunter2",
        'name="password"\r\n\r\nhunter2\r\n--',
        '{"password": "a\\"hunter2',
        f"auth={TOKEN[:-2]}hunter2",
    ],
)
def test_a_secret_in_a_text_that_nobody_can_read_goes_in_whatever_form_it_has(text: str) -> None:
    assert "hunter2" not in text_without_secrets(text, {"password"})


def test_the_signature_of_a_broken_token_goes_and_a_uuid_stays() -> None:
    text = text_without_secrets(f"ey,x.{'S' * 43} 0f8fad5b-d9cb-469f-a165-70867728950e", ())
    assert "SSS" not in text
    assert "0f8fad5b-d9cb-469f-a165-70867728950e" in text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain ä🐇 \\n", "plain ä🐇 \\n"),
        ("a\nok: forged\r\t\x00\x1b[2J\x7f", r"a\nok: forged\r\t\x00\x1b[2J\x7f"),
        ("\x85\u2028\u2029\x0b\x0c\x1c", r"\x85\u2028\u2029\x0b\x0c\x1c"),
        ("\u202e\u2066\u200f\u061c\ufeff\u200b\xad", r"\u202e\u2066\u200f\u061c\ufeff\u200b\xad"),
        ("\ud800\U000e0041", r"\ud800\U000e0041"),
    ],
)
def test_a_strangers_text_can_be_printed_plainly(text: str, escaped: str) -> None:
    assert printable(text) == shown(text, 1000) == escaped
    assert len(printable(text).splitlines()) == 1


def test_escapes_make_no_text_longer_than_it_may_be() -> None:
    assert shown("\x01" * 100, 40) == r"\x01" * 10 + "... (100 characters)"
    assert shown("\x01" * 20, 40) == r"\x01" * 10 + "... (20 characters)"
    assert shown("\x01" * 10, 40) == r"\x01" * 10
