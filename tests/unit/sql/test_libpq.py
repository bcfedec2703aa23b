"""Every parameter of a PostgreSQL URL is honoured or refused, and what is refused is not repeated."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from leveret.sql.engine import create_engine
from leveret.sql.libpq import hosts_to_query, read_parameters
from leveret.sql.pooling import AUTOMATIC, options_of

BASE = "postgresql+psycopg://u:p@/db"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("host=a,b&port=1,2&target_session_attrs=read-write", {"host": "a,b", "port": "1,2"}),
        ("host=a,b&port=1", {"host": "a,b", "port": "1"}),
        ("host=a:1&host=b:2&target_session_attrs=primary", {"host": "a,b", "port": "1,2"}),
        ("host=a:1&host=b", {"host": "a,b", "port": "1,"}),
        ("host=a:1,b:2", {"host": "a,b", "port": "1,2"}),
        ("host=[::1]:5&host=fe80::1", {"host": "::1,fe80::1", "port": "5,"}),
        ("host=/var/run/postgresql&port=6", {"host": "/var/run/postgresql", "port": "6"}),
        ("host=@abstract", {"host": "@abstract"}),
        ("host=a&hostaddr=192.0.2.1", {"host": "a", "hostaddr": "192.0.2.1"}),
        ("connect_timeout=60", {"connect_timeout": "60"}),
        ("keepalives=0&tcp_user_timeout=0", {"keepalives": "0", "tcp_user_timeout": "0"}),
        ("options=-c%20search_path%3Dshop", {"options": "-c search_path=shop"}),
        ("sslmode=verify-full&sslrootcert=/ca.pem", {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}),
        ("service=tasks&passfile=/p", {"service": "tasks", "passfile": "/p"}),
        ("application_name=x", {"application_name": "x"}),
    ],
)
def test_what_a_url_asks_for_reaches_the_driver(query: str, expected: dict[str, str]) -> None:
    arguments = read_parameters(sa.make_url(f"{BASE}?{query}")).arguments
    assert {name: arguments.get(name) for name in expected} == expected


def test_limits_hold_where_a_url_does_not_say_otherwise() -> None:
    arguments = read_parameters(sa.make_url(f"{BASE}?keepalives_idle=99")).arguments
    assert (arguments["connect_timeout"], arguments["keepalives_idle"]) == (5, "99")


def test_the_environments_connect_timeout_is_left_to_libpq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "60")
    assert "connect_timeout" not in read_parameters(sa.make_url(BASE)).arguments


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("postgresql://u:p@a:1,b:2/db?sslmode=disable", "a,b", "1,2"),
        ("postgresql://a,b/db", "a,b", None),
        ("postgresql://u:p@a:1,[::1]:2/db", "a,::1", "1,2"),
        ("postgresql://u:p@a:1/db", "a", "1"),
        ("postgresql://u:p@:1/db?host=/run,b", None, None),
    ],
)
def test_hosts_are_read_as_libpq_writes_them_in_an_address(text: str, host: str | None, port: str | None) -> None:
    url = sa.make_url(hosts_to_query(text))
    if host is None:
        with pytest.raises(ValueError, match="stands twice"):
            read_parameters(url)
        return
    wanted = read_parameters(url)
    assert (wanted.arguments["host"], wanted.arguments.get("port")) == (host, port)
    assert wanted.url.database == "db"


@pytest.mark.parametrize(("text", "threshold"), [("0", 0), ("7", 7), ("off", None), ("OFF", None)])
def test_a_prepare_threshold_is_a_number_or_off(text: str, threshold: int | None) -> None:
    assert read_parameters(sa.make_url(f"{BASE}?prepare_threshold={text}")).prepared_after == threshold
    assert read_parameters(sa.make_url(BASE)).prepared_after == AUTOMATIC


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"{BASE}?s3cret=1", "parameter 1 behind the"),
        (f"{BASE}?sslmode=disable&autocommit=s3cret", "parameter 2 behind the"),
        (f"{BASE}?row_factory=s3cret", "not one of libpq"),
        (f"{BASE}?replication=database", "cannot have the parameter replication"),
        (f"{BASE}?sslmode=s3cret", "sslmode is not one of disable"),
        (f"{BASE}?sslmode=require&sslmode=s3cret", "sslmode stands twice"),
        (f"{BASE}?target_session_attrs=read-only", "target_session_attrs is not one of any, read-write, primary"),
        (f"{BASE}?client_encoding=latin1", "client_encoding is not one of utf8"),
        (f"{BASE}?prepare_threshold=s3cret", "neither a whole number nor off"),
        (f"{BASE}?connect_timeout=s3cret", "connect_timeout is not a whole number"),
        (f"{BASE}?tcp_user_timeout=-1", "tcp_user_timeout is not a whole number"),
        (f"{BASE}?options=-S%20s3cret", "options: only -c name=value"),
        (f"{BASE}?options=-c", "options: only -c name=value"),
        (f"{BASE}?host=a,b&port=1,2,3", "3 ports for 2 hosts"),
        (f"{BASE}?host=a:1&host=b&port=2", "port stands twice"),
        (f"{BASE}?host=a&port=s3cret", "a port is not a number"),
        (f"{BASE}?host=a:70000", "a port is not a number"),
        (f"{BASE}?host=[::1:s3cret", "a host is not written"),
        (f"{BASE}?user=s3cret", "user stands twice"),
        (f"{BASE}?password=s3cret", "password stands twice"),
        (f"{BASE}?dbname=s3cret", "dbname stands twice"),
        ("postgresql+psycopg://h/db?host=s3cret", "the host stands twice"),
        ("postgresql+psycopg://h:5/db?port=6", "port stands twice"),
    ],
)
def test_what_cannot_be_honoured_is_refused_and_not_repeated(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        create_engine(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("PGSSLMODE", "maybe"), ("PGTARGETSESSIONATTRS", "standby"), ("PGOPTIONS", "-S 100")]
)
def test_the_environment_is_held_to_the_same_rules(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=name):
        read_parameters(sa.make_url(BASE))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("-c lock_timeout=1s", {"lock_timeout": "1s"}),
        ("-clock_timeout=1s  --Work-Mem=1MB", {"lock_timeout": "1s", "work_mem": "1MB"}),
        (r"-c search_path=a,\ b\\c", {"search_path": r"a, b\c"}),
        ("-c app.name==x", {"app.name": "=x"}),
    ],
)
def test_options_are_read_as_the_server_reads_them(text: str, found: dict[str, str]) -> None:
    assert options_of(text) == found


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(st.characters(codec="ascii"))))
def test_options_come_back_as_they_were_escaped(wanted: dict[str, str]) -> None:
    def escaped(value: Any) -> str:
        return "".join(f"\\{sign}" if sign.isspace() or sign == "\\" else sign for sign in value)

    assert options_of(" ".join(f"-c {name}={escaped(value)}" for name, value in wanted.items())) == wanted
