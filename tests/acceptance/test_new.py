"""`leveret new`: what it refuses, and what it makes is clean, is tested, and can be built."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from leveret.process import processes
from leveret.process.exit_codes import WRONG_USE
from support.pages import DOCS
from support.projects import Project

NAMES = ["x", "my-shop", "a-shop-with-a-name-of-32-letters"]


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
    assert f"$ leveret new shop\n{done.stdout}```" in (DOCS / "command-line.md").read_text()


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
