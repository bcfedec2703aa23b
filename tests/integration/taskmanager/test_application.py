from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from leveret.application.database import build_engine
from leveret.auth.keyring import Principal, Ticket
from leveret.errors import SettingsError
from leveret.sql.pooling import Pooler
from support import migration
from support.prepared import prepares
from taskmanager.actions import app
from taskmanager.actions.registry import services
from taskmanager.settings import Settings
from testbed.pgbouncer import pgbouncer

DAY = timedelta(days=1)


def local(folder: Path) -> Settings:
    return Settings(database_url=f"sqlite:///{folder / 'tasks.db'}")


def test_an_sqlite_database_is_made_and_migrated_without_being_asked(tmp_path: Path) -> None:
    settings = local(tmp_path)
    app.prepare_database(settings)
    app.prepare_database(settings)
    assert migration.is_current(settings.database_url)


def test_a_postgresql_database_is_migrated_only_when_asked(postgres_url: str) -> None:
    settings = Settings(database_url=postgres_url, jwt_secret=b"s" * 32)
    with pytest.raises(SettingsError, match="taskmanager db upgrade"):
        app.prepare_database(settings)
    assert migration.current(postgres_url) is None
    app.prepare_database(settings, migrate=True)
    app.prepare_database(settings)


def test_workers_on_one_sqlite_file_accept_each_others_tokens(tmp_path: Path) -> None:
    token = app.keyring(local(tmp_path)).issue("7", timedelta(hours=1))
    assert app.keyring(local(tmp_path)).verify(token) == Principal("7")
    assert (tmp_path / "taskmanager.secret").exists()


def test_a_secret_that_is_set_wins_and_nothing_is_written(tmp_path: Path) -> None:
    settings = Settings(database_url=local(tmp_path).database_url, jwt_secret=b"s" * 32)
    app.keyring(settings)
    assert not any(tmp_path.iterdir())


def test_postgresql_without_a_secret_is_refused_also_when_the_settings_were_made_by_hand() -> None:
    with pytest.raises(SettingsError, match="JWT_SECRET"):
        app.keyring(Settings(database_url="postgresql+psycopg://host/tasks"))


def test_a_ticket_lives_as_long_as_responses_are_kept() -> None:
    keyring = app.keyring(Settings(jwt_secret=b"s" * 32, retention=30 * DAY))
    ticket = keyring.issue_ticket(Ticket(Principal("7"), "id-1", 1))
    claims = jwt.decode(ticket.rpartition(" ")[2], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 30 * DAY.total_seconds()


async def test_services_policy_and_topology_follow_the_settings() -> None:
    delays = (timedelta(seconds=1), timedelta(seconds=5))
    settings = Settings(
        jwt_secret=b"s" * 32,
        retry_delays=delays,
        max_retries=7,
        queue_prefix="shop",
        allow_simulated_errors=True,
        token_lifetime=DAY,
    )
    async with services(settings, app.keyring(settings)) as made:
        assert (made.allow_simulated_errors, made.token_lifetime) == (True, DAY)
    policy = app.policy(settings)
    assert (policy.delays, policy.most) == (delays, 7)
    topology = app.topology(settings)
    assert topology.retries == ("shop.requests.retry.1s", "shop.requests.retry.5s")


@pytest.mark.parametrize(("pooler", "expected"), [("auto", False), ("transaction", False), ("session", True)])
def test_statements_are_prepared_through_a_pooler_only_where_the_settings_say_that_it_keeps_sessions(
    clean_postgres: str, pooler: Pooler, expected: bool
) -> None:
    with pgbouncer(clean_postgres, "session") as url:
        settings = Settings(database_url=url, database_pooler=pooler, jwt_secret=b"s" * 32)
        assert prepares(build_engine(settings)) is expected
