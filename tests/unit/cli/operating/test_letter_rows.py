"""How letters are printed: complete, in order, without secrets, and harmless to a terminal."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from msgspec import structs

from leveret.amqp import Delivery
from leveret.cli.operating.letter_rows import as_line, group_row, letter_lines, moment, table_row
from leveret.letters.index import LetterRow
from support.indexed_letters import delivery, made_index, moved, written

WILD = "\x1b[2J\u202e\nforged line\x9b"
ATTEMPTS = [
    {"failed_at": "2026-11-30T09:59:50.000Z", "worker": "worker-1", "reason": "first"},
    {"failed_at": "2026-11-30T10:00:00.000Z", "worker": "worker-2", "reason": "second"},
]


def row_of(folder: Path, message: Delivery) -> LetterRow:
    with made_index(folder, message) as index:
        (found,) = index.find().rows
        row = index.read(found.key)
    assert row
    return row


def test_one_letter_is_told_with_its_attempts_and_its_request(tmp_path: Path) -> None:
    lines = list(letter_lines(row_of(tmp_path, written(1, attempts=ATTEMPTS, request={"data": {"password": "x"}}))))
    assert lines[:3] == ["request    request-1", "action     v1.sell", "caller     7"]
    assert "attempt 2  2026-11-30T10:00:00.000Z  worker-2  second" in lines
    assert "reason     OperationalError: no such table: tasks" in lines
    assert '"password": "[removed]"' in "".join(lines)


def test_a_letter_says_who_edited_it_and_a_strangers_text_there_is_harmless(tmp_path: Path) -> None:
    edits = [{"at": "2026-12-01T00:00:00.000Z", "by": "ada", "why": WILD}]
    lines = list(letter_lines(row_of(tmp_path, written(1, edited=edits))))
    [line] = [line for line in lines if line.startswith("edited")]
    assert line.startswith("edited     2026-12-01T00:00:00.000Z  ada  \\x1b[2J")
    assert line.isprintable()


@pytest.mark.parametrize(("ago", "form"), [(0, r"\d\d:\d\d"), (2 * 86_400, r"\d\d-\d\d \d\d:\d\d")])
def test_a_table_leaves_the_day_out_where_it_is_today(tmp_path: Path, ago: float, form: str) -> None:
    found = table_row(structs.replace(row_of(tmp_path, written(1)), failed_at=time.time() - ago))
    assert re.fullmatch(form, found[0])
    assert table_row(structs.replace(row_of(tmp_path, written(1)), failed_at=0))[0] == "-"


def test_a_message_that_the_broker_moved_is_told_with_what_the_broker_says(tmp_path: Path) -> None:
    lines = list(letter_lines(row_of(tmp_path, moved(1))))
    assert "broker     expired in api.requests, 1 times" in lines
    assert "code       expired" in lines


@pytest.mark.parametrize(
    "message",
    [
        written(
            1,
            reason=WILD,
            exception=WILD,
            place=WILD,
            code=WILD,
            request={"id": WILD, "action": WILD, "data": {WILD: WILD}},
        ),
        moved(1, id=WILD, action=WILD, version=WILD),
        delivery(WILD.encode(), correlation_id=WILD, headers={"x-principal": WILD}),
    ],
)
def test_no_text_of_a_stranger_steers_the_terminal(tmp_path: Path, message: Delivery) -> None:
    row = row_of(tmp_path, message)
    with made_index(tmp_path) as index:
        (group,) = index.groups()
    assert all(line.isprintable() for line in letter_lines(row))
    assert all(cell.isprintable() for cell in table_row(row))
    assert all(str(cell).isprintable() for cell in group_row(group, "open"))


def test_a_letter_is_one_line_of_json(tmp_path: Path) -> None:
    line = as_line(row_of(tmp_path, written(1)))
    found = json.loads(line)
    assert b"\n" not in line
    assert found["failed_at"] == "2026-11-30T10:00:00.000Z"
    assert (found["key"], found["state"], found["letter"]["place"]) == ("key-1", "present", "shop/sell.py:7")
    assert list(found["letter"])[:2] == ["failed_at", "reason"]


def test_a_time_that_is_not_known_is_a_dash() -> None:
    assert moment(0) == "-"
    assert moment(0.5) == "1970-01-01T00:00:00.500Z"
