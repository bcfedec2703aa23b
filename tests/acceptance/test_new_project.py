"""A project that `leveret new` has made runs, and goes on, as its README says."""

from __future__ import annotations

import json
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.command import LIMIT
from support.projects import Project


def test_a_worker_answers_what_its_readme_says(shop: Project) -> None:
    worker = shop.start("worker")
    worker.says("consuming")
    signed = shop.leveret("call", "sign", "name=Ada")
    assert (signed.returncode, json.loads(signed.stdout)["data"]) == (0, {"number": 1, "name": "Ada"}), signed.stderr
    twice = shop.leveret("call", "sign", "name=Grace", "--repeat", "2")
    assert [json.loads(line)["data"]["number"] for line in twice.stdout.splitlines()] == [2, 2]
    listed = shop.leveret("call", "guests")
    assert json.loads(listed.stdout)["data"] == [{"number": 2, "name": "Grace"}, {"number": 1, "name": "Ada"}]
    refused = shop.leveret("call", "invite", "email=ada@example.org")
    assert refused.returncode == 1
    assert "set MY_SHOP_WEBHOOK_URL" in refused.stdout
    assert worker.stop() == 0


def test_dev_runs_it_with_a_broker_of_its_own_and_what_is_changed_runs_next(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "my-shop")
    project = Project(tmp_path / "my-shop", "MY_SHOP_")
    try:
        dev = project.start("dev")
        dev.says("ready: my_shop.requests")
        assert "leveret call sign name=Ada" in dev.output
        signed = project.leveret("call", "sign", "name=Ada")
        assert json.loads(signed.stdout)["data"] == {"number": 1, "name": "Ada"}, signed.stderr
        project.change("my_shop/guests.py", "Guest(row.number, row.name)", "Guest(row.number, row.name.upper())")
        dev.says("ready: my_shop.requests", count=2)
        listed = project.leveret("call", "guests")
        assert json.loads(listed.stdout)["data"] == [{"number": 1, "name": "ADA"}], listed.stderr
        assert dev.stop(signal.SIGINT) == 0
        assert "Everything is stopped." in dev.output
    finally:
        project.clear()


class Hook(BaseHTTPRequestHandler):
    """A service that answers with the next of `answers` of its server, and keeps the keys of all requests in `keys`."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, HookServer)
        self.server.keys.append(self.headers["Idempotency-Key"])
        self.send_response(self.server.answers.pop(0))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class HookServer(ThreadingHTTPServer):
    """The service, on a free port, in a thread."""

    def __init__(self, answers: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.answers = answers
        self.keys: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        """End the service; from now on nobody can connect."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join(LIMIT)
            self.server_close()


@pytest.fixture
def hook() -> Iterator[HookServer]:
    server = HookServer([503, 204, 422])
    yield server
    server.stop()


def test_what_the_service_outside_did_not_take_is_sent_again_with_the_same_key(shop: Project, hook: HookServer) -> None:
    shop.variables["WEBHOOK_URL"] = f"http://127.0.0.1:{hook.server_port}/"
    worker = shop.start("worker")
    worker.says("consuming")
    sent = shop.leveret("call", "invite", "email=ada@example.org", "--id", "one")
    assert json.loads(sent.stdout)["data"] == {"number": 1, "email": "ada@example.org"}
    worker.says("retry #1 for one because the service has failed: 503")
    assert hook.keys == [":one", ":one"]
    refused = shop.leveret("call", "invite", "email=ada@example.org", "--id", "two")
    assert json.loads(refused.stdout)["error"] == "The service has refused the message: 422"
    assert hook.keys == [":one", ":one", ":two"], "a refusal is not tried again"
    hook.stop()
    kept = shop.leveret("call", "invite", "email=ada@example.org", "--id", "three")
    assert json.loads(kept.stdout)["code"] == "retries_exhausted"
    worker.says("dead-lettered: three err=retries exhausted: the service cannot be reached: ")


def test_a_wrong_setting_of_its_own_is_named(shop: Project) -> None:
    shop.variables["WEBHOOK_URL"] = "hooks.example"
    done = shop.leveret("worker")
    assert done.returncode == 2
    assert done.stderr.startswith("leveret: MY_SHOP_WEBHOOK_URL: expected a web address")


def test_it_goes_on_with_migrations_as_its_readme_says(shop: Project) -> None:
    assert shop.leveret("db", "upgrade").returncode == 0
    tables = "tables=metadata"
    shop.change("my_shop/__init__.py", tables, f'{tables}, migrations=Path(__file__).parent / "migrations"')
    shop.change("my_shop/__init__.py", "from leveret import", "from pathlib import Path\n\nfrom leveret import")
    written = shop.leveret("db", "revision", "first tables")
    assert written.returncode == 0, written.stderr
    assert re.match(r"Written: .*_first_tables\.py\. Read it, correct it", written.stdout)
    assert "now at revision" in shop.leveret("db", "upgrade").stdout
    column = 'sa.Column("name", sa.String(80), nullable=False),'
    shop.change("my_shop/tables.py", column, f'{column}\n    sa.Column("city", sa.String(80)),')
    assert shop.leveret("db", "revision", "cities").returncode == 0
    assert shop.leveret("db", "revision", "again").returncode == 2, "the one before has not run"
    shop.start("worker").says("consuming")
    assert "which this version needs" in shop.leveret("db", "current").stdout
    assert "Nothing was written" in shop.leveret("db", "revision", "nothing").stdout
