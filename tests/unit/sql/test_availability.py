"""A database that does not answer yet is waited for; one that refuses us for good is not."""

import pytest

from leveret.errors import StorageFailed, StorageUnavailable
from leveret.process.backoff import Backoff
from leveret.sql.availability import when_available

SOON = Backoff(first=0.001, most=0.002)


class Database:
    """Answers after so many failures."""

    def __init__(self, text: str, failures: int = 3) -> None:
        self.text, self.failures, self.asked = text, failures, 0

    def ask(self) -> str:
        self.asked += 1
        if self.asked <= self.failures:
            raise StorageUnavailable(f"The database does not answer: connection failed: {self.text}")
        return "here"


@pytest.mark.parametrize(
    "text",
    [
        'connection to server at "127.0.0.1", port 5432 failed: Connection refused',
        'failed to resolve host "db": [Errno -2] Name or service not known',
        "FATAL:  the database system is starting up",
        "FATAL:  sorry, too many clients already",
        "FATAL:  server login has been failing, try again later (server_login_retry)",
        "session is read-only",
        "connection timeout expired",
    ],
)
def test_what_may_pass_is_waited_for_and_told_each_time(text: str, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(text)
    assert when_available(database.ask, SOON) == "here"
    assert database.asked == 4
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert all(text in line and "next try in 0.0 s" in line for line in told)


@pytest.mark.parametrize(
    "text",
    [
        'FATAL:  password authentication failed for user "tasks"',
        "fe_sendauth: no password supplied",
        'FATAL:  database "tasks" does not exist',
        'FATAL:  role "tasks" does not exist',
        'FATAL:  no pg_hba.conf entry for host "192.0.2.1", user "tasks", database "tasks", no encryption',
        'FATAL:  role "tasks" is not permitted to log in',
        'FATAL:  permission denied for database "tasks"',
        "FATAL:  unsupported startup parameter: options",
        "FATAL:  no such database: tasks",
        "FATAL:  no such user: tasks",
        "SSL error: certificate verify failed",
        'root certificate file "/ca.pem" does not exist',
    ],
)
def test_what_somebody_has_to_change_is_not_waited_for(text: str) -> None:
    database = Database(text)
    with pytest.raises(StorageUnavailable):
        when_available(database.ask, SOON)
    assert database.asked == 1


def test_another_error_is_not_waited_for() -> None:
    def fail() -> None:
        raise StorageFailed("The database refused a statement")

    with pytest.raises(StorageFailed):
        when_available(fail, SOON)
