"""After a day with everything that goes wrong, no token, ticket or password stands in a log, a table or a letter."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from leveret.amqp import Connection, Delivery
from leveret.auth.claims import LEEWAY
from leveret.auth.keyring import Keyring
from leveret.letters.look import look_at_letters
from support.command import Commands
from support.leaks import around, forms_of, read_queue, read_tables
from support.serving import Caller, calling, until
from taskmanager.actions import app

PASSWORD = 'p\u00e4ss "w\u00f6rd"/7391+&x'
WRONG = "wrong battery 48151623"
MOST = 1
"""Retries."""


@dataclass
class Day:
    """What was used as a secret, and everything that was written where others can read it."""

    caller: Caller
    commands: Commands
    secrets: dict[str, str] = field(default_factory=lambda: {"password": PASSWORD, "wrong password": WRONG})
    written: dict[str, bytes] = field(default_factory=dict)
    number: int = 0

    async def ask(
        self, action: str, data: Any, auth: str = "", version: str = "v1", **properties: Any
    ) -> dict[str, Any]:
        """Ask for something; what is no login's own token goes to what others can read."""
        self.number += 1
        request = {"id": f"day-{self.number}", "version": version, "action": action, "data": data, "auth": auth}
        reply = await self.caller.ask(request, **properties)
        if not (reply["status"] == "ok" and action == "login"):
            self.written[f"answer {self.number} to {action}"] = json.dumps(reply, ensure_ascii=False).encode()
        return reply

    async def token_of(self, email: str) -> tuple[str, str]:
        """Register and log in: the token, and whose it is."""
        user = await self.ask("register", {"email": email, "password": PASSWORD, "full_name": "Ada"})
        reply = await self.ask("login", {"email": email, "password": PASSWORD})
        self.secrets[f"token of {email}"] = reply["data"]["access_token"]
        return reply["data"]["access_token"], str(user["data"]["id"])


async def test_no_token_ticket_or_password_is_written_down_anywhere(commands: Commands) -> None:
    on_sqlite = commands.settings.sqlite_file is not None
    commands.variables |= {
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "text" if on_sqlite else "json",
        "RETRY_DELAY": "1s",
        "MAX_RETRIES": str(MOST),
    }
    await asyncio.to_thread(commands.worker, "--migrate")
    async with calling(commands.settings.amqp_url, commands.topology) as caller:
        day = Day(caller, commands)
        token, subject = await day.token_of("ada@example.com")
        await log_in_wrongly(day, token)
        await ask_with_secrets_in_odd_places(day, token)
        await send_what_is_no_request(day, token)
        await let_a_token_expire_while_its_request_waits(day, subject)
        await steal_a_ticket(day, token)
        await die_at_work(day, token)
        await gather(day)
        found = [
            f"{secret} as {form} in {place}: {around(text, needle)!r}"
            for secret, value in day.secrets.items()
            for form, needle in forms_of(value).items()
            for place, text in day.written.items()
            if needle in text
        ]
    assert not found, "\n".join(found)
    kinds = Counter(place.split()[0] for place in day.written)
    assert min(kinds["log"], kinds["command"]) == 2
    assert min(kinds["letter"] // 2, kinds["answer"]) > 40
    assert {"table users", "table tasks", "table processed_requests"} <= set(day.written)
    assert b"argon2" in day.written["table users"]


async def log_in_wrongly(day: Day, token: str) -> None:
    for data in (
        {"email": "ada@example.com", "password": WRONG},
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": PASSWORD, "password": WRONG},
        {"email": "ada@example.com", "password": [PASSWORD]},
        {"email": "ada@example.com", "password": token},
        {"email": "ada@example.com", "password": ""},
        {"email": ["ada@example.com"], "password": PASSWORD},
    ):
        assert (await day.ask("login", data))["status"] == "error"
    assert (await day.ask("register", {"email": "ada@example.com", "password": WRONG}))["code"] == "conflict"
    assert (await day.ask("register", {"email": "", "password": PASSWORD}))["code"] == "invalid_request"


async def ask_with_secrets_in_odd_places(day: Day, token: str) -> None:
    """Requests in order, some of which fail for good and become letters."""
    assert (await day.ask("create_task", {"title": "t"}, f"Bearer {token}"))["status"] == "ok"
    odd: list[dict[str, Any]] = [
        {"password": PASSWORD, "nested": {"Password": PASSWORD, "list": [{"token": token}]}},
        {"text": json.dumps({"password": PASSWORD, "auth": token}), "form": f"a=1&password={quote(PASSWORD)}"},
        {token: 1, "x": {f"Bearer {token}": token}},
    ]
    for data in odd:
        asked = data | {"title": "t", "simulate_temp_error": True}
        headers = {"authorization": f"Bearer {token}", "password": PASSWORD, token: "name", "raw": token.encode()}
        for action in ("create_task", "health_check"):
            request = {"id": f"odd {odd.index(data)} {action}", "version": "v1", "action": action, "data": asked}
            await day.caller.send(request | {"auth": token}, headers=headers)
    for number in range(2 * len(odd)):
        reply = await day.caller.reply()
        assert reply["code"] == "retries_exhausted"
        day.written[f"answer to odd {number}"] = json.dumps(reply, ensure_ascii=False).encode()
    refused: list[tuple[str, str, dict[str, Any]]] = [
        ("v1", "create_task", {"title": "t", "status": token}),
        ("v1", token, {"password": PASSWORD}),
        (token, "create_task", {"title": "t"}),
        ("v2", "list_tasks", {"include": [token]}),
        ("v1", "get_task", {"task_id": token}),
    ]
    for version, action, data in refused:
        assert (await day.ask(action, data, token, version))["code"] in ("invalid_request", "unknown_action")
    for properties in (
        {"content_encoding": token},
        {"headers": {"x-deadline": token}},
        {"headers": {"x-death": token}},
    ):
        assert (await day.ask("create_task", {"title": "t"}, token, **properties))["code"] == "invalid_request"
    assert (await day.ask("create_task", {"title": "t"}, token[:-3]))["code"] == "unauthenticated"


async def send_what_is_no_request(day: Day, token: str) -> None:
    """Each once with somebody who waits for an answer, and once without, for a letter."""
    request = {"id": "odd", "version": "v1", "action": "login", "data": {"password": PASSWORD}, "auth": token}
    text = json.dumps(request)
    plain = json.dumps(request, ensure_ascii=False)
    bodies = [
        text[:-2],
        plain + "x",
        str(request),
        f"email=a%40b&password={quote(PASSWORD)}&auth={token}",
        f"<r><password>{PASSWORD}</password><auth>{token}</auth></r>",
        f"Authorization: Bearer {token}\r\npassword: {PASSWORD}\r\n",
        json.dumps([request]),
        json.dumps(text),
        f'{{"{token}": 1, "{token}": 2}}',
        json.dumps(request | {"id": token}),
        json.dumps(request | {"data": text}),
        json.dumps(request | {"action": "nope", "PASSWORD": PASSWORD, "more": {"auth": token}}),
        text.replace("{", "[" * 70 + "{", 1),
        text.replace('"odd"', '"odd\\u0000"'),
        text + " " * 300_000,
    ]
    sent = [body.encode() for body in bodies] + [
        plain.encode("utf-16"),
        plain.encode("latin-1"),
        plain.encode("utf-32"),
    ]
    for body in sent:
        reply = await day.caller.ask(body, correlation_id=token)
        day.number += 1
        day.written[f"answer {day.number} to what is no request"] = json.dumps(reply, ensure_ascii=False).encode()
        assert reply["status"] == "error"
        await day.caller.send(body, reply_to=None, correlation_id=token, headers={"Authorization": token})
        await day.caller.send(body, reply_to=token)


async def let_a_token_expire_while_its_request_waits(day: Day, subject: str) -> None:
    now, life = time.time(), timedelta(hours=1)
    issued = now - life.total_seconds() - LEEWAY.total_seconds() + 1.5
    secret = day.commands.settings.jwt_secret
    assert secret is not None
    token = Keyring(secret, issuer=app.issuer, clock=lambda: issued).issue(subject, life)
    day.secrets["token that expires"] = token
    reply = await day.ask("create_task", {"title": "t", "simulate_temp_error": True}, token)
    assert reply["code"] == "retries_exhausted", "it was not tried again as its caller"
    await until(lambda: time.time() > now + 2, "the end of the token")
    assert (await day.ask("create_task", {"title": "t"}, token))["code"] == "unauthenticated"


async def steal_a_ticket(day: Day, token: str) -> None:
    """Whoever can read the retry queue finds a ticket there: it is good for this one request and nothing else."""
    request = {"version": "v1", "action": "create_task", "data": {"title": "t", "simulate_temp_error": True}}
    await day.caller.send({"id": "stolen", **request, "auth": token})
    got: Delivery | None = None
    async with asyncio.timeout(20):
        while got is None:
            found = await day.caller.channel.get(day.caller.topology.retries[0], no_ack=True)
            got = found.delivery if found else None
    assert token.encode() not in got.body
    waiting = json.loads(got.body)
    ticket = waiting["auth"]
    day.secrets["ticket"] = ticket.removeprefix("Ticket ")
    headers = {"x-retry-count": 1}
    stealing: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (waiting | {"id": "another"}, headers),
        (waiting | {"data": {"title": "another"}}, headers),
        (waiting | {"action": "delete_task", "data": {"task_id": 1}}, headers),
        (waiting | {"version": "v2"}, headers),
        (waiting | {"action": "login", "data": {"email": "ada@example.com", "password": WRONG}}, headers),
        (waiting, {}),
        (waiting, {"x-retry-count": 2}),
        (waiting, {"x-retry-count": "1"}),
        (waiting | {"auth": ticket.removeprefix("Ticket ")}, {}),
        (waiting | {"auth": "Bearer " + ticket.removeprefix("Ticket ")}, {}),
        (waiting | {"auth": "Ticket " + token}, headers),
        (waiting | {"auth": token}, headers),
    ]
    for number, (stolen, given) in enumerate(stealing):
        reply = await day.caller.ask(stolen, headers=given)
        day.written[f"answer to theft {number}"] = json.dumps(reply).encode()
        assert reply["code"] in ("unauthenticated", "invalid_request"), stealing[number]
    forged = {"failed_at": token, "worker": token, "reason": token}
    reply = await day.caller.ask(waiting, headers=headers | {"x-attempts": [forged]})
    assert reply["code"] == "retries_exhausted", "the ticket was not good for its own request either"


async def die_at_work(day: Day, token: str) -> None:
    """The worker is killed while it runs a request, and the next one finds that again."""
    request = {"version": "v1", "action": "create_task", "data": {"title": "t", "simulate_hang": True}, "auth": token}
    await day.caller.send({"id": "deadly", **request}, headers={"authorization": token})
    worker = day.commands.running[0]
    await asyncio.to_thread(worker.says, "simulated hang for deadly")
    assert await asyncio.to_thread(worker.stop, signal.SIGKILL) == -signal.SIGKILL
    await asyncio.to_thread(day.commands.worker)
    assert (await day.caller.reply())["correlation_id"] == "deadly"


async def gather(day: Day) -> None:
    """Read all that is written down: logs, tables with every column, letters as they lie there, and what is shown."""
    commands, written = day.commands, day.written
    shown = await asyncio.to_thread(commands.run, "letters", "--most", "500")
    written["command letters"] = (shown.stdout + shown.stderr).encode()
    wrong = await asyncio.to_thread(commands.run, "call", "get_task", "task_id=1", "--token", day.secrets["ticket"])
    assert wrong.returncode != 0
    written["command call"] = (wrong.stdout + wrong.stderr).encode()
    connection = await Connection.open(commands.settings.amqp_url, name="reader")
    for queue in commands.topology.queues:
        await read_queue(connection, queue.name, written)
    await connection.close()
    assert len(await look_at_letters(commands.settings.amqp_url, commands.topology, 500)) == 0
    for running in commands.running:
        if running.process.poll() is None:
            await asyncio.to_thread(running.stop)
    written |= {f"log {number}": running.path.read_bytes() for number, running in enumerate(commands.running)}
    read_tables(commands.database_url, written)
    if commands.settings.sqlite_file is not None:
        written |= {f"file {path.name}": path.read_bytes() for path in commands.folder.glob("taskmanager.db*")}
