"""Files with exported letters: whole or not there, for their owner only, and checked as a whole before use."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.amqp import Delivery, FieldTable, Properties
from leveret.letters.export_file import ExportTrouble, check_export, read_export, write_export
from leveret.letters.export_lines import ExportedLetter, read_line, write_line
from leveret.letters.portable import NotPortable
from leveret.wire.codec import encode_json
from leveret.wire.letter import LetterBody
from support.serving import keyring


def letter(request_id: str, body: bytes | None = None, headers: FieldTable | None = None) -> Delivery:
    request = {"id": request_id, "version": "v1", "action": "write", "data": {"text": "\u2028\0"}}
    written = encode_json(LetterBody("2026-01-01T00:00:00.000Z", "why", request, {}, message_id=request_id))
    own = written if body is None else body
    properties = Properties(message_id=request_id, correlation_id=request_id, delivery_mode=2, headers=headers)
    return Delivery("", 1, redelivered=False, exchange="", routing_key="q", properties=properties, body=own)


def test_an_export_is_read_back_as_it_was_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    letters = [
        letter("a", headers={"n": b"\xff"}),
        letter("b", b"\xff\x00"),
        letter("c", headers={"x-delivery-count": 3}),
    ]
    assert write_export(file, letters, "q") == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    seen: list[ExportedLetter] = []
    checked = check_export(file, seen.append)
    assert (checked.letters, checked.problems) == (3, ())
    again = [each.message for part in read_export(file) for each in part]
    assert [(each.body, each.properties) for each in again] == [
        *((each.body, each.properties) for each in letters[:2]),
        (letters[2].body, letter("c").properties),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["letters.jsonl"]


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_text("mine")
    with pytest.raises(ExportTrouble, match="is there already and stays as it is"):
        write_export(file, [letter("a")], "q")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(ExportTrouble, match="cannot be written"):
        write_export(tmp_path / "nowhere" / "letters.jsonl", [letter("a")], "q")


def test_nothing_is_left_behind_when_writing_fails_half_way(tmp_path: Path) -> None:
    def failing() -> Any:
        yield letter("a")
        raise OSError(28, "No space left on device")

    with pytest.raises(ExportTrouble, match="No space left"):
        write_export(tmp_path / "letters.jsonl", failing(), "q")
    assert list(tmp_path.iterdir()) == []


def test_all_that_is_wrong_with_a_file_is_told_at_once(tmp_path: Path) -> None:
    good = write_line(letter("a"), "q").decode()
    changed = json.loads(write_line(letter("b", b"x"), "q")) | {"body": "y"}
    other = json.loads(good) | {"properties": {"priority": "high"}}
    lines = [good, "{", "[]", '{"leveret_letter": 2}', json.dumps(changed), "", good, json.dumps(other)]
    file = tmp_path / "letters.jsonl"
    file.write_text("\n".join(lines))
    checked = check_export(file, lambda _: None)
    assert [(each.line, each.text.split(":")[0]) for each in checked.problems] == [
        (2, "it is not JSON"),
        (3, "it is not a JSON object"),
        (4, "it is not a letter"),
        (5, "its key is not that of its content"),
        (7, "the same letter stands in line 1"),
        (8, "properties.priority"),
    ]
    with pytest.raises(ExportTrouble, match="changed since it was checked: line 2"):
        list(read_export(file))


def test_an_empty_file_and_one_that_is_not_there_are_told(tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.touch()
    assert [each.text for each in check_export(file, lambda _: None).problems] == ["the file holds no letter"]
    with pytest.raises(ExportTrouble, match="cannot be read: No such file"):
        check_export(tmp_path / "nothing", lambda _: None)


def test_whether_a_letter_could_be_sent_again_is_known_by_its_seal() -> None:
    body = letter("a").body
    seal = keyring().seal_letter("q", "7", body)
    sealed = read_line(write_line(letter("a", headers={"x-seal": seal, "x-principal": "7"}), "q"))
    assert sealed.seal_problem(keyring(), "q") == ""
    assert sealed.seal_problem(keyring(), "other") == "its seal is for the queue q"
    unsealed = read_line(write_line(letter("a", headers={"x-seal": seal}), "q"))
    assert unsealed.seal_problem(keyring(), "q") == "it has no seal of a worker with this secret"
    assert read_line(write_line(letter("a", b"{}"), "q")).seal_problem(keyring(), "q") == "no worker wrote it"


@given(
    line=st.binary(max_size=80)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
)
def test_whatever_a_line_holds_it_is_a_letter_or_refused_in_words(line: bytes) -> None:
    with pytest.raises(NotPortable):
        read_line(line)
