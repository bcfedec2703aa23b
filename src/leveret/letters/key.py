"""The key of a dead letter: copies of one failure have the same one. No I/O."""

from __future__ import annotations

import hashlib

from leveret.amqp import Delivery
from leveret.letters.letter import deaths_in
from leveret.wire.letter import decode_letter


def letter_key(delivery: Delivery) -> str:
    """Return the id that the worker gave the letter; of any other message a digest of what it is."""
    found = delivery.properties
    try:
        if found.message_id and decode_letter(delivery.body).message_id == found.message_id:
            return found.message_id
    except ValueError:
        pass
    deaths = deaths_in(found.headers or {})[:1]
    known = f"{found.correlation_id}\0{delivery.left_out}\0{deaths}\0".encode(errors="replace") + delivery.body
    return hashlib.blake2b(known, digest_size=16).hexdigest()
