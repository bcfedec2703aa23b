"""Whether answers are equal by the one table, and rows as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import jwt
from msgspec.structs import replace

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
    first = next(iter(told))
    for name, answer in told.items():
        expected = told[first]
        if answers[name].status == 204 and not expected.code:
            expected = replace(expected, data=None)  # an answer without a body
        if answer != expected:
            wrong.append(f"{name} does not answer as {first} does")
    return wrong


def row_differences(houses: list[House]) -> list[str]:
    """Return which rows of which databases are not those of the first one."""
    first, *others = [(house.door.name, house.rows()) for house in houses]
    wrong = []
    for name, tables in others:
        for table, rows in tables.items():
            here = [f"{table}: {row}" for row in first[1][table] if row not in rows]
            there = [f"{table}: {row}" for row in rows if row not in first[1][table]]
            wrong += [f"only behind {first[0]}, not behind {name}: {row}" for row in here]
            wrong += [f"only behind {name}, not behind {first[0]}: {row}" for row in there]
            if not here and not there and rows != first[1][table]:
                wrong.append(f"{table} behind {name} has {len(rows)} rows, behind {first[0]} {len(first[1][table])}")
    return wrong


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
