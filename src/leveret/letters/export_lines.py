"""Letters as lines of a file: each line has all that is needed to put the letter into a queue again. No I/O."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from leveret.amqp import Delivery, InvalidArgument, size_of
from leveret.auth.keyring import Keyring
from leveret.letters.index.entries import stored_key
from leveret.letters.key import letter_key
from leveret.letters.letter import request_id
from leveret.letters.look import LARGEST_LETTER
from leveret.letters.portable import NotPortable, read_body, read_properties, write_body, write_properties
from leveret.wire.codec import encode_json
from leveret.wire.envelope import PRINCIPAL, SEAL
from leveret.wire.letter import decode_letter
from leveret.wire.messages import own_headers

FORMAT: Final = 1
"""The number of the form of a line."""

LONGEST_LINE: Final = 8 * LARGEST_LETTER
"""Bytes of a line; a control character of a body has six in it."""


class ExportedLetter(Struct, frozen=True):
    """A letter that was read from a line.

    Attributes:
        key: its key, as an index has it.
        queue: the queue that it was in.
        message: the letter.
    """

    key: str
    queue: str
    message: Delivery

    @property
    def request_id(self) -> str | None:
        """The id of its request."""
        return request_id(self.message)

    def seal_problem(self, keyring: Keyring, queue: str) -> str:
        """Return why `letters redrive` will not believe it in a queue; an empty text if it will.

        Args:
            keyring: the workers' own, or one with the same secret.
            queue: where it is going to be.
        """
        try:
            decode_letter(self.message.body)
        except ValueError:
            return "no worker wrote it"
        headers = self.message.properties.headers or {}
        principal, seal = headers.get(PRINCIPAL), headers.get(SEAL)
        if isinstance(seal, str) and (principal is None or isinstance(principal, str)):
            if keyring.is_letter_sealed(queue, principal, self.message.body, seal):
                return ""
            if queue != self.queue:
                return f"its seal is for the queue {self.queue}"
        return "it has no seal of a worker with this secret"


def write_line(letter: Delivery, queue: str) -> bytes:
    """Return a letter as a line of JSON, without the line's end.

    Args:
        letter: as it was delivered, with its body.
        queue: the queue that it is in.
    """
    properties = structs.replace(letter.properties, headers=own_headers(letter.properties) or None)
    return encode_json(
        {
            "leveret_letter": FORMAT,
            "key": stored_key(letter_key(letter)),
            "queue": queue,
            "properties": write_properties(properties),
            "body": write_body(letter.body),
        }
    )


def read_line(line: bytes) -> ExportedLetter:
    """Read a line of an export.

    Raises:
        NotPortable: it is something else, or was changed; the text says what is wrong.
    """
    fields = _object(line)
    if fields.get("leveret_letter") != FORMAT:
        raise NotPortable(f'it is not a letter: expected "leveret_letter": {FORMAT}')
    if lacking := [name for name in ("key", "queue", "properties", "body") if name not in fields]:
        raise NotPortable(f"{lacking[0]} is missing")
    key, queue = fields["key"], fields["queue"]
    if not isinstance(key, str) or not isinstance(queue, str):
        raise NotPortable("key and queue: expected texts")
    properties = read_properties(fields["properties"])
    body = read_body(fields["body"])
    if len(body) > LARGEST_LETTER:
        raise NotPortable(f"body: {len(body)} bytes, at most {LARGEST_LETTER} are taken")
    try:
        size_of(properties.headers or {})
    except InvalidArgument as error:
        raise NotPortable(f"properties.headers: {error}") from None
    message = Delivery("", 0, redelivered=False, exchange="", routing_key=queue, properties=properties, body=body)
    if stored_key(letter_key(message)) != key:
        raise NotPortable("its key is not that of its content: somebody changed it")
    return ExportedLetter(key, queue, message)


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise NotPortable(f"the line is longer than {LONGEST_LINE} bytes")
    try:
        fields = msgspec.json.decode(line)
    except (ValueError, RecursionError) as error:
        raise NotPortable(f"it is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise NotPortable("it is not a JSON object")
    return fields
