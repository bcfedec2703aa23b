"""The engine of a test client, with which a test looks into tables and prepares rows."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret import App
from leveret.testing import TestClient
from support.tested import Gate, make_app, notes


@pytest.fixture
def app() -> App:
    return make_app(Gate())


@pytest.mark.parametrize("kept", ["memory", "file"])
def test_a_test_that_reads_does_not_keep_the_worker_waiting(app: App, kept: str, tmp_path: Path) -> None:
    database = None if kept == "memory" else f"sqlite:///{tmp_path}/given.db"
    with TestClient(app, database=database) as client, client.engine.connect() as connection:
        user = client.as_user("7")
        assert connection.execute(notes.select()).all() == []
        user.call("write", {"text": "x"}, timeout=3.0)
        assert [row.text for row in connection.execute(notes.select())] == ["x"]
        user.call("write", {"text": "y"}, timeout=3.0)


def test_what_a_test_writes_is_one_transaction(app: App) -> None:
    with TestClient(app) as client:
        with client.engine.connect() as connection:
            connection.execute(notes.insert().values(owner="7", text="x"))
            with client.engine.connect() as other:
                other.exec_driver_sql("PRAGMA busy_timeout = 0")
                with pytest.raises(sa.exc.OperationalError, match="locked"):
                    other.execute(notes.insert().values(owner="7", text="y"))
            connection.rollback()
            connection.execute(notes.insert().values(owner="7", text="z"))
            connection.commit()
        with client.engine.begin() as connection:
            connection.execute(notes.insert().from_select(["owner", "text"], sa.select(notes.c.owner, notes.c.text)))
        assert client.as_user("7").call("count") == 2
