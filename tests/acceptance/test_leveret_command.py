"""The command `leveret` with an application that is not the Task Manager, whose module is in the working folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leveret import BlockingClient
from support import visitors
from support.command import LIMIT, Commands, RunningCommand, children
from testbed.waiting import wait_until

LEVERET = [sys.executable, "-P", "-m", "leveret"]
SCRIPT = [sys.executable, "visitors.py"]
APP = "visitors:app"
SECRET = "thirty-two bytes that nobody will guess"


@pytest.fixture
def desk(broker: object, prefix: str, tmp_path: Path) -> Iterator[Commands]:
    """The command `leveret`, in a folder with the application's module."""
    shutil.copy(visitors.__file__, tmp_path / "visitors.py")
    url = broker.url  # type: ignore[attr-defined]  # either kind of broker has it
    variables = {"AMQP_URL": url, "QUEUE_PREFIX": prefix, "RETRY_DELAY": "100ms", "MAX_RETRIES": "0"}
    commands = Commands(tmp_path, dict(variables), command=LEVERET, application=visitors.app)
    yield commands
    commands.variables, commands.command = variables, LEVERET
    commands.clear()


def start(desk: Commands) -> RunningCommand:
    """Start a worker and wait until it consumes."""
    worker = desk.start("worker", APP)
    worker.says(f"consuming {desk.topology.requests}")
    return worker


def test_a_worker_runs_from_the_folder_and_its_actions_are_called_with_typed_pairs(desk: Commands) -> None:
    start(desk)
    (desk.folder / "name.txt").write_text("Ada\n")
    done = desk.run("call", "sign", APP, "name=123", "badge=7", 'tags:=["x","y"]', "--id", "first")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["data"] == {"number": 1, "name": "123 8 x y"}, "a text stays one, a number is one"
    from_file = desk.run("call", APP, "sign", "name=@name.txt")
    assert json.loads(from_file.stdout)["data"] == {"number": 2, "name": "Ada\n"}
    replaced = desk.run("call", APP, "sign", "--data", "-", "name=Bob", given=b'{"name": "x", "badge": 1}')
    assert json.loads(replaced.stdout)["data"] == {"number": 3, "name": "Bob 2"}, "pairs win over --data"
    refused = desk.run("call", APP, "sign", "name=Ada", "badge=seven")
    assert refused.returncode == 1
    assert "Field badge: Expected" in refused.stdout


def test_a_call_needs_neither_application_nor_settings_with_address_and_queues(desk: Commands) -> None:
    start(desk)
    url = desk.variables["AMQP_URL"]
    where = ["--url", url, "--queues", desk.variables["QUEUE_PREFIX"]]
    desk.variables = {"NO_SUCH_SETTING": "1"}
    elsewhere = desk.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pyproject.toml").write_text('[tool.leveret]\napp = "broken:app"\n')
    folder, desk.folder = desk.folder, elsewhere
    try:
        done = desk.run("call", *where, "sign", "name=Ada", "badge=1", "--id", "a:b")
        assert json.loads(done.stdout)["data"] == {"number": 1, "name": "Ada 2"}, done
        sent = desk.run("send", *where, "sign", "name=Bob", "--id", "later", "-v")
        assert (sent.returncode, sent.stdout) == (0, "later\n")
        assert re.fullmatch(r"accepted in \d+\.\d ms\n", sent.stderr)
        number = desk.run("call", *where, "sign", "name=1")
        assert "Field name: Expected `str`, got `int`" in number.stdout, "the types are not known here"
    finally:
        desk.folder, desk.variables = folder, {"AMQP_URL": url, "QUEUE_PREFIX": where[-1], "MAX_RETRIES": "0"}
    again = desk.run("call", APP, "sign", "name=Bob", "--id", "later")
    assert json.loads(again.stdout)["data"] == {"number": 2, "name": "Bob"}, "it was done once, when it was sent"


def test_a_password_in_an_address_is_not_shown(desk: Commands, unused_tcp_port: int) -> None:
    where = ["--url", f"amqp://guest:hush-hush@127.0.0.1:{unused_tcp_port}", "--queues", "x"]
    for command in ("call", "send"):
        done = desk.run(command, *where, "sign", "name=Ada", "-v")
        assert done.returncode == 3
        assert "No connection to the broker: amqp://127.0.0.1:" in done.stderr
        wrong = desk.run(command, "--url", "http://guest:hush-hush@h", "--queues", "x", "sign")
        assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
        assert "hush-hush" not in done.stderr + wrong.stderr + done.stdout


def test_repeating_sends_the_same_id_and_tells_each_time(desk: Commands) -> None:
    worker = start(desk)
    done = desk.run("call", APP, "sign", "name=Ada", "--repeat", "3", "-v", "--id", "same")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert len(set(lines)) == 1, "the stored response is repeated"
    told = re.sub(r"\d+\.\d ms", "T ms", done.stderr)
    stored = "T ms, the stored response of the first"
    assert told == f"id same\n1 of 3: T ms\n2 of 3: {stored}\n3 of 3: {stored}\n"
    read = desk.run("call", APP, "health_check", "--repeat", "2")
    assert "2 of 2: T ms, the same response\n" in re.sub(r"\d+\.\d ms", "T ms", read.stderr)
    assert desk.run("call", APP, "sign", "--repeat", "2").returncode == 1
    worker.stop()
    lost = desk.run("call", APP, "health_check", "--repeat", "2", "--timeout", "0.2")
    assert (lost.returncode, lost.stdout) == (3, "")
    assert [line.count("has no reply within 0.2 s") for line in lost.stderr.splitlines()] == [1, 1]


def test_a_login_gives_the_call_its_token(desk: Commands) -> None:
    start(desk)
    done = desk.run("call", APP, "me", "--version", "v2", "--login", "ada@example.com", given=b"open sesame\n")
    assert (done.returncode, json.loads(done.stdout)["data"]) == (0, {"user": "ada@example.com"}), done
    wrong = desk.run("call", APP, "me", "--version", "v2", "--login", "ada@example.com", given=b"hush-hush\n")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr == "leveret: ada@example.com cannot log in: Wrong email or password\n"


def test_the_default_of_pyproject_names_the_application_for_every_command(desk: Commands) -> None:
    (desk.folder / "pyproject.toml").write_text(f'[tool.leveret]\napp = "{APP}"\n')
    desk.start("worker").says(f"consuming {desk.topology.requests}")
    assert json.loads(desk.run("call", "sign", "name=Ada", "--id", "a:b").stdout)["correlation_id"] == "a:b"
    assert desk.topology.requests in desk.run("queues").stdout
    assert desk.topology.dead_letters in desk.run("topology", "show").stdout
    assert desk.run("db", "current").returncode == 0
    versions = desk.run("version").stdout.splitlines()
    assert [line.split()[0] for line in versions] == ["leveret", "Python", "visitors"]
    assert versions[2] == "visitors 3.2.1"


def test_the_version_is_printed_without_an_application_too(desk: Commands) -> None:
    done = desk.run("version")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["leveret", "Python"]
    assert desk.run("--version").stdout == f"{done.stdout.splitlines()[0]}\n"
    assert desk.run("version", "missing:app").returncode == 2


def test_letters_are_shown_redriven_and_discarded(desk: Commands) -> None:
    start(desk)
    closed = desk.folder / "closed"
    closed.touch()
    for request_id in ("one", "two"):
        assert desk.run("call", APP, "sign", "name=Ada", "--id", request_id).returncode == 1
    assert [json.loads(line)["correlation_id"] for line in desk.run("letters", APP).stdout.splitlines()] == [
        "one",
        "two",
    ]
    closed.unlink()
    redriven = desk.run("letters", "redrive", "one", APP)
    assert (redriven.returncode, "\nsucceeded: one\noperation " in redriven.stdout) == (0, True), redriven
    again = desk.run("call", APP, "sign", "name=Ada", "--id", "one")
    assert json.loads(again.stdout)["data"]["number"] == 1
    missing = desk.run("letters", "discard", "nope", APP)
    assert missing.returncode == 1, "nobody is asked about a letter that is not there"
    assert missing.stdout.startswith("not there: nope: no letter with this id is in the queue\n0 discarded")
    asked = desk.answer("y", "letters", "discard", "two", "nope", "two", APP, check=False)
    assert "Move 1 letter in " in asked
    assert "1 discarded, 0 stay" in asked


def test_settings_of_the_applications_own_prefix_are_checked_together(desk: Commands) -> None:
    desk.variables |= {"GREETING": "moin", "PREFETCH": "0", "PREFETC": "1"}
    done = desk.run("queues", APP)
    assert done.returncode == 2
    assert done.stderr.startswith("leveret: 3 settings cannot be used:\n")
    for text in ("FRONT_DESK_GREETING: 'moin' is not one of hello, bonjour", "did you mean FRONT_DESK_PREFETCH?"):
        assert text in done.stderr


def test_keys_of_the_application_are_made_and_shown(desk: Commands) -> None:
    desk.variables["JWT_KEYS"] = "keys.json"
    missing = desk.run("keys", "show", APP)
    assert missing.returncode == 2
    assert missing.stderr.endswith("`leveret keys add KID visitors:app` makes it\n")
    assert missing.stderr.startswith("leveret: FRONT_DESK_JWT_KEYS: keys.json cannot be read")
    assert desk.run("keys", "add", "2026-12", APP).returncode == 0
    assert "2026-12" in desk.run("keys", "show", APP).stdout


def test_what_needs_no_secret_runs_on_postgresql_without_one(desk: Commands, postgres_url: str) -> None:
    desk.variables["DATABASE_URL"] = postgres_url
    assert "leveret db upgrade" in desk.run("db", "current", APP).stdout
    assert "The database is now at revision" in desk.run("db", "upgrade", APP).stdout
    assert desk.run("topology", "apply", APP).returncode == 0
    assert desk.run("queues", APP).returncode == 0
    assert desk.run("letters", APP).returncode == 0
    assert desk.run("call", APP, "sign", "name=Ada", "--timeout", "0.2").returncode == 3


def test_what_needs_a_secret_demands_one_on_postgresql(desk: Commands, postgres_url: str) -> None:
    desk.variables["DATABASE_URL"] = postgres_url
    for words in (["worker"], ["letters", "redrive", "--all"], ["keys", "secret", "a"]):
        refused = desk.run(*words, APP)
        assert refused.returncode == 2, words
        assert "FRONT_DESK_JWT_SECRET: needed with PostgreSQL" in refused.stderr


def test_an_application_runs_itself_in_several_processes(desk: Commands) -> None:
    desk.command = SCRIPT
    worker = desk.start("-w", "2")
    worker.says(f"consuming {desk.topology.requests}", count=2)
    assert len(children(worker.process.pid)) == 2
    with BlockingClient(desk.variables["AMQP_URL"], topology=desk.topology) as client:
        assert client.call("sign", {"name": "Ada"}, timeout=LIMIT)["number"] == 1
    started = children(worker.process.pid)
    assert worker.stop() == 0
    wait_until(lambda: not children(worker.process.pid), "the end of its children")
    assert started
    assert "Traceback" not in worker.output


def test_an_application_that_no_module_holds_runs_in_one_process_and_refuses_several(desk: Commands) -> None:
    hidden = desk.folder / "hidden.py"
    hidden.write_text(
        "import visitors\napp = visitors.app\ndel visitors.app\ndef main(app=app): app.run()\ndel app\nmain()\n"
    )
    desk.command = [sys.executable, "hidden.py"]
    refused = desk.run("-w", "2")
    assert refused.returncode == 2
    assert (
        "visitors: another process cannot find this application: several processes need it in a variable"
        in refused.stderr
    )
    assert "Traceback" not in refused.stderr
    desk.start("-w", "1").says(f"consuming {desk.topology.requests}")


@pytest.mark.parametrize("way", ["leveret", "own command", "module", "run"])
def test_errors_at_start_are_polite_in_every_way_to_run(desk: Commands, way: str, unused_tcp_port: int) -> None:
    (desk.folder / "own.py").write_text(
        "from visitors import app\ncommand = app.command('desk', module='own')\ncommand.main()\n"
    )
    (desk.folder / "desk").mkdir()
    (desk.folder / "desk" / "__main__.py").write_text("from visitors import app\napp.command('desk').main()\n")
    desk.command, worker = {
        "leveret": (LEVERET, ["worker", APP]),
        "own command": ([sys.executable, "own.py"], ["worker"]),
        "module": ([sys.executable, "-m", "desk"], ["worker"]),
        "run": (SCRIPT, []),
    }[way]
    address = desk.variables["AMQP_URL"]
    desk.variables["AMQP_URL"] = address.replace("guest:guest@", "guest:hush-hush@")
    for words in ([], ["-w", "2"]):
        refused = desk.run(*worker, *words)
        assert refused.returncode == 3, refused
        assert "refused" in refused.stderr
        assert "hush-hush" not in refused.stderr
        assert "Traceback" not in refused.stderr
    desk.variables["AMQP_URL"] = f"amqp://127.0.0.1:{unused_tcp_port}"
    waiting = desk.start(*worker)
    waiting.says("cannot reach the broker")
    assert waiting.stop() == 0
    desk.variables |= {"AMQP_URL": address, "PREFETC": "1"}
    wrong = desk.run(*worker)
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    del desk.variables["PREFETC"]
    desk.start(*worker, "-w", "2").says(f"consuming {desk.topology.requests}", count=2)


def test_a_module_that_prints_at_its_import_leaves_the_output_of_commands_alone(desk: Commands) -> None:
    (desk.folder / "loud.py").write_text("print('hello')\nfrom visitors import app\n")
    start(desk)
    done = desk.run("call", "loud:app", "sign", "name=Ada")
    assert json.loads(done.stdout)["status"] == "ok"
    assert done.stderr == "hello\n"


def test_a_password_is_asked_for_on_a_terminal_without_showing_it(desk: Commands) -> None:
    termios = pytest.importorskip("termios", reason="Windows has no such terminals")
    start(desk)
    here, terminal = os.openpty()
    process = subprocess.Popen(
        [*LEVERET, "call", APP, "me", "--version", "v2", "--login", "ada@example.com"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        cwd=desk.folder,
        env=desk.environment,
        start_new_session=True,
    )
    try:
        shown = b""
        while b"Password of ada@example.com" not in shown:
            shown += os.read(here, 1024)
        # What is typed before the echo is off is flushed.
        wait_until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, "a terminal without echo")
        os.write(here, b"open sesame\n")
        out, _ = process.communicate(timeout=LIMIT)
        assert json.loads(out)["data"] == {"user": "ada@example.com"}
        os.write(terminal, b"\nend\n")
        while b"end" not in shown:
            shown += os.read(here, 1024)
        assert b"open sesame" not in shown
    finally:
        process.kill()
        process.communicate()
        os.close(here)
        os.close(terminal)
