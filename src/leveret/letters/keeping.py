"""What is kept of a letter outside the broker: the message as it was, but no secret. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from leveret.amqp import Delivery, Properties
from leveret.errors import InvalidRequest, LeveretError
from leveret.letters.index.entries import EntryReader
from leveret.letters.look import LARGEST_LETTER
from leveret.letters.portable import properties_text
from leveret.wire.codec import decode_object, encode_json
from leveret.wire.letter import decode_letter
from leveret.wire.masking import REMOVED, printable, text_without_secrets, without_secrets, without_tokens

_LONGEST_ID: Final = 255
_LONGEST_ACTION: Final = 200

_TOO_LARGE: Final = "it has {size} bytes, more than is read of a letter, so it cannot be archived; "
_UNREADABLE: Final = "its properties cannot be read ({why}), so it cannot be archived; "
_NO_TEXT: Final = "its body is not a text, so nobody can see whether a secret is in it, and it is not archived; "
_FOR_GOOD: Final = "discard it with --for-good"


class KeptLetter(Struct, frozen=True, kw_only=True):
    """A letter as it is kept.

    Attributes:
        key: its key, as an index has it.
        request: the id of its request; empty where it has none.
        action: what was asked for; empty where nobody can tell.
        whole: the message is kept as it was; false where a secret was taken out of it.
        size: bytes of its body in the queue.
        properties_json: its properties, see `leveret.letters.portable`.
        body: its body.
    """

    key: str
    request: str
    action: str
    whole: bool
    size: int
    properties_json: str
    body: bytes


class NotKept(LeveretError):
    """This letter cannot be kept; the text says why and what to do."""


class LetterKeeper:
    """Makes letters into what is kept of them.

    A worker's letter holds no secret, so it stays what it is, and its seal holds. What a caller sent and the broker
    moved may hold a token or a password. That is taken out, because it must not be written into a database; nobody
    could send such a message again anyway.

    Args:
        secrets: names of the fields whose values are not kept.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = frozenset(secrets)
        self._reader = EntryReader(self._secrets)

    def keep(self, delivery: Delivery) -> KeptLetter:
        """Return what is kept of a letter.

        Raises:
            NotKept: nothing can be kept.
        """
        if delivery.left_out:
            raise NotKept(_TOO_LARGE.format(size=delivery.left_out) + _FOR_GOOD)
        if delivery.unreadable:
            raise NotKept(_UNREADABLE.format(why=delivery.unreadable) + _FOR_GOOD)
        entry = self._reader.read(delivery)
        body = _clean_body(delivery.body, self._secrets)
        properties = _clean_properties(delivery.properties, self._secrets)
        return KeptLetter(
            key=entry.key,
            request=printable(entry.request_id)[:_LONGEST_ID],
            action=printable(entry.kind.cause.action)[:_LONGEST_ACTION],
            whole=body == delivery.body and properties == delivery.properties,
            size=len(delivery.body),
            properties_json=properties_text(properties),
            body=body,
        )


def _clean_body(body: bytes, secrets: frozenset[str]) -> bytes:
    """Return a body without secrets; the same bytes where there is none in it."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotKept(_NO_TEXT + _FOR_GOOD) from None
    document = _document(body)
    if document is None:
        return text_without_secrets(text, secrets).encode()
    clean = without_secrets(document, secrets)
    return body if clean == document else encode_json(clean)


def _document(body: bytes) -> dict[str, Any] | None:
    """Return a letter or a request as JSON; None for anything else. The secret ``auth`` is a name like the others."""
    try:
        decode_letter(body)
        document = msgspec.json.decode(body)
    except ValueError:
        try:
            return decode_object(body, LARGEST_LETTER)
        except InvalidRequest:
            return None
    return document if isinstance(document, dict) else None


def _clean_properties(properties: Properties, secrets: frozenset[str]) -> Properties:
    texts = {
        name: without_tokens(value)
        for name in Properties.__struct_fields__
        if isinstance(value := getattr(properties, name), str)
    }
    headers = _clean_table(properties.headers, secrets) if properties.headers else properties.headers
    return structs.replace(properties, headers=headers, **texts)


def _clean_table(table: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    clean: dict[str, Any] = without_secrets(dict(table), secrets)
    return {name: _clean_bytes(value) for name, value in clean.items()}


def _clean_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _clean_bytes(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_clean_bytes(member) for member in value]
    if isinstance(value, bytes | bytearray):
        text = bytes(value).decode(errors="backslashreplace")
        return value if without_tokens(text) == text else REMOVED.encode()
    return value
