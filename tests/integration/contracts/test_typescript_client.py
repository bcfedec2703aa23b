"""The generated client in TypeScript: not stale, against a real gateway, and its retries against answers as told."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from leveret.contracts.clients import typescript_client
from support.gateways import gateway_running, gateway_settings
from support.typescript import CLIENT, ROOT, answer_of, compiled
from taskmanager.actions import app

Answer = tuple[int, dict[str, str], str]
CLOSED: Answer = (0, {}, "")
BUSY: Answer = (503, {"Retry-After": "0"}, "overloaded")
DONE: Answer = (201, {}, "")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(Path(__file__).with_name("calls.ts"), tmp_path_factory.mktemp("typescript"))


def test_the_client_in_the_repository_is_what_the_registry_says_now(tmp_path: Path) -> None:
    for name, text in typescript_client(app).items():
        assert (CLIENT / name).read_text() == text, f"{name} is stale: make clients"
    generator = ROOT / ".run/typescript/node_modules/openapi-typescript/bin/cli.js"
    made = tmp_path / "schema.ts"
    options = ("--default-non-nullable=false", "--output", made)
    subprocess.run(["node", generator, CLIENT / "openapi.json", *options], check=True, capture_output=True)
    assert (CLIENT / "schema.ts").read_text() == made.read_text(), "schema.ts is stale: make clients"


async def test_a_user_works_on_a_task_through_a_real_gateway(program: Path, tmp_path: Path) -> None:
    async with gateway_running(gateway_settings(tmp_path, "amqp://unused", "unused"), direct=True) as url:
        found = await answer_of(program, url, "job")
    assert found == {
        "owner": True,
        "status": "done",
        "titles": ["Buy milk"],
        "unknown": ["unauthenticated", 401],
        "missing": ["not_found", 404],
        "invalid": ["invalid_request", 400],
    }


@pytest.mark.parametrize(
    ("answers", "tries", "result"),
    [
        ([CLOSED, BUSY, (409, {}, "in_progress"), (429, {"Retry-After": "0"}, "rate_limited"), DONE], 5, {"id": 7}),
        ([(502, {}, ""), (504, {}, "no_answer"), DONE], 3, {"id": 7}),
        ([BUSY] * 6, 5, "ProblemError: overloaded: no"),
        ([(409, {}, "conflict")], 1, "ProblemError: conflict: no"),
        ([(500, {}, "internal")], 1, "ProblemError: internal: no"),
        ([(429, {"Retry-After": "2"}, "rate_limited")], 1, "ProblemError: rate_limited: no"),
    ],
    ids=["each once", "of a proxy", "given up", "a refusal", "a failure", "too long a pause"],
)
async def test_a_call_is_tried_again_with_the_same_key_where_that_helps(
    program: Path, answers: Sequence[Answer], tries: int, result: object
) -> None:
    keys: list[str] = []
    async with answering(answers, keys) as url:
        assert await answer_of(program, url, "create") == result
    assert len(keys) == tries
    assert len(set(keys)) == 1


@asynccontextmanager
async def answering(answers: Sequence[Answer], keys: list[str]) -> AsyncIterator[str]:
    """Serve these answers in turn, a status of 0 by closing the connection, and note the key of each request."""
    left = iter(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
        keys.append(fields["idempotency-key"])
        status, headers, code = next(left)
        body = json.dumps({"id": 7} if status == 201 else {"code": code, "detail": "no"} if code else "no")
        shown = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if status:
            writer.write(f"HTTP/1.1 {status} X\r\n{shown}Content-Type: application/json\r\n".encode())
            writer.write(f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
