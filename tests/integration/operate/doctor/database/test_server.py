"""A PostgreSQL that is well, and one that treats our transactions otherwise than they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.operate.doctor.checks import CHECKS
from leveret.operate.doctor.database.pooling import pooler
from leveret.operate.doctor.database.reaching import reachable
from leveret.operate.doctor.database.server import durability, encoding, isolation, time_zone, writable
from leveret.operate.doctor.database.tables import current, rights
from leveret.operate.doctor.examining import examine
from leveret.operate.doctor.installation import Installation
from support import migration
from support.databases import execute
from support.installations import installation, only, states
from testbed.pgbouncer import pgbouncer
from testbed.postgres import PostgresServer


async def test_a_database_as_it_should_be_is_well(clean_postgres: str) -> None:
    checks = [check for check in CHECKS if check.room == "database"]
    found = await examine(installation(DATABASE_URL=clean_postgres), checks)
    assert {finding.state for finding in found} == {"ok"}, found
    assert {"version", "tables", "rights", "time_zone", "isolation", "pooler", "clock"} <= {f.what for f in found}
    assert "journal" not in {finding.what for finding in found}


def with_options(url: str, **options: str) -> str:
    words = " ".join(f"-c {name}={value}" for name, value in options.items())
    return sa.make_url(url).update_query_dict({"options": words}).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("options", "check", "words"),
    [
        ({"timezone": "Europe/Riga"}, time_zone, "time zone Europe/Riga"),
        ({"default_transaction_isolation": "serializable"}, isolation, "transactions are serializable"),
        ({"default_transaction_read_only": "on"}, writable, "read only"),
        ({"synchronous_commit": "off"}, durability, "synchronous_commit is off"),
    ],
)
def test_what_a_connection_is_given_by_somebody_is_found(
    clean_postgres: str, options: dict[str, str], check: Callable[[Installation], Any], words: str
) -> None:
    finding = only(check(installation(DATABASE_URL=with_options(clean_postgres, **options))))
    assert finding.state == "wrong"
    assert words in finding.text
    assert only(check(installation(DATABASE_URL=clean_postgres))).state == "ok"


def test_an_isolation_that_is_set_for_the_database_is_found(postgres_url: str) -> None:
    name = sa.make_url(postgres_url).database
    execute(postgres_url, f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    assert "repeatable read" in only(isolation(installation(DATABASE_URL=postgres_url))).text


def test_an_encoding_that_does_not_keep_every_text_is_found(postgres: PostgresServer) -> None:
    with postgres.database("LATIN1") as url:
        examined = installation(DATABASE_URL=url)
        assert "is LATIN1, and UTF8 is needed" in only(encoding(examined)).text
        assert states(current(examined)) == ["wrong"]


def test_tables_that_are_missing_or_may_not_be_used_are_found(postgres_url: str) -> None:
    examined = installation(DATABASE_URL=postgres_url)
    finding = only(current(examined))
    assert finding.state == "wrong"
    assert "db upgrade" in finding.advice
    assert states(rights(examined)) == ["ok"]
    migration.upgrade(postgres_url)
    role = f"{sa.make_url(postgres_url).database}_role"
    execute(postgres_url, f"CREATE ROLE {role} LOGIN", f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {role}")
    try:
        as_role = sa.make_url(postgres_url).set(username=role).render_as_string(hide_password=False)
        refused = only(rights(installation(DATABASE_URL=as_role)))
        assert refused.state == "wrong"
        assert "UPDATE, DELETE on processed_requests" in refused.text
        assert "leveret_application" not in refused.text
    finally:
        execute(postgres_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


@pytest.mark.parametrize(
    ("mode", "setting", "state", "words"),
    [
        ("transaction", "auto", "ok", "pooler in transaction mode"),
        ("transaction", "session", "wrong", "another server session"),
        ("session", "session", "ok", "kept our sessions"),
    ],
)
def test_a_pooler_is_told_from_a_server(clean_postgres: str, mode: str, setting: str, state: str, words: str) -> None:
    with pgbouncer(clean_postgres, mode) as url:
        finding = only(pooler(installation(DATABASE_URL=url, DATABASE_POOLER=setting)))
    assert finding.state == state
    assert words in finding.text


def test_a_database_that_is_away_is_wrong_and_its_password_is_not_shown(unused_tcp_port: int) -> None:
    url = f"postgresql+psycopg://ada:hush-hush@127.0.0.1:{unused_tcp_port}/x"
    finding = only(reachable(installation(DATABASE_URL=url)))
    assert finding.state == "wrong"
    assert "hush" not in finding.text + finding.advice
