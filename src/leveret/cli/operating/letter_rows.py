"""How letters and their groups are printed: tables for people, JSON lines for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import msgspec

from leveret.cli.terminal.screen import terminal_json
from leveret.letters.document import why_first
from leveret.letters.index.records import LetterGroup, LetterRow
from leveret.wire.codec import encode_json
from leveret.wire.kept import iso_time
from leveret.wire.masking import printable, shown

COLUMNS: Final = ("given up", "request", "action", "why", "place", "caller")
GROUP_COLUMNS: Final = ("letters", "group", "state", "action", "why", "place", "first", "last", "versions")

_CELL: Final = 60
"""Characters of a stranger's text in a table."""

CUT: Final = ("action", "why", "place", "versions")
"""Columns that are cut where a terminal is narrow."""

_SHORT_GROUP: Final = 8
"""Characters of a fingerprint in a table; options take the beginning of it."""

_WIDTH: Final = 10
"""Columns of the names beside what is shown of one letter."""


def moment(seconds: float) -> str:
    """Return POSIX seconds as ISO 8601 in UTC, or a dash for 0, which stands for an unknown time."""
    return iso_time(datetime.fromtimestamp(seconds, UTC)) if seconds > 0 else "-"


def table_row(row: LetterRow) -> tuple[str, ...]:
    """Return a letter as a row of a table."""
    error = row.exception.rpartition(".")[2]
    texts = (row.request_id, row.action, error or row.code, _short(row.place), row.principal)
    return (_brief(row.failed_at), *(shown(text, _CELL) for text in texts))


def group_row(group: LetterGroup, state: str) -> tuple[object, ...]:
    """Return a group as a row of a table; ``state`` says how far it has been dealt with."""
    error = group.exception.rpartition(".")[2]
    texts = (group.action, error or ", ".join(group.codes), _short(group.place))
    seen = (_brief(group.first_seen), _brief(group.last_seen))
    return (
        group.present,
        short_group(group.fingerprint),
        state,
        *(shown(text, _CELL) for text in texts),
        *seen,
        _versions(group),
    )


def short_group(fingerprint: str) -> str:
    """Return what stands for a group in a table."""
    return fingerprint[:_SHORT_GROUP]


def as_line(record: LetterRow | LetterGroup, more: Mapping[str, object] = MappingProxyType({})) -> bytes:
    """Return a letter or a group as JSON with ISO 8601 times; the document, or what is added, stands at the end."""
    fields: dict[str, Any] = msgspec.to_builtins(record)
    document = fields.pop("document", None)
    for name in ("failed_at", "first_seen", "last_seen"):
        if name in fields:
            fields[name] = moment(fields[name]) if fields[name] > 0 else None
    return encode_json(fields | _in_order(document) if document else {**fields, **more})


def letter_lines(row: LetterRow) -> Iterator[str]:
    """Return everything of one letter for a person; every line is harmless to a terminal."""
    document = row.document or {}
    letter: dict[str, Any] = document.get("letter", {})
    facts = {
        "request": row.request_id,
        "action": row.action,
        "caller": row.principal,
        "letter": row.key,
        "state": row.state + (f", {row.copies} copies" if row.copies > 1 else ""),
        "given up": moment(row.failed_at),
        "code": row.code,
        "error": letter.get("exception"),
        "place": letter.get("place"),
        "reason": letter.get("reason"),
        "version": row.worker_version,
        "group": row.group,
        "size": f"{row.size} bytes",
    }
    yield from (_fact(name, value) for name, value in facts.items() if value)
    yield from _attempts(letter.get("attempts") or [])
    yield from (_fact("edited", _edit(each)) for each in letter.get("edited") or [])
    yield from (_fact("broker", f"{_death(death)}") for death in document.get("deaths", ()))
    yield from _json("data", letter.get("request", letter.get("body")))
    yield from _json("headers", letter.get("headers"))


def _brief(seconds: float) -> str:
    """Return a time as a table has it: hour and minute in UTC, behind month and day if that is not today."""
    day, _, time = moment(seconds).partition("T")
    if day == iso_time(datetime.now(UTC))[:10]:
        return time[:5]
    return f"{day[5:]} {time[:5]}" if time else day


def _short(place: str) -> str:
    """Return the end of a path: the file, and the folder that it is in."""
    return "/".join(place.split("/")[-2:])


def _attempts(attempts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, attempt in enumerate(attempts, 1):
        words = (attempt.get("failed_at"), attempt.get("worker"), attempt.get("version"), attempt.get("reason"))
        yield _fact(f"attempt {number}", "  ".join(str(word) for word in words if word))


def _edit(edit: Mapping[str, Any]) -> str:
    return "  ".join(str(word) for word in (edit.get("at"), edit.get("by"), edit.get("why")) if word)


def _death(death: Mapping[str, Any]) -> str:
    return f"{death.get('reason')} in {death.get('queue')}, {death.get('count')} times"


def _json(name: str, value: Any) -> Iterator[str]:
    if value:
        yield f"{name}:"
        yield from terminal_json(encode_json(value)).split("\n")


def _fact(name: str, value: object) -> str:
    return f"{name:<{_WIDTH}} {printable(str(value))}"


def _in_order(document: Mapping[str, Any]) -> dict[str, Any]:
    letter = document.get("letter")
    return {**document, "letter": why_first(letter)} if isinstance(letter, dict) else dict(document)


def _versions(group: LetterGroup) -> str:
    return shown(", ".join(group.versions), _CELL)
