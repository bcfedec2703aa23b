"""Arguments that cannot be used: the command says so and ends with 2, and nothing is asked of a broker."""

import sys

import pytest

from taskmanager.cli import main


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("call health_check --data [1]", "--data cannot be used: it is not a JSON object but an array"),
        ('call health_check --data {"a":NaN}', "--data cannot be used: it is not JSON: NaN is not a JSON value"),
        ('call health_check --data {"a":1,"a":2}', "Name 'a' stands twice in one object"),
        ("call health_check --timeout 0", "--timeout: 0 is out of range"),
        ("call health_check --timeout nan", "--timeout: nan is out of range"),
        ("call health_check --timeout soon", "--timeout"),
        ("call health_check --no-such-option", "No such option"),
        ("call", "Missing argument"),
        ("demo --retry-delay soon", "--retry-delay: 'soon' is not a duration"),
        ("demo --retry-delay 0s", "--retry-delay: 0s is out of range"),
        ("demo --workers 1", "--workers"),
        ("worker --processes 0", "--processes"),
        ("worker --prefetch 2001", "--prefetch"),
        ("queues --purge somebody.elses --yes", "'somebody.elses' is not one of our queues"),
        ("queues --purge api.requests", "add --yes, because there is no terminal to ask on"),
        ("letters --most 0", "--most"),
        ("letters redrive a --all", "say --all, not both"),
        ("broker --folder /dev/null/node", "--folder: /dev/null/node cannot be made: Not a directory. Name a folder"),
        ("docs asyncapi --server http://mq.example.com", "expected a URL such as amqps://mq.example.com"),
        ("docs openapi --output /dev/null/file", "/dev/null/file cannot be written"),
        ("no_such_command", "No such command"),
    ],
)
def test_wrong_use_ends_with_2(
    arguments: str, text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["taskmanager", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    written = capsys.readouterr()
    assert text in written.err
    assert written.out == ""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("worker -w 0", "taskmanager: --processes: '0' is not a whole number from 1 to 64"),
        ("worker --workers many", "taskmanager: --processes: 'many' is not a whole number from 1 to 64"),
        ("worker --prefetch 2001", "taskmanager: --prefetch: '2001' is not a whole number from 1 to 2000"),
        ("letters --most 0", "taskmanager: --most: '0' is not a whole number from 1 to 2000"),
        ("call x --timeout soon", "taskmanager: --timeout: 'soon' is not a number of seconds"),
        ("keys add a --kind des", "taskmanager: --kind: 'des' is not one of ed25519, p256, rsa, oct"),
        (
            "broker --folder /dev/null",
            "taskmanager: --folder: /dev/null cannot be made: File exists. Name a folder in which you may write",
        ),
        ("demo --workers 17", "taskmanager: --workers: '17' is not a whole number from 2 to 16"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_line_that_says_what_is_expected(
    arguments: str, line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["taskmanager", *arguments.split()])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err == f"{line}\n"
