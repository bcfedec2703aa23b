"""`doctor`: exit code, JSON and plain text."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from leveret.cli.operating.doctor import conclusion
from leveret.operate.doctor.finding import ok, unknown, warning, wrong
from leveret.settings import environment
from support.installations import SECRET
from taskmanager.cli.command import command


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, tmp_path: object, unused_tcp_port: int) -> object:
    for setting in [setting for setting in environment() if setting.startswith("TASKMANAGER_")]:
        monkeypatch.delenv(setting)
    monkeypatch.setenv("TASKMANAGER_AMQP_URL", f"amqp://ada:hush-hush@127.0.0.1:{unused_tcp_port}/")
    monkeypatch.setenv("TASKMANAGER_DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    monkeypatch.setenv("TASKMANAGER_JWT_SECRET", SECRET)

    def run(*words: str) -> Result:
        return CliRunner().invoke(command.typer, ["doctor", *words])

    return run


def test_something_wrong_is_exit_code_1_and_nothing_secret_is_printed(doctor: object) -> None:
    done = doctor()  # type: ignore[operator]  # a fixture that is a function
    assert done.exit_code == 1
    assert "wrong    amqp://127.0.0.1:" in done.output
    assert "not checked before that is repaired: login, version" in done.output
    assert done.output.splitlines()[-1].startswith("taskmanager: 1 wrong, ")
    for secret in ("hush", SECRET, "\x1b"):
        assert secret not in done.output


def test_json_has_every_finding(doctor: object) -> None:
    done = doctor("--json")  # type: ignore[operator]  # a fixture that is a function
    assert done.exit_code == 1
    document = json.loads(done.output)
    assert (document["application"], document["well"]) == ("taskmanager", False)
    (broken,) = [finding for finding in document["findings"] if finding["state"] == "wrong"]
    assert (broken["room"], broken["what"]) == ("broker", "reachable")
    assert broken["advice"].startswith("Start the broker")


def test_settings_that_cannot_be_used_are_findings_and_the_rest_is_checked(
    doctor: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKMANAGER_PREFETCH", "many")
    monkeypatch.setenv("TASKMANAGER_AMQP_URL", "http://ada:hush-hush@x")
    done = doctor()  # type: ignore[operator]  # a fixture that is a function
    assert done.exit_code == 1
    assert "wrong    TASKMANAGER_PREFETCH: 'many'" in done.output
    assert "TASKMANAGER_AMQP_URL cannot be used, so nobody knows which broker is meant" in done.output
    assert "This machine" in done.output
    assert "hush" not in done.output


@pytest.mark.parametrize("words", [["--management", "x"], ["--limit", "0"], ["--management", "http://a:b@h"]])
def test_options_that_cannot_be_used_are_refused(doctor: object, words: list[str]) -> None:
    done = doctor(*words)  # type: ignore[operator]  # a fixture that is a function
    assert done.exit_code != 0
    assert words[0] in str(done.exception) + done.output


def test_the_last_line_counts() -> None:
    assert conclusion([ok(""), ok(""), wrong("", ""), unknown("")]) == "1 wrong, 0 warnings, 2 ok, 1 unknown"
    assert conclusion([warning("", "")]) == "0 wrong, 1 warning, 0 ok, 0 unknown"
