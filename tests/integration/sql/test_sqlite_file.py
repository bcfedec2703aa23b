"""An SQLite file is its owner's alone, and what happens to it under an open connection is noticed."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from leveret.errors import StorageFailed, StorageUnavailable
from leveret.inbox.batch import AnsweredJob
from leveret.sql import Store, create_engine
from leveret.sql.sqlite_file import FileUse, others_may_read
from support import migration
from support.jobs import add_effect, effects, job, results_of, stored_ids

WAYS: tuple[FileUse, FileUse] = ("use", "look")
FOUND = "was moved, removed or replaced while it was open"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "tasks.db"
    path.parent.mkdir()
    migration.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def engine(file: Path) -> Iterator[sa.Engine]:
    engine = create_engine(f"sqlite:///{file}", file="use")
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: sa.Engine) -> Iterator[Store]:
    store = Store(engine)
    results_of(store, [job("before")])
    yield store
    store.close()


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def move(file: Path) -> None:
    file.rename(file.with_name("elsewhere.db"))


def remove(file: Path) -> None:
    file.unlink()


def replace(file: Path) -> None:
    shutil.copy(file, file.with_name("copy.db"))
    file.with_name("copy.db").rename(file)


def move_the_folder(file: Path) -> None:
    file.parent.rename(file.parent.with_name("another folder"))


HAPPENINGS = [move, remove, replace, move_the_folder]


@pytest.mark.usefixtures("umask")
def test_a_file_and_its_side_files_are_made_for_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "tasks.db"
    migration.upgrade(f"sqlite:///{file}")
    engine = create_engine(f"sqlite:///{file}", file="use")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE notes (text)"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    engine.dispose()
    assert modes == {"tasks.db": 0o600, "tasks.db-wal": 0o600, "tasks.db-shm": 0o600}


def test_a_file_that_is_there_keeps_its_mode_and_its_side_files_have_it_too(tmp_path: Path) -> None:
    file = tmp_path / "tasks.db"
    file.touch()
    file.chmod(0o640)
    engine = create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE notes (text)"))
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}
    engine.dispose()
    assert not others_may_read(file)
    file.chmod(0o604)
    assert others_may_read(file)


@pytest.mark.parametrize("happen", HAPPENINGS)
def test_what_happens_to_the_file_between_transactions_is_an_outage(
    file: Path, store: Store, happen: Callable[[Path], None]
) -> None:
    happen(file)
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match=FOUND):
            results_of(store, [job("after"), job("after that")])
        with pytest.raises(StorageUnavailable, match=FOUND):
            store.ping()
    assert file.exists() is (happen is replace)


@pytest.mark.parametrize("happen", HAPPENINGS)
@pytest.mark.parametrize("count", [1, 3])
def test_nothing_is_answered_whose_commit_went_into_a_file_that_is_gone(
    file: Path, store: Store, happen: Callable[[Path], None], count: int
) -> None:
    def run(_connection: sa.Connection) -> bytes:
        if file.exists() and happen not in done:
            happen(file)
            done.append(happen)
        return b"{}"

    done: list[object] = []
    with pytest.raises(StorageUnavailable, match=FOUND):
        results_of(store, [job(f"r{number}", run) for number in range(count)])


def test_a_file_that_was_put_back_is_used_again_with_all_that_it_held(file: Path, store: Store) -> None:
    move(file)
    with pytest.raises(StorageUnavailable, match=FOUND):
        results_of(store, [job("after")])
    file.with_name("elsewhere.db").rename(file)
    store.ping()
    before, after = results_of(store, [job("before"), job("after")])
    assert isinstance(before, AnsweredJob)
    assert isinstance(after, AnsweredJob)
    assert (before.replayed, after.replayed) == (True, False)


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_commit_whose_side_file_is_gone_is_doubted_and_nothing_is_lost(
    file: Path, engine: sa.Engine, store: Store, suffix: str
) -> None:
    Path(f"{file}{suffix}").unlink()
    with (
        pytest.raises(StorageUnavailable, match=f"{suffix} {FOUND}"),
        store.begin(writes=True) as transaction,
    ):
        add_effect(transaction.connection, "after")
    assert effects(engine) == ["after", "before"]
    Path(f"{file}{suffix}").unlink()
    results_of(store, [job("last")])
    assert effects(engine) == ["after", "before", "last"]
    assert stored_ids(engine) == ["before", "last"]


def test_a_worker_that_starts_makes_no_file_in_the_place_of_one_that_is_gone(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'tasks.db'}", file="use")
    with pytest.raises(StorageUnavailable, match="unable to open database file"):
        Store(engine).ping()
    engine.dispose()
    assert not any(tmp_path.iterdir())


def test_another_working_folder_makes_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    engine = create_engine("sqlite:///tasks.db")
    store = Store(engine)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with store.begin(writes=True) as transaction:
        transaction.connection.execute(sa.text("CREATE TABLE notes (text)"))
    store.close()
    engine.dispose()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["below", "tasks.db"]


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="unable to open database file"):
        migration.upgrade(f"sqlite:///{tmp_path}")


@contextmanager
def somebody_else() -> Iterator[None]:
    """Be a user without rights for a moment, where that is needed: root may write everywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_log_that_others_remove_and_make_while_a_file_is_looked_at_is_no_replaced_file(file: Path) -> None:
    writer, looker = (create_engine(f"sqlite:///{file}", file=use) for use in WAYS)
    with writer.begin() as connection:
        connection.execute(sa.text("CREATE TABLE seen (text)"))
    with looker.connect():
        pass  # SQLAlchemy asks something on the first connection of an engine
    looker.dispose()
    looking = looker.connect()  # nothing is read yet
    writer.dispose()  # as the last one that reads or writes, it removes its log
    for number in range(4):  # a file system may give what was just removed to the next files
        (file.parent / f"other-{number}").touch()
    with writer.begin() as connection:
        connection.execute(sa.text("INSERT INTO seen VALUES ('x')"))
    assert looking.execute(sa.text("SELECT count(*) FROM seen")).scalar_one() == 1
    looking.commit()
    looking.close()
    for engine in (writer, looker):
        engine.dispose()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize(
    ("use", "statement"), [("use", "INSERT INTO notes VALUES ('x')"), ("look", "SELECT * FROM notes")]
)
def test_a_file_that_this_user_may_only_read_is_no_actions_fault(
    open_folder: Path, use: FileUse, statement: str
) -> None:
    file = open_folder / "tasks.db"
    engine = create_engine(f"sqlite:///{file}")
    owner = Store(engine)
    with owner.begin(writes=True) as transaction:
        transaction.connection.execute(sa.text("CREATE TABLE notes (text)"))
    owner.close()
    engine.dispose()
    file.chmod(0o444)
    read_only = create_engine(f"sqlite:///{file}", file=use)
    store = Store(read_only)
    words = r"this user may not (read and write it|write in its folder)"
    with (
        somebody_else(),
        pytest.raises(StorageUnavailable, match=words),
        store.begin(writes=use == "use") as transaction,
    ):
        transaction.connection.execute(sa.text(statement))
    store.close()
    read_only.dispose()


def test_a_write_that_was_not_declared_is_the_actions_fault_in_a_folder_that_is_closed_too(open_folder: Path) -> None:
    """Side files that are there can be written, so the database works; an outage would pause every worker."""
    file = open_folder / "tasks.db"
    engine = create_engine(f"sqlite:///{file}")
    owner = Store(engine)
    with owner.begin(writes=True) as transaction:
        transaction.connection.execute(sa.text("CREATE TABLE notes (text)"))
    for path in open_folder.iterdir():
        path.chmod(0o666)
    other_engine = create_engine(f"sqlite:///{file}", file="use")
    other = Store(other_engine)
    open_folder.chmod(0o555)
    with (
        somebody_else(),
        pytest.raises(StorageFailed, match="not declared with writes=True"),
        other.begin(writes=False) as transaction,
    ):
        transaction.connection.execute(sa.text("INSERT INTO notes VALUES ('x')"))
    open_folder.chmod(0o755)
    for store, used in ((other, other_engine), (owner, engine)):
        store.close()
        used.dispose()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'none' / 'tasks.db'}")
    with pytest.raises(StorageUnavailable, match=f"there is no folder {tmp_path / 'none'}"):
        Store(engine).ping()
    engine.dispose()
