"""What makes two messages copies of one letter."""

from __future__ import annotations

import hashlib
from typing import Final

from leveret.amqp import Delivery
from leveret.wire.letter import LetterBody, decode_letter

_FIRST_REASON: Final = "x-first-death-reason"
"""The header in which the broker says why it moved a message for the first time."""


LARGEST_KNOWN: Final = 1024 * 1024
"""Bytes of a body that counts in a key; no worker writes a larger letter. Of a larger one only the size counts, so that
readers may leave it out."""


def letter_key(delivery: Delivery, body: LetterBody | None = None) -> str:
    """Return the key of a letter: all its copies have the same one, in its queue, in the streams, and in a file.

    A letter that a worker wrote has an id of its own, in its sealed body and in its properties; they have to agree,
    because anybody could write another id into the properties. Of every other message it is a digest of its content and
    of what a stream keeps of its way: RabbitMQ 3.10 writes no ``x-death`` into streams. So if a caller sends the same
    message twice, and the broker moves both, they count as one.

    Args:
        delivery: the letter.
        body: its body, if it was read already.
    """
    found = delivery.properties
    size = delivery.left_out or len(delivery.body)
    is_large = size > LARGEST_KNOWN
    if body is None and not is_large:
        try:
            body = decode_letter(delivery.body)
        except ValueError:
            body = None
    if body is not None and body.message_id and body.message_id == found.message_id:
        return body.message_id
    digest = hashlib.blake2b(digest_size=16)
    headers = found.headers or {}
    for part in (found.correlation_id or "", str(headers.get(_FIRST_REASON)), str(size if is_large else 0)):
        digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
    digest.update(b"" if is_large else delivery.body)
    return digest.hexdigest()
