"""What a URL or the environment asks of the connection holds on the server, directly and behind a pooler."""

import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from leveret.errors import StorageUnavailable
from leveret.settings.values import database_url
from leveret.sql import Store, create_engine
from leveret.sql.engine import LOCK_TIMEOUT
from support.prepared import prepares
from testbed.pgbouncer import pgbouncer

IGNORES_OPTIONS = "ignore_startup_parameters = options"


def shown(url: str, *names: str) -> list[str]:
    """What parameters are within a transaction; the second one on a connection, so that a pooler may change it."""
    engine = create_engine(url)
    store = Store(engine)
    try:
        for _ in range(2):
            with store.begin(writes=False) as transaction:
                found = [str(transaction.connection.execute(sa.text(f"SHOW {name}")).scalar_one()) for name in names]
        return found
    finally:
        store.close()
        engine.dispose()


@pytest.mark.parametrize("mode", [None, "session", "transaction"])
@pytest.mark.parametrize("by", ["url", "environment"])
def test_options_are_honoured_and_win_over_our_limits(
    clean_postgres: str, monkeypatch: pytest.MonkeyPatch, mode: str | None, by: str
) -> None:
    options = r"-c statement_timeout=7s --search-path=it\'s,\ public"
    with ExitStack() as stack:
        url = stack.enter_context(pgbouncer(clean_postgres, mode, settings=IGNORES_OPTIONS)) if mode else clean_postgres
        if by == "url":
            url = sa.make_url(url).update_query_dict({"options": options}).render_as_string(hide_password=False)
        else:
            monkeypatch.setenv("PGOPTIONS", options)
        found = shown(url, "statement_timeout", "lock_timeout", "search_path")
    assert found == ["7s", f"{LOCK_TIMEOUT}s", "it's, public"]


def test_a_pooler_that_refuses_options_says_so(clean_postgres: str) -> None:
    with pgbouncer(clean_postgres, "transaction") as url, pytest.raises(StorageUnavailable, match="options"):
        shown(f"{url}?options=-c%20work_mem%3D1MB", "work_mem")


@pytest.mark.parametrize(("threshold", "expected"), [("0", True), ("off", False)])
@pytest.mark.parametrize("pooled", [False, True])
def test_a_prepare_threshold_is_honoured(
    clean_postgres: str, threshold: str, expected: bool, pooled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Behind the pooler too, which keeps sessions here and is not said to."""
    caplog.set_level("INFO", "leveret.database")
    with ExitStack() as stack:
        url = stack.enter_context(pgbouncer(clean_postgres, "session")) if pooled else clean_postgres
        assert prepares(create_engine(f"{url}?prepare_threshold={threshold}")) is expected
    told = [record.getMessage().rpartition(", ")[2] for record in caplog.records]
    assert told == (["statements are prepared as the URL says" if expected else "no statement is prepared"] * pooled)


def as_libpq(user: str, hosts: list[str], ports: list[int], name: str) -> str:
    return f"postgresql://{user}@/{name}?host={','.join(hosts)}&port={','.join(map(str, ports))}"


def as_sqlalchemy(user: str, hosts: list[str], ports: list[int], name: str) -> str:
    return f"postgresql://{user}@/{name}?" + "&".join(f"host={h}:{p}" for h, p in zip(hosts, ports, strict=True))


def as_address(user: str, hosts: list[str], ports: list[int], name: str) -> str:
    return f"postgresql://{user}@{','.join(f'{h}:{p}' for h, p in zip(hosts, ports, strict=True))}/{name}?"


@pytest.mark.parametrize("write", [as_libpq, as_sqlalchemy, as_address])
def test_of_several_hosts_the_first_that_answers_and_can_be_written_to_is_taken(
    postgres_url: str, write: Callable[[str, list[str], list[int], str], str]
) -> None:
    url = sa.make_url(postgres_url)
    with socket.socket() as closed:  # bound and not listening: refused, and nobody else's
        closed.bind(("127.0.0.1", 0))
        ports = [closed.getsockname()[1], url.port or 0]
        several = write(url.username or "", ["127.0.0.1", url.host or ""], ports, url.database or "")
        several = database_url(f"{several}&target_session_attrs=read-write")
        assert shown(several, "port") == [str(url.port)]
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {url.database} SET default_transaction_read_only = on"))
    engine.dispose()
    with pytest.raises(StorageUnavailable, match="read-only"):
        shown(several, "port")
