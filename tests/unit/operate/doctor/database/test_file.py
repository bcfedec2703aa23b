"""On which file system an SQLite file is, and who may use it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from leveret.operate.doctor.database.file import file_system, journal, kind_of, rights
from leveret.operate.doctor.database.reaching import is_file, reachable
from leveret.sql import create_engine
from support.installations import installation, only, states

MOUNTS = r"""overlay / overlay rw 0 0
tmpfs /tmp tmpfs rw 0 0
server:/x /srv nfs4 rw 0 0
disk /srv/my\040own ext4 rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/ada", "overlay"),
        ("/tmp/x/y", "tmpfs"),
        ("/srv", "nfs4"),
        ("/srv/my own/db", "ext4"),
        ("/tmpx", "overlay"),
    ],
)
def test_a_folder_is_on_the_file_system_of_its_nearest_mount(folder: str, kind: str) -> None:
    assert kind_of(Path(folder), MOUNTS) == kind


def test_without_mounts_nobody_knows() -> None:
    assert kind_of(Path("/x"), "") is None


def test_the_file_of_a_worker_is_well(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    engine = create_engine(url)
    engine.connect().close()
    engine.dispose()
    examined = installation(DATABASE_URL=url)
    for check in (reachable, journal, rights):
        assert only(check(examined)).state == "ok", check
    assert file_system(examined)[0].state in ("ok", "unknown")


def test_a_file_of_somebody_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    sqlite3.connect(path).execute("CREATE TABLE x (y)").connection.close()
    path.chmod(0o644)
    examined = installation(DATABASE_URL=f"sqlite:///{path}")
    assert "'delete' and not 'wal'" in only(journal(examined)).text
    assert "everybody on this machine may read" in only(rights(examined)).text


def test_a_file_that_is_not_a_database_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("a letter to the editor, which is longer than a header")
    examined = installation(DATABASE_URL=f"sqlite:///{path}")
    assert states(journal(examined)) == ["wrong"]
    assert states(reachable(examined)) == ["wrong"]


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    examined = installation(DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}")
    assert states(reachable(examined)) == ["warning"]
    assert not is_file(examined)
    assert list(tmp_path.iterdir()) == []
    assert states(reachable(installation(DATABASE_URL=f"sqlite:///{tmp_path / 'no' / 'x.db'}"))) == ["wrong"]
