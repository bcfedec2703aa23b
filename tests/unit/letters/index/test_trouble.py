"""What is told of the file of an index that is open and cannot be used any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from leveret.letters.index import LetterIndex
from leveret.letters.index.schema import IndexTrouble, telling_trouble
from support.indexed_letters import made_index, written


def use(index: LetterIndex) -> None:
    with telling_trouble(index.path):
        index.feed(index.events([(900, written(900))]))
        assert all(index.read(key) for key in list(index.keys()))


def test_a_file_that_breaks_behind_its_first_pages_is_removed_when_that_shows(tmp_path: Path) -> None:
    path = tmp_path / "letters.db"
    with made_index(tmp_path, *map(written, range(300))):
        pass
    with path.open("r+b") as file:
        for page in range(4, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    with made_index(tmp_path) as broken, pytest.raises(IndexTrouble, match="was broken, and was removed"):
        use(broken)
    with made_index(tmp_path, written(1)) as again:
        assert again.count() == 1


def test_a_file_that_cannot_be_written_now_is_trouble_and_stays(tmp_path: Path) -> None:
    with made_index(tmp_path, written(1)) as index:
        index._connection.execute("PRAGMA query_only = 1")
        with pytest.raises(IndexTrouble, match="cannot be used: attempt to write a readonly database"):
            use(index)
        assert (tmp_path / "letters.db").exists()
        assert index.count() == 1
