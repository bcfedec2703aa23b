"""A client written years ago against the first version: pika, a reply queue of its own, and the wire as it was."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pika
import pytest

from leveret.topology import Topology
from support.command import LIMIT, Commands
from support.pages import program

Json = dict[str, Any]


class OldClient:
    """One request at a time over a BlockingConnection, as scripts of that time did it."""

    def __init__(self, url: str, topology: Topology) -> None:
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.topology = topology
        self.queue = self.channel.queue_declare(queue="", exclusive=True).method.queue
        self.channel.basic_consume(self.queue, self.on_response, auto_ack=True)
        self.responses: dict[str, Json] = {}

    def on_response(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        self.responses[properties.correlation_id] = json.loads(body)

    def call(self, action: str, data: Json | None = None, *, version: str = "v1", auth: str | None = None) -> Json:
        request_id = str(uuid.uuid4())
        request = {"id": request_id, "version": version, "action": action, "data": data, "auth": auth}
        self.channel.basic_publish(
            exchange=self.topology.exchange,
            routing_key=self.topology.requests,
            properties=pika.BasicProperties(
                correlation_id=request_id, reply_to=self.queue, delivery_mode=2, content_type="application/json"
            ),
            body=json.dumps(request),
        )
        end = time.monotonic() + LIMIT
        while request_id not in self.responses:
            assert time.monotonic() < end, f"no response to {version}.{action}"
            self.connection.process_data_events(time_limit=1)
        return self.responses.pop(request_id)


@pytest.fixture
def client(commands: Commands) -> Iterator[OldClient]:
    commands.worker()
    client = OldClient(commands.settings.amqp_url, commands.topology)
    yield client
    client.connection.close()


def result(response: Json) -> Any:
    assert (response["status"], response["error"]) == ("ok", None), response
    return response["data"]


def logged_in(client: OldClient) -> str:
    someone = {"email": f"{uuid.uuid4().hex}@example.com", "password": "secret-1", "full_name": "Somebody"}
    user = result(client.call("register", someone))
    assert (user["email"], user["full_name"]) == (someone["email"], "Somebody")
    token = result(client.call("login", {"email": someone["email"], "password": "secret-1"}))
    assert token["token_type"] == "bearer"
    return str(token["access_token"])


@pytest.mark.parametrize("scheme", ["", "Bearer "])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_every_action_answers_the_client_of_the_first_version(client: OldClient, version: str, scheme: str) -> None:
    assert client.queue.startswith("amq.gen-")
    assert result(client.call("health_check", version=version)) == {"status": "ok"}
    auth = scheme + logged_in(client)
    assert result(client.call("list_tasks", {}, version=version, auth=auth)) == []
    wanted = {"title": "First", "description": "of all", "status": "todo", "due_date": "2030-01-31"}
    first = result(client.call("create_task", wanted, version=version, auth=auth))
    second = result(client.call("create_task", {"title": "Second"}, version=version, auth=auth))
    assert (first["title"], first["description"], first["status"]) == ("First", "of all", "todo")
    assert ("priority" in first) == (version == "v2")
    asked = {"task_id": first["id"]}
    assert result(client.call("get_task", asked, version=version, auth=auth)) == first
    listed = result(client.call("list_tasks", {"limit": 10, "offset": 0}, version=version, auth=auth))
    assert [task["id"] for task in listed] == [second["id"], first["id"]]
    changed = result(client.call("update_task", {**asked, "status": "done"}, version=version, auth=auth))
    assert (changed["status"], changed["title"], changed["description"]) == ("done", "First", "of all")
    assert result(client.call("delete_task", asked, version=version, auth=auth)) == {"deleted": True, **asked}
    gone = client.call("get_task", asked, version=version, auth=auth)
    assert (gone["status"], gone["error"], gone["data"]) == ("error", "Task not found", None)


def test_version_2_answers_with_priorities_filters_fields_and_figures(client: OldClient) -> None:
    auth = logged_in(client)
    for title, priority in (("calm", "low"), ("urgent", "high")):
        result(client.call("create_task", {"title": title, "priority": priority}, version="v2", auth=auth))
    urgent = result(client.call("list_tasks", {"priority_filter": "high"}, version="v2", auth=auth))
    assert [task["title"] for task in urgent] == ["urgent"]
    done = {"task_id": urgent[0]["id"], "status": "done", "priority": "low"}
    assert result(client.call("update_task", done, version="v2", auth=auth))["priority"] == "low"
    found = result(client.call("list_tasks", {"status_filter": "done", "include": "title"}, version="v2", auth=auth))
    assert found == [{"title": "urgent"}]
    assert result(client.call("stats", version="v2", auth=auth))["tasks"] == 2


def test_the_texts_of_the_first_version_are_as_they_were(client: OldClient) -> None:
    someone = {"email": "old@example.com", "password": "secret-1", "full_name": "Old"}
    result(client.call("register", someone))
    auth = result(client.call("login", {"email": "old@example.com", "password": "secret-1"}))["access_token"]
    for expected, response in (
        ("User already exists", client.call("register", someone)),
        ("Incorrect email or password", client.call("login", {"email": "old@example.com", "password": "wrong"})),
        ("Task not found", client.call("get_task", {"task_id": 4711}, auth=auth)),
        ("Unknown action: v1.stats", client.call("stats", auth=auth)),
    ):
        assert (response["status"], response["error"]) == ("error", expected)


def test_the_client_of_the_page_about_the_wire_gets_an_answer(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.worker()
    topology = commands.topology
    monkeypatch.setenv("TASKMANAGER_AMQP_URL", commands.settings.amqp_url)
    with program("docs/wire.md#1", {"api.direct": topology.exchange, "api.requests": topology.requests}):
        assert "'data': {'status': 'ok'}" in capsys.readouterr().out
