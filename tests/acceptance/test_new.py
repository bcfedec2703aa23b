"""`leveret new`: what it makes is clean, is tested, runs, and can be changed as its README says."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from leveret.process import processes
from leveret.process.exit_codes import WRONG_USE
from support.command import LIMIT
from support.projects import Project

NAMES = ["x", "my-shop", "an-uncommonly-long-name-of-a-shop"[:32]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a new project; nobody changes it."""
    place = Project(tmp_path_factory.mktemp("new"), "MY_SHOP_")
    done = place.leveret("new", "my-shop")
    assert done.returncode == 0, done.stderr
    return place.folder / "my-shop"


@pytest.fixture
def shop(made: Path, broker: object, prefix: str, tmp_path: Path) -> Iterator[Project]:
    """A copy of it, with queues for one test."""
    shutil.copytree(made, tmp_path / "my-shop")
    variables = {
        "AMQP_URL": broker.url,  # type: ignore[attr-defined]  # either kind of broker has it
        "QUEUE_PREFIX": prefix,
        "RETRY_DELAY": "100ms",
    }
    project = Project(tmp_path / "my-shop", "MY_SHOP_", variables)
    yield project
    project.clear()


def test_it_prints_what_it_made_and_what_to_do_next(tmp_path: Path) -> None:
    done = Project(tmp_path, "SHOP_").leveret("new", "shop")
    assert (done.returncode, done.stderr) == (0, "")
    listed = re.findall(r"^  (\S+)$", done.stdout.partition("\n\n")[0], re.MULTILINE)
    files = [
        path.relative_to(tmp_path / "shop").as_posix() for path in (tmp_path / "shop").rglob("*") if path.is_file()
    ]
    assert listed == sorted(files)
    for words in ("cd shop", "leveret dev", "leveret call sign name=Ada", "python -m pytest"):
        assert f"  {words}\n" in done.stdout


def test_it_fills_an_empty_folder_that_is_named(tmp_path: Path) -> None:
    done = Project(tmp_path, "SHOP_").leveret("new", "shop", "--folder", ".")
    assert done.returncode == 0, done.stderr
    assert "cd " not in done.stdout
    assert (tmp_path / "shop" / "guests.py").is_file()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["class"], "class cannot be a project's name: class is a word of Python's own, which cannot be imported"),
        (["full"], "full is there already, and is not empty: choose another name, or another --folder"),
        (["shop", "--folder", "no/shop"], "there is no folder no, in which shop could be made"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line_and_ends_with_2(
    tmp_path: Path, words: list[str], text: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    done = Project(tmp_path, "SHOP_").leveret("new", *words)
    assert (done.returncode, done.stderr) == (2, f"leveret: {text}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_its_help_asks_for_no_application(tmp_path: Path) -> None:
    done = Project(tmp_path, "SHOP_").leveret("new", "--help")
    assert "MODULE:APP" not in done.stdout
    assert "Usage: leveret new [OPTIONS]" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_whatever_its_name_its_code_is_formatted_and_without_findings(tmp_path: Path, name: str) -> None:
    place = Project(tmp_path, "SHOP_")
    assert place.leveret("new", name).returncode == 0
    project = Project(tmp_path / name, "SHOP_")
    for words in (["format", "--check", "."], ["check", "."]):
        done = project.run("-m", "ruff", *words)
        assert done.returncode == 0, done.stdout


def test_its_types_are_strict_and_right(shop: Project) -> None:
    done = shop.run("-m", "mypy")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "Success: no issues found in 8 source files" in done.stdout


def test_its_tests_pass_and_find_what_is_broken(shop: Project) -> None:
    done = shop.run("-m", "pytest", "-q")
    assert done.returncode == 0, done.stdout
    assert re.search(r"^[1-9]\d* passed in", done.stdout, re.MULTILINE)
    shop.change("my_shop/invitations.py", "{context.principal.subject}:{context.request.id}", "{context.retries}")
    broken = shop.run("-m", "pytest", "-q")
    assert "FAILED tests/test_invitations.py::test_what_fails_is_sent_again_with_the_same_key" in broken.stdout
    assert "1 failed" in broken.stdout


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
    """A service that fails once, and then accepts; it keeps the keys of all requests in `keys` of its server."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        keys: list[str] = self.server.keys  # type: ignore[attr-defined]  # see the fixture
        keys.append(self.headers["Idempotency-Key"])
        self.send_response(503 if len(keys) == 1 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def hook() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        server.keys = []  # type: ignore[attr-defined]  # what its requests share
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(LIMIT)


def test_what_the_service_outside_did_not_take_is_sent_again_with_the_same_key(
    shop: Project, hook: ThreadingHTTPServer
) -> None:
    shop.variables["WEBHOOK_URL"] = f"http://127.0.0.1:{hook.server_port}/"
    worker = shop.start("worker")
    worker.says("consuming")
    done = shop.leveret("call", "invite", "email=ada@example.org", "--id", "one")
    assert json.loads(done.stdout)["data"] == {"number": 1, "email": "ada@example.org"}
    worker.says("retry #1 for one because the service has failed: 503")
    assert hook.keys == [":one"] * 2  # type: ignore[attr-defined]  # see the fixture


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


def test_git_and_docker_leave_out_what_is_made_while_it_runs(shop: Project) -> None:
    git = shutil.which("git")
    assert git, "git is needed"
    subprocess.run([git, "init", "-q"], cwd=shop.folder, check=True)
    made = ["my_shop.db", "my_shop.db-wal", "my_shop.secret", ".leveret/broker/x", ".env", "deploy/my-shop.env"]
    for path in made:
        (shop.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (shop.folder / path).touch()
    listing = [git, "ls-files", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=shop.folder, check=True, capture_output=True, text=True)
    assert not set(made) & set(done.stdout.split())
    assert "deploy/my-shop.env.example" in done.stdout.split()


def test_what_its_dockerfile_copies_is_there_and_the_image_runs_the_worker_as_process_1(made: Path) -> None:
    lines = (made / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    ignored = (made / ".dockerignore").read_text().splitlines()
    assert copied
    for path in copied:
        assert (made / path).exists()
        assert f"!{path}" in ignored
    assert lines[-1] == 'CMD ["leveret", "worker"]', "a shell would keep SIGTERM from the worker"
    user = [line.split()[1] for line in lines if line.startswith("USER")]
    assert user
    assert user[-1] not in ("root", "0")


def test_its_package_can_be_built_with_all_its_modules(shop: Project) -> None:
    done = shop.run("-m", "hatchling", "build", "-t", "wheel", "-d", "out")
    assert done.returncode == 0, done.stderr
    (wheel,) = (shop.folder / "out").iterdir()
    listed = subprocess.run([shop.python, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True)
    for path in (shop.folder / "my_shop").glob("*.py"):
        assert f"my_shop/{path.name}" in listed.stdout


def test_systemd_waits_until_workers_have_finished_and_starts_them_again(made: Path) -> None:
    unit = (made / "deploy" / "my-shop.service").read_text()
    waits = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert waits
    assert timedelta(seconds=int(waits[1])) > processes.LIMIT
    assert "\nRestart=on-failure\n" in unit
    assert f"\nRestartPreventExitStatus={WRONG_USE}\n" in unit
    assert "\nEnvironmentFile=/etc/my-shop.env\n" in unit


def test_its_file_of_settings_holds_settings_that_exist(shop: Project) -> None:
    text = (shop.folder / "deploy" / "my-shop.env.example").read_text()
    found = dict(re.findall(r"^#?MY_SHOP_(\w+)=(.*)$", text, re.MULTILINE))
    assert {"AMQP_URL", "DATABASE_URL", "JWT_SECRET", "WEBHOOK_URL"} <= found.keys()
    assert found["JWT_SECRET"] == "", "everybody would have the same one"
    copy = Project(shop.folder, shop.prefix, {**found, "JWT_SECRET": "0" * 64})
    done = copy.leveret("topology", "show")
    assert (done.returncode, done.stderr) == (0, "")
