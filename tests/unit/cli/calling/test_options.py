"""`call` and `send`: what cannot be used is one line and exit code 2, and nothing is asked of a broker."""

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leveret.cli.calling.login import Login
from leveret.cli.leveret import command
from leveret.cli.program import Program
from support import visitors

APP = "visitors:app"
OPEN = """
from leveret import App, Context
app = App("open")
@app.action("v1", "login")
def login(context: Context, email: str, password: str) -> str:
    return password
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A working folder with two applications, and the import path and the modules as they were before."""
    shutil.copy(visitors.__file__, tmp_path / "visitors.py")
    (tmp_path / "plain.py").write_text("from leveret import App\napp = App('plain')\n")
    (tmp_path / "opened.py").write_text(OPEN)
    monkeypatch.chdir(tmp_path)
    path, known = sys.path[:], set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["call", "send"])
@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((APP, "me", "--login", "a@b"), "there is no password: write it into the standard input"),
        ((APP, "me", "--login", "a@b", "--token", "t"), "--login and --token: give one of them"),
        (("--url", "amqp://h", "--queues", "q", "me", "--login", "a@b"), "the application has to be at hand"),
        (("plain:app", "me", "--login", "a@b"), "--login: plain has no action login that takes email and password"),
        (("opened:app", "me", "--login", "a@b"), "takes email and password, a secret"),
        (("--url", "amqp://h", "me"), "--queues is needed too, because no application is named"),
        (("--queues", "q", "me"), "--url is needed too, because no application is named"),
        (("--url", "http://h", "--queues", "q", "me"), "--url: expected amqp://"),
        (("--url", "amqp://h", "--queues", "a b", "me"), "--queues: 'a b' is not a prefix"),
        (("me",), "or say where it listens: --url amqp://HOST --queues guestbook"),
        ((APP, "sign", "Ada"), "word 1 behind the action has no ="),
        ((APP, "sign", "--timeout", "soon"), "--timeout: 'soon' is not a number of seconds"),
        ((APP, "sign", "--timeout", "inf"), "--timeout: inf is out of range"),
        (("missing:app", "sign"), "there is no module missing in "),
    ],
)
def test_wrong_use_is_one_line(
    name: str,
    words: tuple[str, ...],
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(SystemExit) as ended:
        command.run(Program("leveret"), [name, *words])
    written = capsys.readouterr()
    assert ended.value.code == 2
    assert text in written.err
    assert len(written.err.splitlines()) == 1
    assert written.out == ""


def test_data_and_password_cannot_both_come_from_the_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    with pytest.raises(SystemExit) as ended:
        command.run(Program("leveret"), ["call", APP, "me", "--login", "a@b", "--data", "-"])
    assert ended.value.code == 2
    assert "standard input holds the data" in capsys.readouterr().err


def test_the_repr_of_a_login_does_not_show_the_password() -> None:
    assert "hush" not in repr(Login("v1", "ada@example.com", "hush"))


def completed(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What a shell offers for the last word."""
    monkeypatch.setenv("_LEVERET_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    with pytest.raises(SystemExit):
        command.run(Program("leveret"), [])
    return capsys.readouterr().out.split()


def test_a_shell_completes_the_names_of_actions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pyproject.toml").write_text(f'[tool.leveret]\napp = "{APP}"\n')
    assert completed("leveret call ", monkeypatch, capsys) == ["sign", "login", "health_check"]
    assert completed("leveret send si", monkeypatch, capsys) == ["sign"]
    assert completed("leveret call --version v2 ", monkeypatch, capsys) == ["me"]


@pytest.mark.parametrize("text", ["", '[tool.leveret]\napp = "missing:app"', "not toml ["])
def test_a_shell_is_offered_nothing_where_there_is_no_application(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pyproject.toml").write_text(text)
    assert completed("leveret call ", monkeypatch, capsys) == []
