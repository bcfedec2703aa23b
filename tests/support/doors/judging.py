"""Whether answers are equal by the one table, and rows as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import jwt

from leveret.contracts.statuses import PROBLEMS
from support.doors.case import Answer, Case
from support.doors.houses import House, without_moments
from support.doors.http_forms import http_form
from support.gateways import SECRET

OWN_CODES: Final[Mapping[str, str]] = {"precondition_failed": "conflict", "too_large": "invalid_request"}
"""Codes that HTTP has for what is another one on the wire: a conflict over If-Match, and a body of too many bytes."""
_WORDS: Final = (
    (re.compile(r"^(The body is|Request) too large: .*"), "Too large"),
    (re.compile(r"^The body (?=is|holds)"), "Request "),
    (re.compile(r"^Idempotency-Key(?=:)"), "Field id"),
    (re.compile(r"[0-9.]+ s\b"), "N s"),
)
"""What a text calls by another name over HTTP, and what depends on the moment."""


def plain(answer: Answer) -> Answer:
    """Return what an answer says, whichever door it came through."""
    text = answer.text
    for pattern, word in _WORDS:
        text = pattern.sub(word, text)
    details = answer.details
    if isinstance(details, dict) and "retry_after" in details:
        details = {**details, "retry_after": "N"}
    data = without_moments(answer.data)
    if isinstance(data, dict) and "access_token" in data:
        data = {**data, "access_token": _claims(data["access_token"])}
    return Answer(OWN_CODES.get(answer.code, answer.code), data, text, details)


def differences(case: Case, answers: Mapping[str, Answer]) -> list[str]:
    """Return what is wrong with the answers of doors to a case; nothing if they are equal."""
    wrong = [f"{name}: {text}" for name, answer in answers.items() if (text := _wrong_status(case, answer))]
    told = {name: plain(answer) for name, answer in answers.items()}
    bare = {name for name, answer in answers.items() if answer.status == HTTPStatus.NO_CONTENT}

    def agree(one: str, other: str) -> bool:
        if not told[one].code and not told[other].code and bare & {one, other}:
            return True  # an answer without a body
        return told[one] == told[other]

    usual = _usual(list(told), agree)
    return wrong + [f"{name} does not answer as {usual} does" for name in told if not agree(usual, name)]


def row_differences(houses: list[House]) -> list[str]:
    """Return which databases have other rows than most have, and which rows."""
    databases = {house.door.name: house.rows() for house in houses}
    usual = _usual(list(databases), lambda one, other: databases[one] == databases[other])
    wrong = []
    for name, tables in databases.items():
        for table, rows in tables.items():
            expected = databases[usual][table]
            missing, strange = ([each for each in here if each not in there] for here, there in
                                ((expected, rows), (rows, expected)))  # fmt: skip
            wrong += [f"{name} has not the row in {table} that {usual} has: {row}" for row in missing]
            wrong += [f"{name} has a row in {table} that {usual} has not: {row}" for row in strange]
            if not missing and not strange and rows != expected:
                wrong.append(f"{name} has {len(rows)} rows in {table}, and {usual} {len(expected)}")
    return wrong


def _usual(names: Sequence[str], agree: Callable[[str, str], bool]) -> str:
    """Return the one with which most agree."""
    return max(names, key=lambda name: sum(agree(name, other) for other in names))


def _wrong_status(case: Case, answer: Answer) -> str:
    """Return what is wrong with the status of an answer over HTTP; empty for nothing."""
    if not answer.status:
        return ""
    form = http_form(case)
    assert form is not None
    expected = form.status
    if answer.code:
        if answer.code not in PROBLEMS:
            return f"the code {answer.code!r} is not in the table"
        expected = int(PROBLEMS[answer.code].status)
    return "" if answer.status == expected else f"the status is {answer.status}, and by the table it is {expected}"


def _claims(token: Any) -> Any:
    """Return who a token is of, once it is verified."""
    claims = jwt.decode(token, SECRET, ["HS256"], audience="taskmanager")
    return {name: value for name, value in claims.items() if name not in {"iat", "exp"}}
