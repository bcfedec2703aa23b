"""To which reply queues a worker sends replies."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Final

from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.wire.masking import shown

_NAMED_BY_THE_BROKER: Final = re.compile(r"amq\.gen-[\x21-\x7e]{1,247}")
_DIRECT: Final = re.compile(re.escape(DIRECT_REPLY_TO) + r"\.([A-Za-z0-9+/_=-]+)\.[A-Za-z0-9+/_=-]+")
_ERLANG_TERM: Final = b"\x83"
"""First byte of the process that is part of a direct reply queue's name (Erlang, "External Term Format")."""


@lru_cache(maxsize=1024)
def foreign_reply_to(reply_to: str | None) -> str | None:
    """Return why no reply is sent to this queue; None if replies are sent, or if there is no reply queue.

    Only the broker makes queues with these two kinds of names, each for one connection, so no caller can name another
    caller's queue. A name for direct reply-to that the broker did not make would end the connection that publishes to
    it (RabbitMQ 3.10); therefore its form is checked. Verdicts are cached, because all requests of a caller have the
    same reply queue.
    """
    if not reply_to or _NAMED_BY_THE_BROKER.fullmatch(reply_to):
        return None
    if (direct := _DIRECT.fullmatch(reply_to)) and len(reply_to) <= 255 and _holds_a_process(direct[1]):
        return None
    return (
        f"reply_to {shown(reply_to, 80)!r} is neither direct reply-to nor an exclusive queue named by the broker; "
        "the request was not executed"
    )


def _holds_a_process(encoded: str) -> bool:
    try:
        return base64.b64decode(encoded, altchars=b"-_" if set(encoded) & {"-", "_"} else None)[:1] == _ERLANG_TERM
    except (binascii.Error, ValueError):
        return False
