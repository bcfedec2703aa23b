"""What operators did, on record in a real database."""

import pytest
import sqlalchemy as sa

from leveret import App, Settings
from leveret.errors import LeveretError, SettingsError, StorageFailed
from leveret.operate.record import Cause, open_records, records_url
from leveret.operate.record.records import GroupState
from leveret.sql import create_engine
from leveret.sql.schema import upgrade
from support.databases import execute, rows
from support.guestbook import NOTHING

ADA = Cause(by="ada@desk", why="the shop is mended", incident="shop-down")


def application(url: str) -> tuple[App, Settings]:
    """Return an application with that database."""
    app = App("guestbook", database=url)
    return app, app.defaults


def test_changes_are_read_back_with_the_newest_first(empty_url: str) -> None:
    app, settings = application(empty_url)
    upgrade(empty_url, NOTHING, app.names)
    with open_records(app, settings) as records:
        first = records.write(ADA, "redrive", {"letters": "all"})
        second = records.write(Cause(by="bob@desk"), "discard")
        assert records.history() == [second, first]
        assert records.history(incident="shop-down") == [first]
        assert records.history(1) == [second]
        assert records.history(before=second.id) == [first]


@pytest.mark.parametrize("change", ["UPDATE leveret_audit SET why = 'x'", "DELETE FROM leveret_audit"])
def test_the_database_refuses_to_change_what_is_on_record(empty_url: str, change: str) -> None:
    app, settings = application(empty_url)
    upgrade(empty_url, NOTHING, app.names)
    with open_records(app, settings) as records:
        records.write(ADA, "redrive")
    before = rows(empty_url, "leveret_audit")
    engine = create_engine(empty_url)
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="only added"):
        connection.execute(sa.text(change))
    engine.dispose()
    assert rows(empty_url, "leveret_audit") == before


def test_a_later_note_of_a_group_replaces_the_former_one_and_the_history_has_both(empty_url: str) -> None:
    app, settings = application(empty_url)
    upgrade(empty_url, NOTHING, app.names)
    with open_records(app, settings) as records:
        records.note(ADA, "abc", GroupState.LOOKED_AT, "the disk was full")
        later = records.note(ADA, "abc", GroupState.MENDED, "a larger disk")
        assert records.notes() == {"abc": later}
        assert [entry.what for entry in records.history()] == ["note", "note"]


def test_strangers_text_is_kept_printable_and_short(empty_url: str) -> None:
    app, settings = application(empty_url)
    upgrade(empty_url, NOTHING, app.names)
    with open_records(app, settings) as records:
        records.write(Cause(by="a\x00\x1b" * 500, why="\u202e" * 5000, incident="\x00"), "discard")
        [entry] = records.history()
    assert entry.by_whom.isprintable()
    assert len(entry.by_whom) <= 200
    assert entry.incident.isprintable()


def test_a_postgresql_database_of_an_older_version_is_refused_in_words(postgres_url: str) -> None:
    app, settings = application(postgres_url)
    with pytest.raises(SettingsError, match="db upgrade"), open_records(app, settings):
        raise AssertionError("it was opened")


def test_records_that_cannot_be_written_are_an_error(empty_url: str) -> None:
    app, settings = application(empty_url)
    upgrade(empty_url, NOTHING, app.names)
    with open_records(app, settings) as records:
        execute(empty_url, "DROP TABLE leveret_audit")
        with pytest.raises(LeveretError) as caught:
            records.write(ADA, "redrive")
    assert isinstance(caught.value, StorageFailed)


def test_an_application_without_a_database_keeps_its_records_in_a_file_of_their_own() -> None:
    app = App("guestbook")
    assert records_url(app, app.defaults) == "sqlite:///guestbook-operations.db"
