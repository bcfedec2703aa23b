import io
import json
import logging
import os
import re
from collections.abc import Iterator

import pytest

from leveret.observe import logs


@pytest.fixture(autouse=True)
def logging_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for switch in ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing"):
        monkeypatch.setattr(logging, switch, getattr(logging, switch))
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


class Written(io.StringIO):
    """A log in memory; to read it waits for what is on its way."""

    def getvalue(self) -> str:
        for handler in logging.getLogger().handlers:
            handler.flush()
        return super().getvalue()


def configured(*, level: str = "info", form: str = "text") -> tuple[logging.Logger, io.StringIO]:
    stream = Written()
    logs.configure("worker", level=level, form=form, stream=stream)
    return logging.getLogger("leveret.test"), stream


def test_a_line_is_the_moment_the_level_the_process_and_the_message_as_it_was_logged() -> None:
    logger, stream = configured()
    logger.info("ok: %s %s", "a-1", "v1.create_task", extra={"id": "a-1"})
    pattern = rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z INFO    worker\[{os.getpid()}\] ok: a-1 v1\.create_task\n"
    assert re.fullmatch(pattern, stream.getvalue())


@pytest.mark.parametrize(
    ("created", "text"),
    [(0.0, "1970-01-01T00:00:00.000Z"), (1769860800.9995, "2026-01-31T12:00:00.999Z")],
)
def test_the_moment_is_in_utc_with_milliseconds(created: float, text: str) -> None:
    record = logging.makeLogRecord({"msg": "x", "created": created, "msecs": created % 1 * 1000})
    assert logs.TextFormatter("worker").format(record).startswith(text)


def test_records_below_the_level_are_left_out() -> None:
    logger, stream = configured(level="warning")
    logger.info("quiet")
    logger.warning("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()


def test_a_message_cannot_forge_a_line_of_its_own() -> None:
    logger, stream = configured()
    logger.info("retry #1 for x because %s", "a\nok: forged v1.login\x1b[2J\x00 ä🐇")
    assert stream.getvalue().count("\n") == 1
    assert r"because a\nok: forged v1.login\x1b[2J\x00 ä🐇" in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_comes_with_its_traceback(form: str) -> None:
    logger, stream = configured(form=form)
    try:
        int("broken")
    except ValueError:
        logger.exception("failed")
    assert "ValueError: invalid literal" in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()


def test_a_text_in_an_exception_cannot_forge_a_line() -> None:
    logger, stream = configured()
    error = ValueError("a\n2026-01-31T12:00:00.000Z INFO    worker[1] ok: forged v1.login\u2028b")
    logger.error("failed", exc_info=error)
    first, *others = stream.getvalue().splitlines()
    assert others
    assert first.endswith(" failed")
    assert r"  2026-01-31T12:00:00.000Z INFO    worker[1] ok: forged v1.login\u2028b" in others
    assert all(line.startswith("  ") for line in others)


def test_a_line_of_json_holds_no_character_that_a_terminal_or_a_collector_takes_for_more() -> None:
    logger, stream = configured(form="json")
    logger.info("a\u2028b\u202ec\x85\x7f\U000e0041ä🐇", extra={"field": "\u2066"})
    written = stream.getvalue()
    assert written.rstrip("\n").isprintable()
    assert json.loads(written)["message"] == "a\u2028b\u202ec\x85\x7f\U000e0041ä🐇"
    assert json.loads(written)["field"] == "\u2066"


def test_json_is_one_object_for_each_record_with_the_fields_of_extra() -> None:
    logger, stream = configured(form="json")
    logger.info("ok: %s %s", "a-1", "v1.login", extra={"request_id": "a-1", "odd": {1}})
    written = json.loads(stream.getvalue())
    assert stream.getvalue().count("\n") == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written.pop("time"))
    assert written == {
        "message": "ok: a-1 v1.login",
        "level": "info",
        "logger": "leveret.test",
        "process": "worker",
        "pid": os.getpid(),
        "request_id": "a-1",
        "odd": [1],
    }


def test_a_field_of_extra_cannot_pass_for_one_of_our_own() -> None:
    logger, stream = configured(form="json")
    logger.info("true", extra={"level": "error", "logger": "x", "time": "x", "pid": 0, "odd name": object})
    written = json.loads(stream.getvalue())
    assert (written["level"], written["logger"], written["pid"]) == ("info", "leveret.test", os.getpid())
    assert written["odd name"] == "<class 'object'>"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_token_is_written_down_neither_in_a_message_nor_in_a_field(form: str) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnopqrstuvwxyz"
    logger, stream = configured(form=form)
    logger.info("refused: %s", token, extra={"action": token})
    assert "refused: [removed]" in stream.getvalue()
    assert "eyJ" not in stream.getvalue()


def test_a_log_that_cannot_be_written_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    logger, stream = configured()
    stream.close()
    logger.info("lost")
    for handler in logging.getLogger().handlers:
        handler.flush()
    assert "closed file" in capsys.readouterr().err


def test_configuring_twice_writes_each_record_once() -> None:
    configured()
    logger, stream = configured()
    logger.info("once")
    assert stream.getvalue().count("once") == 1


def test_libraries_are_quiet_unless_something_is_wrong() -> None:
    _, stream = configured(level="debug")
    logging.getLogger("alembic.runtime.migration").info("Running upgrade")
    logging.getLogger("sqlalchemy.engine").warning("look here")
    assert "Running upgrade" not in stream.getvalue()
    assert "look here" in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_record_whose_message_does_not_fit_is_a_line_that_says_so(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logger, stream = configured(form=form)
    logger.info("%d requests", "many")
    logger.info("go on")
    odd, good = stream.getvalue().splitlines()
    assert "a record of leveret.test cannot be written: %d format: a real number is required" in odd
    assert "go on" in good
    assert capsys.readouterr().err == ""


def test_only_json_asks_for_more_fields() -> None:
    asked: list[str] = []

    def more() -> dict[str, object]:
        asked.append("more")
        return {"attempt": 2}

    record = logging.makeLogRecord({"msg": "ok", "levelname": "INFO", "request_id": "a", logs.MORE_FIELDS: more})
    assert logs.TextFormatter("worker").format(record).endswith("ok")
    assert asked == []
    line = json.loads(logs.JsonFormatter("worker").format(record))
    assert (line["request_id"], line["attempt"], line["message"]) == ("a", 2, "ok")
    assert logs.MORE_FIELDS not in line
