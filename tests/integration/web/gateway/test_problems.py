"""Every error is a problem (RFC 9457), over both forms: what it says, and that its status is the status line's."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from support.gateways import LIMIT, HttpCaller

TASKS = "/api/v2/tasks/"
REFUSED: list[tuple[str, str, str, dict[str, Any], int, str]] = [
    ("no such path", "GET", "/nowhere", {}, 404, "unknown_path"),
    ("a slash too few", "GET", "/api/v2/tasks", {}, 404, "unknown_path"),
    ("another method", "PATCH", TASKS, {}, 405, "method_not_allowed"),
    ("no token", "GET", TASKS, {}, 401, "unauthenticated"),
    ("another scheme", "GET", TASKS, {"headers": {"Authorization": "Basic YTpi"}}, 401, "unauthenticated"),
    ("no number", "GET", f"{TASKS}?limit=many", {"user": True}, 400, "invalid_request"),
    ("a number twice", "GET", f"{TASKS}?limit=1&limit=2", {"user": True}, 400, "invalid_request"),
    ("a query that is no UTF-8", "GET", f"{TASKS}?limit=%ff", {"user": True}, 400, "invalid_request"),
    ("no fields", "GET", f"{TASKS}fields", {"user": True}, 400, "invalid_request"),
    ("no task", "GET", f"{TASKS}77", {"user": True}, 404, "not_found"),
    ("no id", "GET", f"{TASKS}first", {"user": True}, 400, "invalid_request"),
    ("no key", "POST", TASKS, {"user": True, "json": {"title": "x"}, "key": None}, 400, "key_missing"),
    ("no usable key", "POST", TASKS, {"user": True, "json": {}, "key": '"a'}, 400, "invalid_request"),
    ("no JSON", "POST", TASKS, {"user": True, "content": b"{", "type": "application/json"}, 400, "invalid_request"),
    ("an array", "POST", TASKS, {"user": True, "json": []}, 400, "invalid_request"),
    ("a name twice", "POST", TASKS, {"content": b'{"a":1,"a":1}', "type": "application/json"}, 400, "invalid_request"),
    ("a form", "POST", TASKS, {"user": True, "data": {"title": "x"}}, 415, "unsupported_media_type"),
    (
        "Latin-1",
        "POST",
        TASKS,
        {"content": b"{}", "type": "application/json; charset=latin-1"},
        415,
        "unsupported_media_type",
    ),
    ("encoded", "POST", TASKS, {"json": {}, "headers": {"Content-Encoding": "gzip"}}, 415, "unsupported_media_type"),
    ("too large", "POST", TASKS, {"content": b" " * 262_145, "type": "application/json"}, 413, "too_large"),
    ("takes no JSON", "GET", TASKS, {"user": True, "headers": {"Accept": "text/html"}}, 406, "not_acceptable"),
    ("a query", "POST", f"{TASKS}?title=x", {"user": True, "json": {}}, 400, "invalid_request"),
    ("a wrong value", "POST", TASKS, {"user": True, "json": {"title": "x", "status": "?"}}, 400, "invalid_request"),
    ("two ids", "PUT", f"{TASKS}1", {"user": True, "json": {"task_id": 2}}, 400, "invalid_request"),
]


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "code"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
async def test_a_bad_request_gets_a_problem(
    user: HttpCaller, method: str, path: str, given: dict[str, Any], status: int, code: str
) -> None:
    answer = await _ask(user, method, path, dict(given))
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"].startswith("http")
    assert problem["instance"] == path.partition("?")[0]
    assert problem["request_id"] == answer.headers["Request-Id"]
    assert problem["title"]
    assert problem["detail"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Traceback" not in answer.text


async def test_what_is_no_request_at_all_gets_a_problem_too(caller: HttpCaller) -> None:
    address = urlsplit(caller.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"JUMP /api/v1/health HTTP/1.1\r\nHost: here\r\n\r\n")
    head, _, body = (await asyncio.wait_for(reader.read(), LIMIT)).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 501 Not Implemented\r\n")
    assert b"x-content-type-options: nosniff" in head.lower()
    assert json.loads(body)["type"] == f"{caller.url}/problems/method_unknown"


async def _ask(user: HttpCaller, method: str, path: str, given: dict[str, Any]) -> httpx2.Response:
    headers = dict(given.pop("headers", {}))
    if given.pop("user", False):
        headers.update(user.headers)
    if (key := given.pop("key", "a-key")) is not None:
        headers["Idempotency-Key"] = key
    if kind := given.pop("type", None):
        headers["Content-Type"] = kind
    return await user.http.request(method, f"{user.url}{path}", headers=headers, **given)
