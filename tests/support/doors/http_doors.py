"""The doors over HTTP: plain requests to the gateway in both of its forms, and the client generated in TypeScript."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx2

from support.doors.broker_doors import LIMIT
from support.doors.case import Answer, Case
from support.doors.http_forms import HttpForm, http_form, json_bytes

PROGRAM = Path(__file__).with_name("asking.ts")
_SAFE = 2**53


class RestDoor:
    """Plain HTTP to a gateway.

    Args:
        name: what reports call it: the gateway's form.
        http: sends requests.
        url: the gateway's address.
    """

    def __init__(self, name: str, http: httpx2.AsyncClient, url: str) -> None:
        self.name = name
        self._http, self._url = http, url

    def takes(self, case: Case) -> bool:
        """Return whether the case has a form over HTTP."""
        return http_form(case, conditional=True) is not None

    async def ask(self, case: Case) -> Answer:
        """Send the request of the case's route."""
        form = http_form(case, conditional=True)
        assert form is not None
        path = form.pattern.format_map({name: quote(text, safe="") for name, text in form.path.items()})
        query = f"?{urlencode(form.query)}" if form.query else ""
        headers = {"Idempotency-Key": case.id}
        if case.token:
            headers["Authorization"] = f"Bearer {case.token}"
        if form.if_match is not None:
            headers["If-Match"] = f'"{case.version}.{form.if_match}"'
        content = None
        if form.body is not None:
            content, headers["Content-Type"] = json_bytes(form.body), "application/json"
        answer = await self._http.request(
            form.method, f"{self._url}{path}{query}", headers=headers, content=content, timeout=LIMIT
        )
        return answer_of(answer.status_code, json.loads(answer.content) if answer.content else None)


class TypeScriptDoor:
    """The client that is generated in TypeScript, in a process of Node that answers line by line."""

    name = "typescript"

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def takes(self, case: Case) -> bool:
        """Return whether the case has a form over HTTP, and its numbers are numbers of JavaScript."""
        form = http_form(case)
        return form is not None and _is_javascript(form.body)

    async def ask(self, case: Case) -> Answer:
        """Send the call to the process, and wait for its line."""
        form = http_form(case)
        assert form is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json_bytes(_call(case, form)) + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), LIMIT)
        if not line:
            return Answer("failed: the process of Node has ended")
        found = json.loads(line)
        if "raised" in found:
            return Answer("raised", text=found["raised"])
        return answer_of(found["status"], found.get("data", found.get("problem")))


def answer_of(status: int, body: Any) -> Answer:
    """Return what an answer over HTTP says."""
    if status < 400:
        return Answer(data=body, status=status)
    if not isinstance(body, dict) or "code" not in body:
        return Answer("failed: no problem", data=body, status=status)
    return Answer(body["code"], text=body["detail"], details=body.get("details"), status=status)


@asynccontextmanager
async def node_running(program: Path, url: str) -> AsyncIterator[TypeScriptDoor]:
    """Run the compiled program while the block runs, against the gateway at this address."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("node", program, url, stdin=pipe, stdout=pipe, limit=2**24)
    try:
        yield TypeScriptDoor(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), LIMIT)
        except TimeoutError:
            process.kill()
            await process.wait()


def _call(case: Case, form: HttpForm) -> dict[str, Any]:
    query: dict[str, list[str]] = {}
    for name, text in form.query:
        query.setdefault(name, []).append(text)
    return {
        "method": form.method,
        "path": form.pattern,
        "token": case.token,
        "params": {
            "path": form.path,
            "query": {name: texts if len(texts) > 1 else texts[0] for name, texts in query.items()},
            "header": {"Idempotency-Key": case.id},
        },
        **({} if form.body is None else {"body": form.body}),
    }


def _is_javascript(value: Any) -> bool:
    """Return whether JavaScript reads and writes a value unchanged: numbers are of 64 bits, and 1.0 is 1."""
    if isinstance(value, dict):
        return all(map(_is_javascript, value.values()))
    if isinstance(value, list):
        return all(map(_is_javascript, value))
    if isinstance(value, float):
        return not value.is_integer()
    return not isinstance(value, int) or -_SAFE < value < _SAFE
