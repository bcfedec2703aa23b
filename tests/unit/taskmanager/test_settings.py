import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leveret.api import RateLimit
from leveret.errors import SettingsError
from leveret.settings import environment
from leveret.settings.values import database_url, shown_database
from taskmanager.settings import Settings

SECRET = "s" * 32
POSTGRES = "postgresql+psycopg://user:pass%40word@db:5432/tasks"


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({f"TASKMANAGER_{name}": text for name, text in environ.items()})
    return caught.value.problems


def test_without_any_variable_the_defaults_hold() -> None:
    assert Settings.from_environment({"PATH": "/bin"}) == Settings()


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_environment({"TASKMANAGER_PREFETCH": "", "TASKMANAGER_JWT_SECRET": "  "}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"),
    [
        ("AMQP_URL", "amqps://a:b@host:5671/vhost", "amqp_url", "amqps://a:b@host:5671/vhost"),
        ("DATABASE_URL", "sqlite:////var/tasks.db", "database_url", "sqlite:////var/tasks.db"),
        ("DATABASE_URL", "sqlite+pysqlite:///tasks.db", "database_url", "sqlite:///tasks.db"),
        ("DATABASE_POOLER", "Transaction", "database_pooler", "transaction"),
        ("JWT_SECRET", SECRET, "jwt_secret", SECRET.encode()),
        ("JWT_KEYS", "/etc/keys.json", "jwt_keys", Path("/etc/keys.json")),
        ("RETRY_DELAY", "300ms", "retry_delays", (timedelta(milliseconds=300),)),
        ("RETRY_DELAY", "1s, 5s,2m", "retry_delays", tuple(timedelta(seconds=s) for s in (1, 5, 120))),
        ("MAX_RETRIES", "0", "max_retries", 0),
        ("REPLAY", "ALL", "replay_all", True),
        ("REPLAY", "writes", "replay_all", False),
        ("RESPONSE_LIMIT", "512KiB", "largest_response", 512 * 1024),
        ("RESPONSE_LIMIT", "512 MiB", "largest_response", 512 * 1024 * 1024),
        ("ALLOW_SIMULATED_ERRORS", "true", "allow_simulated_errors", True),
        ("ALLOW_SIMULATED_ERRORS", "0", "allow_simulated_errors", False),
        ("TOKEN_LIFETIME", "31d", "token_lifetime", timedelta(days=31)),
        ("RETENTION", "30d", "retention", timedelta(days=30)),
        ("QUEUE_PREFIX", "shop.v2", "queue_prefix", "shop.v2"),
        ("PREFETCH", "2000", "prefetch", 2000),
        ("PROCESSES", "4", "processes", 4),
        ("RATE_LIMIT", "600/1m", "rate_limit", RateLimit(600, timedelta(minutes=1))),
        ("RATE_LIMIT", "off", "rate_limit", None),
        ("RATE_LIMIT", "1 / 1s", "rate_limit", RateLimit(1, timedelta(seconds=1))),
        ("LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("LOG_FORMAT", "json", "log_format", "json"),
    ],
)
def test_a_variable_sets_its_attribute(name: str, text: str, attribute: str, value: Any) -> None:
    settings = Settings.from_environment({f"TASKMANAGER_{name}": text})
    assert getattr(settings, attribute) == value


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_name_of_postgresql_is_taken_as_psycopg(scheme: str) -> None:
    url = POSTGRES.replace("postgresql+psycopg", scheme)
    settings = Settings.from_environment({"TASKMANAGER_DATABASE_URL": url, "TASKMANAGER_JWT_SECRET": SECRET})
    assert settings.database_url == POSTGRES


def test_several_servers_are_named_in_the_log_as_they_are_tried() -> None:
    settings = Settings(database_url=database_url("postgresql://u:hidden@a:1,b:2/tasks?sslpassword=hidden"))
    assert shown_database(settings.database_url) == "postgresql+psycopg:///tasks?host=a:1,b:2"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("AMQP_URL", "http://host", "amqp://"),
        ("AMQP_URL", "amqp://", "amqp://"),
        ("AMQP_URL", "amqp://host:70000/", "amqp://"),
        ("AMQP_URL", "amqp://[::1/", "amqp://"),
        ("DATABASE_URL", "tasks.db", "sqlite:///"),
        ("DATABASE_URL", "mysql://host/db", "mysql is not supported"),
        ("DATABASE_URL", "postgresql+asyncpg://host/db", "asyncpg is not supported"),
        ("DATABASE_URL", "sqlite:///tasks.db?timeout=30", "cannot have parameters"),
        ("DATABASE_URL", "postgresql://h/db?target_session_attrs=standby", "target_session_attrs is not one of any"),
        ("DATABASE_URL", "postgresql://a:1,b:70000/db", "a port is not a number"),
        ("DATABASE_URL", "sqlite://", "needs a file"),
        ("DATABASE_URL", "sqlite:///:memory:", "needs a file"),
        ("DATABASE_URL", "sqlite:///file:x?mode=memory&uri=true", "needs a file"),
        ("DATABASE_POOLER", "statement", "auto, session, transaction"),
        ("JWT_SECRET", "s" * 31, "31 bytes"),
        ("RETRY_DELAY", "5", "300ms, 5s"),
        ("RETRY_DELAY", "1s,,5s", "300ms, 5s"),
        ("RETRY_DELAY", "0s", "1ms to 1d"),
        ("RETRY_DELAY", "1s,1000ms", "twice"),
        ("MAX_RETRIES", "-1", "0 to 100"),
        ("MAX_RETRIES", "three", "0 to 100"),
        ("MAX_RETRIES", "٣", "0 to 100"),
        ("REPLAY", "reads", "writes, all"),
        ("JWT_SECRET", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ", "looks like a PEM or SSH key"),
        ("RESPONSE_LIMIT", "8", "1KiB to 512MiB, such as 8MiB"),
        ("RESPONSE_LIMIT", "0KiB", "1KiB to 512MiB, such as 8MiB"),
        ("RESPONSE_LIMIT", "513MiB", "1KiB to 512MiB, such as 8MiB"),
        ("ALLOW_SIMULATED_ERRORS", "perhaps", "neither true nor false"),
        ("TOKEN_LIFETIME", "32d", "1s to 31d"),
        ("RETENTION", "10s", "1m to 3650d"),
        ("QUEUE_PREFIX", "amq.tasks", "amq."),
        ("QUEUE_PREFIX", "my tasks", "letters"),
        ("QUEUE_LIMIT", "0", "1 to 999999999, or off"),
        ("QUEUE_LIMIT", "none", "1 to 999999999, or off"),
        ("WATCHDOG", "500ms", "1s to 1d is possible, or off"),
        ("WATCHDOG", "2", "300ms, 5s, 2m, 1h or 7d, or off"),
        ("PREFETCH", "2001", "1 to 2000"),
        ("PROCESSES", "0", "1 to 64"),
        ("RATE_LIMIT", "600", "600/1m, or off"),
        ("RATE_LIMIT", "0/1m", "1 to 999999999"),
        ("RATE_LIMIT", "600/1", "300ms, 5s"),
        ("RATE_LIMIT", "600/900ms", "1s to 1d"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("LOG_FORMAT", "xml", "text, json"),
    ],
)
def test_a_wrong_value_is_explained_under_its_name(name: str, text: str, words: str) -> None:
    [problem] = problems(**{name: text})
    assert problem.startswith(f"TASKMANAGER_{name}: ")
    assert words in problem


@pytest.mark.parametrize("text", ["off", "OFF"])
def test_the_queue_limit_the_watchdog_and_the_streams_can_be_switched_off(text: str) -> None:
    names = ("QUEUE_LIMIT", "WATCHDOG", "LETTERS_STREAM")
    settings = Settings.from_environment({f"TASKMANAGER_{name}": text for name in names})
    assert (settings.queue_limit, settings.watchdog, settings.letters_size) == (None, None, None)
    usual = Settings()
    assert (usual.queue_limit, usual.watchdog, usual.letters_size) == (1_000_000, timedelta(minutes=2), 2**30)


def test_all_problems_are_reported_at_once() -> None:
    found = problems(PREFETCH="many", LOG_LEVEL="loud", RETRY_DELAYS="5s", DATABASE_URL=POSTGRES)
    assert [problem.partition(":")[0].removeprefix("TASKMANAGER_") for problem in found] == [
        "RETRY_DELAYS",
        "PREFETCH",
        "LOG_LEVEL",
        "JWT_SECRET",
    ]


def test_an_unknown_variable_is_a_problem_with_a_suggestion() -> None:
    assert problems(RETRY_DELAYS="5s") == (
        "TASKMANAGER_RETRY_DELAYS: no such setting, did you mean TASKMANAGER_RETRY_DELAY?",
    )
    assert problems(XYZ="1") == ("TASKMANAGER_XYZ: no such setting",)


def test_the_variables_of_the_test_suite_are_no_settings() -> None:
    assert Settings.from_environment({"TASKMANAGER_TEST_AMQP_URL": "amqp://host"}) == Settings()


def test_postgresql_without_a_secret_is_refused_once() -> None:
    [problem] = problems(DATABASE_URL=POSTGRES)
    assert "all workers must share it" in problem
    [problem] = problems(DATABASE_URL=POSTGRES, JWT_SECRET="short")
    assert "too short" in problem


def test_a_retention_shorter_than_the_retries_is_refused() -> None:
    [problem] = problems(RETENTION="1h", RETRY_DELAY="1m,20m", MAX_RETRIES="4")
    assert "61m" in problem
    Settings.from_environment({"TASKMANAGER_RETENTION": "2h", "TASKMANAGER_RETRY_DELAY": "20m"})


def test_the_secret_is_kept_beside_the_sqlite_file() -> None:
    assert Settings(database_url="sqlite:////var/lib/tasks.db").secret_file == Path("/var/lib/taskmanager.secret")
    assert Settings(database_url="sqlite:///tasks.db").secret_file == Path("taskmanager.secret")
    assert Settings(database_url=POSTGRES).secret_file is None


def test_nothing_secret_is_in_the_repr() -> None:
    settings = Settings(
        amqp_url="amqp://u:hidden@h/", database_url="postgresql+psycopg://u:hidden@h/d", jwt_secret=b"hidden"
    )
    assert "hidden" not in repr(settings)


def test_the_environment_is_the_process_own() -> None:
    assert environment() is os.environ


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AMQP_URL", '"amqp://guest:guest@mq/"'),
        ("DATABASE_URL", "'sqlite:///tasks.db'"),
        ("JWT_KEYS", '"/etc/keys.json"'),
        ("PREFETCH", '"50"'),
        ("RETRY_DELAY", "'5s'"),
        ("WATCHDOG", "'off'"),
        ("LOG_LEVEL", "`info`"),
    ],
)
def test_quotation_marks_around_a_value_are_named(name: str, text: str) -> None:
    (problem,) = problems(**{name: text})
    assert problem.startswith(f"TASKMANAGER_{name}: ")
    assert problem.endswith(f". The value begins and ends with {text[0]}: leave the quotation marks out")
