"""What is shown of a dead letter: everything but secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from leveret.api import Api
from leveret.letters.letter import Letter
from leveret.wire.kept import show_body
from leveret.wire.letter import LetterBody
from leveret.wire.masking import without_secrets

_WHY: Final = ("failed_at", "reason", "code", "exception", "place", "version", "attempts")
"""Names of the fields of a letter that explain why it was written."""


def secrets_of(api: Api) -> frozenset[str]:
    """Return the names of fields that are not shown: those that any action keeps secret, and tokens."""
    return frozenset(name for action in api for name in action.secrets) | {"auth"}


def as_document(letter: Letter, secrets: frozenset[str]) -> dict[str, Any]:
    """Return what is shown of a letter: what the worker wrote, or the body if the broker moved the message.

    All secrets are removed, also from what looks like a worker's letter, because anybody can send that.
    """
    content = letter.content
    shape = msgspec.to_builtins(content) if isinstance(content, LetterBody) else {"body": show_body(content, secrets)}
    ids = {"correlation_id": letter.correlation_id, "message_id": letter.message_id}
    document = {**ids, "letter": why_first(shape), "deaths": letter.deaths}
    clean: dict[str, Any] = without_secrets(msgspec.to_builtins(document), secrets)
    return clean


def why_first(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a letter's fields in the order in which people read them: first the reason, then the request."""
    rest = dict(fields)
    return {name: rest.pop(name) for name in _WHY if name in rest} | rest
