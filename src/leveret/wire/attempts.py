"""The attempts of a request that failed: what travels of them with its retries, and stands in its letter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from leveret.amqp import FieldTable, FieldValue, InvalidArgument, size_of
from leveret.wire.envelope import ATTEMPTS
from leveret.wire.kept import iso_time
from leveret.wire.masking import shown

MOST_ATTEMPTS: Final = 16
"""Attempts that travel with a request: the first one and the newest ones."""

LARGEST_ATTEMPTS: Final = 8 * 1024
"""Bytes that their header may have."""

_LONGEST_REASON: Final = 300
_LONGEST_NAME: Final = 100
"""Characters of an attempt's reason, and of its worker's name."""


class Attempt(Struct, frozen=True, omit_defaults=True):
    """An attempt that failed.

    Attributes:
        failed_at: when, ISO 8601 in UTC.
        worker: the worker's name, as the broker lists it.
        reason: what it failed with, in one line of at most some hundred characters, without tokens.
        version: version of the application in the worker; empty where it has none, or where an older worker wrote it.
    """

    failed_at: str
    worker: str
    reason: str
    version: str = ""


def failed_attempt(failed_at: datetime, worker: str, reason: str, version: str = "") -> Attempt:
    """Record an attempt that failed; what is too long is cut, and what must not be written down is taken out."""
    name, number = shown(worker, _LONGEST_NAME), shown(version, _LONGEST_NAME)
    return Attempt(iso_time(failed_at), name, shown(reason, _LONGEST_REASON), number)


def read_attempts(headers: Mapping[str, Any] | None, digest: str) -> tuple[Attempt, ...]:
    """Read the attempts that travelled with a request: those of which its ticket holds the digest, or none.

    A caller may write any header; what the ticket does not speak for is nobody's word.
    """
    if not digest or not headers:
        return ()
    try:
        attempts = msgspec.convert(headers.get(ATTEMPTS), tuple[Attempt, ...])
    except msgspec.ValidationError:
        return ()
    return attempts if attempts_digest(attempts) == digest else ()


def attempts_digest(attempts: Sequence[Attempt]) -> str:
    """Return what the ticket says of the attempts that travel with a request; empty where none do.

    It does not speak for the versions, because workers of an earlier version do not read them: they would find another
    digest, and drop the attempts.
    """
    if not attempts:
        return ""
    spoken_for = [structs.replace(each, version="") for each in attempts]
    return hashlib.blake2b(msgspec.json.encode(spoken_for), digest_size=16).hexdigest()


def bound_attempts(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Return those that travel on: the first attempt and the newest ones, as many as there is room for."""
    kept = list(attempts) if len(attempts) <= MOST_ATTEMPTS else [attempts[0], *attempts[1 - MOST_ATTEMPTS :]]
    while kept and not _fits(kept):
        del kept[1 if len(kept) > 1 else 0]
    return tuple(kept)


def attempts_header(attempts: Sequence[Attempt]) -> FieldTable:
    """Make the header with which attempts travel; no header where there is none."""
    tables: list[FieldValue] = [msgspec.to_builtins(each) for each in attempts]
    return {ATTEMPTS: tables} if tables else {}


def _fits(attempts: Sequence[Attempt]) -> bool:
    try:
        return size_of(attempts_header(attempts)) <= LARGEST_ATTEMPTS
    except InvalidArgument:
        return False
