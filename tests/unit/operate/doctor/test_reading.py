"""Settings of which some cannot be used are read as far as possible."""

from leveret.operate.doctor.reading import read_settings
from leveret.settings import Settings

DEFAULTS = Settings(name="guestbook", prefix="GUESTBOOK_")


def test_settings_that_can_be_used_are_read_as_they_are() -> None:
    read = read_settings(DEFAULTS, {"GUESTBOOK_PREFETCH": "7"})
    assert (read.settings.prefetch, read.problems, read.lost) == (7, (), frozenset())


def test_every_problem_is_told_and_the_rest_is_read() -> None:
    read = read_settings(
        DEFAULTS, {"GUESTBOOK_PREFETCH": "7", "GUESTBOOK_PROCESSES": "many", "GUESTBOOK_AMQP": "x", "PATH": "/"}
    )
    assert read.settings.prefetch == 7
    assert [problem.partition(":")[0] for problem in read.problems] == ["GUESTBOOK_AMQP", "GUESTBOOK_PROCESSES"]
    assert read.lost == {"GUESTBOOK_AMQP", "GUESTBOOK_PROCESSES"}


def test_a_secret_that_is_missing_is_told_and_changes_nothing_else() -> None:
    read = read_settings(DEFAULTS, {"GUESTBOOK_DATABASE_URL": "postgresql+psycopg://localhost/x"})
    assert read.settings.sqlite_file is None
    assert len(read.problems) == 1
    assert read.problems[0].startswith("GUESTBOOK_JWT_SECRET: ")


def test_settings_that_contradict_each_other_are_told() -> None:
    read = read_settings(DEFAULTS, {"GUESTBOOK_RETENTION": "1m", "GUESTBOOK_RETRY_DELAY": "1h"})
    assert read.problems[0].startswith("GUESTBOOK_RETENTION: 1m must be longer")
    assert read.settings.retention == DEFAULTS.retention
