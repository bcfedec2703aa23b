"""A prepared statement does what SQLAlchemy's own execution of it does, on both engines."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.sql import Store
from leveret.sql.prepared import Prepared
from leveret.sql.records import RequestKey, Row
from leveret.sql.tables import processed_requests as rows
from support.jobs import NOW

ADD = Prepared(rows.insert())
FIND = Prepared(sa.select(rows).where(rows.c.id == sa.bindparam("wanted")))
PAGE = Prepared(
    sa.select(rows.c.id, rows.c.created_at)
    .where(rows.c.principal == sa.literal("1"))
    .order_by(rows.c.id.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
RENAME = Prepared(rows.update().where(rows.c.id == sa.bindparam("wanted")).returning(rows.c.action), "action")
REMOVE = Prepared(rows.delete().where(rows.c.id == sa.bindparam("wanted")))


def row(request_id: str, **other: Any) -> dict[str, Any]:
    values = {"principal": "1", "fingerprint": b"\0f", "version": "v1", "action": "écrire", "response_json": "{}"}
    return {**values, "id": request_id, "created_at": NOW, **other}


def found(connection: sa.Connection, request_id: str) -> list[tuple[Any, ...]]:
    """What SQLAlchemy itself says."""
    return [tuple(each) for each in connection.execute(sa.select(rows).where(rows.c.id == request_id))]


def test_what_it_adds_and_finds_is_what_sqlalchemy_finds(connection: sa.Connection) -> None:
    ADD.run(connection, row("a"))
    ADD.run(connection, row("b", created_at=NOW + timedelta(microseconds=1)))
    ADD.run(connection, row("c", response_json='{"n": 1}'))
    for request_id in ("a", "b", "c"):
        assert FIND.rows(connection, {"wanted": request_id}) == found(connection, request_id) != []
    assert PAGE.rows(connection, {"limit": 2}) == [("c", NOW), ("b", NOW + timedelta(microseconds=1))]
    assert FIND.one_or_none(connection, {"wanted": "d"}) is None


def test_it_says_how_many_rows_it_met_and_gives_what_is_returned(connection: sa.Connection) -> None:
    for added in (row("a"), row("b"), row("a", principal="2")):
        ADD.run(connection, added)
    assert RENAME.rows(connection, {"wanted": "a", "action": "other"}) == [("other",), ("other",)]
    assert REMOVE.run(connection, {"wanted": "a"}) == 2
    assert REMOVE.run(connection, {"wanted": "a"}) == 0


@pytest.mark.parametrize(
    "moment",
    [
        NOW,
        datetime(2026, 1, 31, 12, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=-3))),
    ],
)
def test_moments_are_kept_as_sqlalchemy_keeps_them(connection: sa.Connection, moment: datetime) -> None:
    ADD.run(connection, row("ours", created_at=moment))
    connection.execute(rows.insert(), [row("theirs", created_at=moment)])
    raw = sa.select(sa.type_coerce(rows.c.created_at, sa.Text())).order_by(rows.c.id)
    ours, theirs = connection.execute(raw).scalars()
    assert ours == theirs
    if connection.dialect.name == "sqlite":
        assert ours == moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f").zfill(26)
    assert FIND.rows(connection, {"wanted": "ours"})[0][-1] == moment


def test_a_refused_row_raises_what_sqlalchemy_raises_and_hides_the_values(connection: sa.Connection) -> None:
    ADD.run(connection, row("a"))
    with pytest.raises(sa.exc.IntegrityError) as raised, connection.begin_nested():
        ADD.run(connection, row("a", action="secret"))
    assert not raised.value.connection_invalidated
    assert "secret" not in str(raised.value).partition("\n")[2]


def test_it_begins_a_transaction_where_there_is_none(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        ADD.run(connection, row("kept"))
        connection.commit()
        ADD.run(connection, row("dropped"))
    with engine.connect() as connection:
        assert found(connection, "kept")
        assert not found(connection, "dropped")


def test_listeners_of_the_engine_see_it_before_and_after(engine: sa.Engine) -> None:
    seen: list[tuple[str, bool]] = []

    def listener(when: str) -> Callable[..., None]:
        def tell(_connection: object, _cursor: object, text: str, _values: object, context: Any, many: bool) -> None:
            if text.startswith("INSERT"):
                context.mark = when  # as tracing does
                seen.append((when, many))

        return tell

    sa.event.listen(engine, "before_cursor_execute", listener("before"))
    sa.event.listen(engine, "after_cursor_execute", listener("after"))
    with engine.begin() as connection:
        ADD.run(connection, row("a"))
    assert seen == [("before", False), ("after", False)]


def test_a_store_knows_what_was_written_with_it(store: Store) -> None:
    with store.begin(writes=True) as transaction:
        before = transaction.touched
        FIND.rows(transaction.connection, {"wanted": "a"})
        assert transaction.touched == before
        ADD.run(transaction.connection, row("a"))
        assert transaction.touched == before + 1
        transaction.save([Row(RequestKey("1", "b"), b"f", "v1", "write", b"{}")])
        assert set(transaction.find([RequestKey("1", "a"), RequestKey("1", "b"), RequestKey("2", "a")])) == {
            RequestKey("1", "a"),
            RequestKey("1", "b"),
        }


def test_a_connection_that_broke_is_given_up(clean_postgres: str) -> None:
    engine = sa.create_engine(clean_postgres)
    given_up: list[object] = []
    sa.event.listen(engine, "invalidate", lambda *_: given_up.append(1))
    ask = Prepared(sa.select(sa.literal(1)))
    with engine.connect() as connection, engine.connect() as other:
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        other.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
        with pytest.raises(sa.exc.OperationalError) as raised:
            ask.rows(connection, {})
        assert raised.value.connection_invalidated
        assert connection.invalidated
        assert given_up
    engine.dispose()
