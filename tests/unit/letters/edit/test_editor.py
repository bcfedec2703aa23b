"""What an edited letter is, and which letters cannot be edited."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from leveret.amqp import Delivery, FieldTable, Properties
from leveret.letters.document import as_document, secrets_of
from leveret.letters.edit.editor import EditedLetter, LetterEditor, NotEdited, as_shown, edits_of
from leveret.letters.edit.patch import apply_patch, read_patch
from leveret.letters.letter import read_letter
from leveret.letters.redrive import Redriver
from leveret.topology import Topology
from leveret.wire.codec import decode_request, encode_json
from leveret.wire.envelope import PRINCIPAL, SEAL
from leveret.wire.kept import iso_time
from leveret.wire.letter import LetterBody, LetterEdit, decode_letter
from support.notes import note_api
from support.serving import keyring

TOPOLOGY = Topology("t", (timedelta(seconds=1),))
API = note_api()
REDRIVER = Redriver(TOPOLOGY, keyring(), API, retention=timedelta(days=7))
EDITOR = LetterEditor(REDRIVER, keyring(), API, secrets_of(API))
TOLD = LetterEdit("2026-12-01T00:00:00.000Z", "ada", "a typing error")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"


def letter(
    data: Any = None, principal: str | None = "7", age: timedelta = timedelta(0), action: str = "write", **other: Any
) -> Delivery:
    request = {"id": "a", "version": "v1", "action": action, "data": {"text": "x"} if data is None else data}
    at = iso_time(datetime.now(UTC) - age)
    body = encode_json(LetterBody(at, "why", request, {"h": 1}, **{"message_id": "m", "code": "internal", **other}))
    seal = keyring().seal_letter(TOPOLOGY.dead_letters, principal, body)
    headers: FieldTable = {SEAL: seal, "n": 1}
    if principal is not None:
        headers[PRINCIPAL] = principal
    properties = Properties(message_id="m", correlation_id="a", headers=headers, delivery_mode=2)
    return Delivery("", 1, redelivered=False, exchange="", routing_key="q", properties=properties, body=body)


def edit(found: Delivery, patch: str = '{"text": "y"}') -> EditedLetter:
    return EDITOR.edit(found, lambda _, data: apply_patch(read_patch(patch), dict(data)), TOLD, "new")


def test_only_the_data_is_changed_and_the_letter_says_who_did_it() -> None:
    found = letter()
    edited = edit(found)
    assert (edited.key, edited.principal, edited.request_id) == ("m", "7", "a")
    assert (edited.before, edited.after) == ({"text": "x"}, {"text": "y"})
    former, new = decode_letter(found.body), decode_letter(edited.letter.body)
    request = {**former.request, "data": {"text": "y"}}
    assert new == structs.replace(former, request=request, message_id="new", edited=[TOLD])
    assert edits_of(new) == (TOLD,)
    assert edits_of(former) == ()
    properties = edited.letter.properties
    headers = {**(found.properties.headers or {}), SEAL: (properties.headers or {})[SEAL]}
    assert properties == structs.replace(found.properties, message_id="new", headers=headers)
    sent = decode_request(REDRIVER.message(edited.letter, named=False).body)
    assert (sent.id, sent.data) == ("a", {"text": "y"})
    assert as_document(read_letter(edited.letter), frozenset())["letter"]["edited"] == [msgspec.to_builtins(TOLD)]


def test_a_letter_that_is_edited_again_says_both() -> None:
    again = edit(edit(letter()).letter, '{"text": "z"}')
    assert [each.by for each in edits_of(decode_letter(again.letter.body))] == ["ada", "ada"]


def test_a_reader_that_knows_nothing_of_edits_reads_the_letter() -> None:
    class OlderBody(msgspec.Struct):
        failed_at: str
        request: Any

    assert msgspec.json.decode(edit(letter()).letter.body, type=OlderBody).request["data"] == {"text": "y"}


@pytest.mark.parametrize(
    ("found", "patch", "words"),
    [
        (letter(), '{"text": ""}', "a worker would refuse the new data: Field text: "),
        (letter(), '{"text": 1}', "a worker would refuse the new data: Field text: Expected `str`"),
        (letter(), '{"text": null}', "a worker would refuse the new data"),
        (letter(), '[{"op": "replace", "path": "", "value": []}]', "the data of a request is a JSON object"),
        (letter(), '[{"op": "test", "path": "/text", "value": "z"}]', "another value"),
        (letter(), '{"text": "x"}', "the patch changes nothing in it"),
        (letter(), f'{{"text": "{TOKEN}"}}', "would put a secret or a token into it"),
        (letter(), f'{{"text": "{"x" * 262_144}"}}', "a worker would refuse the new data: The data|too large"),
        (letter(action="gone"), '{"text": "y"}', "run the command in the version that the workers run"),
        (letter(age=timedelta(days=8)), '{"text": "y"}', "longer ago than responses are kept"),
        (letter(redrivable=False), '{"text": "y"}', "it lacks what must not be written down"),
        (letter(code="rate_limited"), '{"text": "y"}', "it was refused \\(rate_limited\\) for the moment only"),
        (letter(principal=None), '{"text": "y"}', "its caller was never authenticated"),
        (structs.replace(letter(), body=b'{"id": "a"}'), '{"text": "y"}', "no worker wrote this"),
        (structs.replace(letter(), properties=Properties()), '{"text": "y"}', "it has no seal of a worker"),
    ],
)
def test_what_could_not_be_sent_again_is_not_edited(found: Delivery, patch: str, words: str) -> None:
    with pytest.raises(NotEdited, match=words):
        edit(found, patch)


def test_data_is_shown_without_secrets() -> None:
    shown = as_shown({"password": "hunter2", "text": TOKEN}, frozenset({"password"})).decode()
    assert "hunter2" not in shown
    assert TOKEN not in shown
