"""The body of a dead letter: its fields, how a worker writes it, and how it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from leveret.wire.attempts import Attempt
from leveret.wire.codec import encode_json, holds_more, is_deeper
from leveret.wire.kept import iso_time, kept_body, kept_headers, kept_text, writable
from leveret.wire.limits import DEEPEST_NESTING, MOST_VALUES
from leveret.wire.masking import shown, without_tokens

WORKERS_DIED_CODE: Final = "workers_died"
"""The code of a letter whose request, or the reading of it, killed workers."""

FOREIGN_REPLY_TO_CODE: Final = "foreign_reply_to"
"""The code of a letter whose request names a reply queue that is not answered to."""

_SHORT_REASON: Final = 200
"""Characters of the reason in a letter that has to be short."""

_DEEPEST: Final = 2 * DEEPEST_NESTING  # a request, or headers (at most 32 deep), and the letter around them
_MOST_VALUES: Final = 2 * MOST_VALUES  # a request, and headers and attempts, of which there are fewer


class LetterEdit(Struct, frozen=True):
    """Who changed the data of a letter.

    Attributes:
        at: when, ISO 8601 in UTC.
        by: who.
        why: the reason.
    """

    at: str
    by: str
    why: str


class LetterBody(Struct, frozen=True):
    """A dead letter as it stands in a message's body. Older letters end with ``redrivable``.

    Attributes:
        failed_at: when the request was given up, ISO 8601 in UTC.
        reason: why, for a person.
        request: the request without secrets; the body as text where it was not a JSON object.
        headers: the message's headers as the worker got them, without values that are not JSON.
        redrivable: false when the letter lacks something that the request needs, such as a password.
        message_id: the letter's own id, the same as the message's property.
        code: why, for programs: a code of `leveret.errors`, or one of those above.
        exception: the qualified name of the error's class; absent where no error was the reason.
        place: file of the application and line where the error was raised; absent where that is not known.
        attempts: the attempts that failed, the oldest first; absent where there was none.
        version: version of the application in the worker that gave the request up; absent where it has none.
        edited: who changed the request's data since, the oldest first; absent where nobody did.
    """

    failed_at: str
    reason: str
    request: Any
    headers: dict[str, Any]
    redrivable: bool | UnsetType = UNSET
    message_id: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    exception: str | UnsetType = UNSET
    place: str | UnsetType = UNSET
    attempts: list[Attempt] | UnsetType = UNSET
    version: str | UnsetType = UNSET
    edited: list[LetterEdit] | UnsetType = UNSET


class LetterFacts(Struct, frozen=True):
    """What a worker knows of a request that is given up, beside its message.

    Attributes:
        message_id: the letter's own id.
        failed_at: when the request was given up.
        reason: why, for a person.
        code: why, for programs.
        exception: the qualified name of the error's class.
        place: file of the application and line where the error was raised.
        attempts: the attempts that failed, the oldest first.
        version: version of the application in the worker; empty where it has none.
    """

    message_id: str
    failed_at: datetime
    reason: str
    code: str
    exception: str | None = None
    place: str | None = None
    attempts: tuple[Attempt, ...] = ()
    version: str = ""


def write_letter(
    body: bytes, headers: Mapping[str, Any], secrets: Iterable[str], facts: LetterFacts, *, read: bool = True
) -> bytes:
    """Write a dead letter's body.

    The request's token is left out: it would have expired, and a queue is not a place for it. Fields that hold a secret
    are replaced, and such a letter says that it cannot be redriven.

    Args:
        body: the message's body as it came.
        headers: the message's headers as they came.
        secrets: names of the fields in ``data`` that must not be written down.
        facts: what the worker knows beside the message.
        read: the body may be read as JSON; otherwise it is kept as a text.
    """
    names = frozenset(secrets)
    request, incomplete = kept_body(body, names) if read else (kept_text(body, names), True)
    letter = LetterBody(
        iso_time(facts.failed_at),
        without_tokens(writable(facts.reason)),
        request,
        kept_headers(headers, names),
        False if incomplete else UNSET,
        facts.message_id,
        facts.code,
        facts.exception or UNSET,
        facts.place or UNSET,
        list(facts.attempts) or UNSET,
        facts.version or UNSET,
    )
    return encode_json(letter)


def write_short_letter(named: Mapping[str, str], size: int, facts: LetterFacts) -> bytes:
    """Write a dead letter's body that is short, whatever the request was: without its content, headers and attempts.

    Args:
        named: what the request is found by.
        size: how many bytes are left out.
        facts: what the worker knows beside the message.
    """
    letter = LetterBody(
        iso_time(facts.failed_at),
        shown(writable(facts.reason), _SHORT_REASON),
        {**named, "left out": f"{size} bytes, which the broker did not take as they were"},
        {},
        redrivable=False,
        message_id=facts.message_id,
        code=facts.code,
        exception=facts.exception or UNSET,
        place=facts.place or UNSET,
        version=facts.version or UNSET,
    )
    return encode_json(letter)


_decode = msgspec.json.Decoder(LetterBody).decode


def decode_letter(body: bytes) -> LetterBody:
    """Read a dead letter's body.

    Raises:
        ValueError: it is not a letter, nested too deep, or holds too many values: the broker itself may have moved a
            message to the dead-letter queue as it was.
    """
    text = body.decode(errors="replace")
    if is_deeper(text, _DEEPEST):
        raise ValueError("nested too deep")
    if holds_more(text, _MOST_VALUES):
        raise ValueError("too many values")
    return _decode(body)


def may_be_letter(text: str) -> bool:
    """Tell whether a text is neither nested too deep for a dead letter nor holds too many values."""
    return not (is_deeper(text, _DEEPEST) or holds_more(text, _MOST_VALUES))
