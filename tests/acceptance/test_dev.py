"""The command `dev` as somebody uses it who writes an application, on a private broker of its own."""

import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from leveret.devbroker import answers
from support.command import RunningCommand, children
from support.projects import Project
from testbed.waiting import processes_of, wait_until, wait_until_gone

pytestmark = pytest.mark.timeout(400)

LIMIT = 120.0
"""Seconds for a start of RabbitMQ on a busy machine."""

GUESTBOOK = """
import logging

from leveret import App, Context
from leveret.errors import NotFound

app = App("guestbook")
log = logging.getLogger("guestbook")


@app.action("v1", "sign", writes=True, public=True)
def sign(context: Context, name: str) -> str:
    log.info("%s is here", name)
    if name == "Nobody":
        raise NotFound("Nobody is not a guest")
    return greet(name)


def greet(name: str) -> str:
    return "hello " + name[0] + name[1:]
"""


LINE = 1 + next(at for at, line in enumerate(GUESTBOOK.splitlines()) if "name[0]" in line)
"""The line that the tests break."""


class Terminal:
    """A command that writes to a file, and which somebody watches."""

    def __init__(self, running: RunningCommand) -> None:
        self.running = running
        self._seen = 0

    def shows(self, text: str) -> str:
        """Wait until the command has written a text since the last look, and return what it wrote up to there."""
        try:
            wait_until(lambda: text in self.running.output[self._seen :], f"{text!r} in its output", limit=LIMIT)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.running.output}") from None
        new = self.running.output[self._seen :].partition(text)[0] + text
        self._seen += len(new)
        return new

    def ends(self, how: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        return self.running.stop(how)

    @property
    def address(self) -> str:
        found = re.search(r"broker +(amqp://\S+)", self.running.output)
        assert found
        return found[1]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A folder with an application that its pyproject.toml names."""
    (tmp_path / "guestbook.py").write_text(GUESTBOOK)
    (tmp_path / "pyproject.toml").write_text('[tool.leveret]\napp = "guestbook:app"\n')
    made = Project(tmp_path, "GUESTBOOK_", {"MAX_RETRIES": "0"})
    yield made
    for running in made.running:
        if running.process.poll() is None:
            running.process.terminate()
        running.process.wait(LIMIT)


def sign(project: Project, name: str) -> tuple[int, object]:
    """Call the action as another terminal does, without an address."""
    done = project.leveret("call", "sign", f"name={name}", "--timeout", "30")
    if not done.stdout:  # no worker has made the queues yet
        return done.returncode, done.stderr
    response = json.loads(done.stdout)
    return done.returncode, response["data"] if done.returncode == 0 else response["code"]


def enter_console(dev: Terminal) -> httpx2.Client:
    """Sign in at the console, as the line that ``dev`` has printed says."""
    where = r"console +(http://127\.0\.0\.1:\d+)/sign-in#dev:(\S+)  user dev, password \2\n"
    wait_until(lambda: re.search(where, dev.running.output), "the address of the console", limit=LIMIT)
    found = re.search(where, dev.running.output)
    assert found
    browser = httpx2.Client(base_url=found[1], headers={"sec-fetch-site": "same-origin"}, timeout=LIMIT)
    assert browser.post("/sign-in", data={"name": "dev", "password": found[2]}).status_code == 303
    return browser


def start(project: Project) -> Terminal:
    terminal = Terminal(project.start("dev"))
    terminal.shows("ready: guestbook.requests")
    return terminal


def test_an_application_is_called_changed_broken_mended_and_found_again_the_next_day(project: Project) -> None:
    dev = start(project)
    printed, address = dev.running.output, dev.address
    assert "private, kept in .leveret" in printed
    assert re.search(r"management +http://127\.0\.0\.1:\d+/  user guest, password guest", printed)
    assert "watching    this folder (1 file)" in printed
    assert "leveret call sign name=Ada\n" in printed, "pyproject.toml names the application, so nobody has to"
    assert (project.folder / ".leveret" / ".gitignore").read_text().splitlines()[-1] == "*"

    assert sign(project, "Ada") == (0, "hello Ada")
    assert "guestbook: Ada is here\n" in dev.shows("ok  ")
    assert re.fullmatch(r" +v1\.sign +\S+ - +[\d.]+ ms\n", dev.shows("ms\n"))
    assert sign(project, "Nobody") == (1, "not_found")
    assert "Nobody is not a guest" in dev.shows("is not a guest\n")

    console = enter_console(dev)
    assert "v1.sign" in console.get("/actions").text
    assert "development" in console.get("/actions").text

    project.change("guestbook.py", '"hello "', '"HELLO "')  # the same size, perhaps within the same second
    dev.shows("guestbook.py changed: the worker starts again\n")
    dev.shows("ready: guestbook.requests")
    assert sign(project, "Ada") == (0, "HELLO Ada")

    project.change("guestbook.py", "name[0] +", "name[9] +")
    dev.shows("ready: guestbook.requests")
    assert sign(project, "Ada") == (1, "internal")
    letter = dev.shows("IndexError: string index out of range\n")
    trace = dev.shows("IndexError: string index out of range\n")
    assert "DEAD LETTER" in letter
    assert f'"guestbook.py", line {LINE}, in greet' in trace
    assert "leveret/" not in trace

    project.change("guestbook.py", "name[9] +", "name[0 +")
    assert "ERROR guestbook cannot be imported" in dev.shows("waiting for a change")
    assert f"guestbook.py, line {LINE}" in dev.running.output
    assert console.get("/actions/v1/sign").status_code == 200
    project.change("guestbook.py", "name[0 +", "name[0] +")
    project.change("guestbook.py", '@app.action("v1", "sign",', '@app.action("v2", "sign",')
    dev.shows("ready: guestbook.requests")
    wait_until(lambda: console.get("/actions/v2/sign").status_code == 200, "the new action on its page", limit=LIMIT)
    project.change("guestbook.py", '@app.action("v2", "sign",', '@app.action("v1", "sign",')
    dev.shows("ready: guestbook.requests")
    assert sign(project, "Bob") == (0, "HELLO Bob")
    console.close()

    left = [dev.running.process.pid, *children(dev.running.process.pid), *processes_of(project.folder)]
    assert len(left) > 3
    assert dev.ends(signal.SIGINT) == 0
    assert dev.running.output.endswith("\nEverything is stopped.\n")
    wait_until_gone(left)
    assert not answers(address)
    assert not list(Path(tempfile.gettempdir()).glob(f"*{project.folder.name}*"))

    again = start(project)
    assert again.address == address
    letters = project.leveret("letters")
    assert "IndexError" in letters.stdout, letters.stderr
    assert again.ends(signal.SIGHUP) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_runs_on_when_dev_is_killed_and_the_next_one_starts_in_what_it_left(project: Project) -> None:
    dev = start(project)
    left = [*children(dev.running.process.pid), *processes_of(project.folder)]
    assert len(left) > 2
    dev.running.process.kill()
    dev.running.process.wait()
    wait_until_gone(left, limit=LIMIT)
    again = start(project)
    assert again.address == dev.address
    assert sign(project, "Ada") == (0, "hello Ada")
    second = Terminal(project.start("dev"))
    assert f"of another dev in this folder (process {again.running.process.pid})" in second.shows("ready:")
    assert second.address == again.address
    assert second.ends(signal.SIGTERM) == 0
    assert answers(again.address)
    assert again.ends(signal.SIGTERM) == 0


def test_without_the_extra_a_module_that_is_broken_at_the_start_is_waited_for(
    project: Project, broker: object, prefix: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any
) -> None:
    elsewhere = tmp_path_factory.mktemp("without")
    (elsewhere / "sitecustomize.py").write_text("import sys\nsys.modules['jinja2'] = None\n")  # as if it were not there
    monkeypatch.setenv("PYTHONPATH", os.fspath(elsewhere))
    project.variables |= {"AMQP_URL": broker.url, "QUEUE_PREFIX": prefix}  # type: ignore[attr-defined]  # either kind
    project.change("guestbook.py", "def greet(", "def greet((")
    dev = Terminal(project.start("dev"))
    dev.shows("waiting for a change")
    project.change("guestbook.py", "def greet((", "def greet(")
    shown = dev.shows(f"ready: {prefix}.requests")
    assert "from GUESTBOOK_AMQP_URL" in shown
    assert shown.count("console") == 2, shown
    assert "console     is not installed: pip install 'leveret[console]'\n" in shown
    assert not (project.folder / ".leveret").exists()
    assert sign(project, "Ada") == (0, "hello Ada")
    assert dev.ends(signal.SIGTERM) == 0
    project.variables["RETRY_DELAY"] = "5s"
    project.clear()


def test_a_worker_reloads_on_the_broker_that_is_named(project: Project, broker: object, prefix: str) -> None:
    project.variables |= {"AMQP_URL": broker.url, "QUEUE_PREFIX": prefix, "RETRY_DELAY": "5s"}  # type: ignore[attr-defined]  # either kind
    assert project.leveret("worker", "--reload", "-w", "2").returncode == 2
    worker = Terminal(project.start("worker", "--reload", "--log-level", "warning"))
    wait_until(lambda: sign(project, "Ada") == (0, "hello Ada"), "an answer", limit=LIMIT)
    project.change("guestbook.py", '"hello "', '"HELLO "')
    wait_until(lambda: sign(project, "Ada") == (0, "HELLO Ada"), "an answer of the new code", limit=LIMIT)
    assert "INFO" not in worker.running.output
    assert worker.ends(signal.SIGTERM) == 0
    project.clear()


def test_what_is_missing_is_said_with_what_to_do(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.variables["AMQP_URL"] = "amqp://guest:hunter2@127.0.0.1:1/"
    away = project.leveret("dev")
    assert away.returncode == 3
    assert "no broker answers at amqp://127.0.0.1:1, which GUESTBOOK_AMQP_URL names" in away.stderr
    assert "hunter2" not in away.stderr
    del project.variables["AMQP_URL"]
    monkeypatch.setenv("RABBITMQ_SERVER_ROOT", os.fspath(project.folder))  # without a RabbitMQ
    missing = project.leveret("dev")
    assert missing.returncode == 3
    assert "There is no RabbitMQ in" in missing.stderr
    assert "Or set GUESTBOOK_AMQP_URL to the address of a broker that runs already." in missing.stderr
    (project.folder / "pyproject.toml").unlink()
    nowhere = project.leveret("dev", "no_such_module:app")
    assert nowhere.returncode == 2
    assert "there is no module no_such_module" in nowhere.stderr
