"""The command `console` as an operator uses it, with the Task Manager behind it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess

import httpx2
import pytest

from leveret.client import BlockingClient
from support.command import LIMIT, Commands, RunningCommand
from support.dead_requests import depths, write_letters
from testbed.waiting import wait_until

FORM = {"sec-fetch-site": "same-origin"}
PASSWORD = "correct horse battery"


def add(commands: Commands, name: str, role: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    return commands.run("console", "user", "add", name, "--role", role, given=f"{password}\n".encode())


def address(console: RunningCommand) -> str:
    console.says("console of taskmanager: http://")
    found = re.search(r"http://\S+:\d+", console.output)
    assert found
    return found[0]


def enter(browser: httpx2.Client, name: str, password: str = PASSWORD) -> httpx2.Response:
    return browser.post("/sign-in", data={"name": name, "password": password}, headers=FORM)


def test_accounts_are_made_listed_and_removed(commands: Commands) -> None:
    assert add(commands, "ada", "operator").stdout == "ada can sign in, as operator.\n"
    assert add(commands, "grace", "viewer").returncode == 0
    assert "at least 12" in add(commands, "eve", "viewer", "short").stderr
    assert commands.run("console", "user", "list").stdout == "operator  ada\nviewer    grace\n"
    assert commands.run("console", "user", "remove", "ada").returncode == 0
    assert commands.run("console", "user", "remove", "ada").returncode == 1
    assert commands.run("console", "user", "list").stdout == "viewer    grace\n"
    assert (commands.folder / "taskmanager-console.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "add --cert and --key, or --behind-proxy"),
        (("--host", "0.0.0.0", "--behind-proxy"), "say with --name"),
        (("--cert", "x.pem"), "--cert and --key belong together"),
    ],
)
def test_passwords_do_not_go_over_a_network_as_they_are(
    commands: Commands, options: tuple[str, ...], said: str
) -> None:
    done = commands.run("console", *options)
    assert done.returncode == 2
    assert said in done.stderr


def test_administrators_sign_in_with_their_own_login_and_others_do_not(commands: Commands) -> None:
    commands.worker()
    with BlockingClient(commands.settings.amqp_url, topology=commands.topology) as client:
        for email in ("admin@example.com", "user@example.com"):
            client.call("register", {"email": email, "password": PASSWORD})
    assert commands.run("admin", "grant", "admin@example.com").returncode == 0
    console = commands.start("console", "--port", "0")
    with httpx2.Client(base_url=address(console)) as browser:
        assert browser.get("/letters").status_code == 303
        assert "names neither console:viewer" in enter(browser, "user@example.com").text
        assert "Incorrect email or password" in enter(browser, "admin@example.com", "wrong password").text
        assert enter(browser, "admin@example.com").status_code == 303
        page = browser.get("/").text
        assert "admin@example.com" in page
        assert "Nothing is wrong" in page
        assert "v2.create_task" in browser.get("/actions").text


def test_open_pages_end_at_once_when_the_console_is_stopped(commands: Commands) -> None:
    add(commands, "ada", "viewer")
    console = commands.start("console", "--port", "0")
    with httpx2.Client(base_url=address(console), timeout=20) as browser:
        enter(browser, "ada")
        with browser.stream("GET", "/live/overview") as live:
            assert live.headers["content-type"].startswith("text/event-stream")
            assert next(line for line in live.iter_lines() if line.startswith("data:"))
            assert console.stop() == 0
    assert "Traceback" not in console.output


def test_a_port_that_is_taken_is_told_with_what_to_do(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = commands.run("console", "--port", str(port))
    assert ended.returncode == 2
    assert f"port {port}: something listens there already; choose others with --host, --port" in ended.stderr


def test_a_password_that_is_missing_on_the_standard_input_is_told_as_that(commands: Commands) -> None:
    done = commands.run("console", "user", "add", "ada")
    assert done.returncode == 2
    assert "the first line of the standard input is the password" in done.stderr
    assert "it was empty" in done.stderr


def test_an_operation_of_a_console_that_was_killed_goes_on_in_another(commands: Commands) -> None:
    token = write_letters(commands, "a", "b")
    add(commands, "ada", "operator")
    add(commands, "bob", "operator")
    dying = commands.start("console", "--port", "0")
    with httpx2.Client(base_url=address(dying), timeout=20) as browser:
        enter(browser, "ada")
        form = {"query": "", "steps": "all", "rate": "1/h", "why": "mended"}
        operation = browser.post("/operations", data=form, headers=FORM).headers["location"]
        wait_until(lambda: counted(browser, operation, "sent") == 1, "a letter that is sent", limit=LIMIT)
        dying.stop(signal.SIGKILL)
    assert depths(commands) == [1, 0, 1]
    other = commands.start("console", "--port", "0")
    with httpx2.Client(base_url=address(other), timeout=20) as browser:
        enter(browser, "bob")
        assert browser.post(operation, data={"do": "resume"}, headers=FORM).status_code == 409
        commands.worker()
        assert browser.post(operation, data={"do": "take_over"}, headers=FORM).status_code == 303
        wait_until(lambda: counted(browser, operation, "succeeded") == 2, "both to succeed", limit=LIMIT)
        audit = browser.get(f"/audit?operation={operation.rpartition('/')[2]}").text
    assert "redrive_taken_over" in audit
    assert "bob (console)" in audit
    assert len(commands.call("list_tasks", token=token)) == 2
    assert depths(commands) == [0, 0, 0]


def counted(browser: httpx2.Client, operation: str, state: str) -> int:
    """Return how many letters of an operation are in a state, as its page shows it."""
    found = re.search(rf'id="count-{state}".*?<strong>(\d+)</strong>', browser.get(operation).text)
    assert found
    return int(found[1])
