"""Finds letters of the archive by the same conditions as letters of the queue."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from leveret.letters.filters import LetterFilter
from leveret.letters.index import LetterIndex
from leveret.letters.index.entries import stored_key
from leveret.letters.unmatched import NoSuchLetters, why_none
from leveret.operate.archive.archive import Archive
from leveret.sql.archive_rows import ArchivedLetter


def find_in_archive(archive: Archive, wanted: LetterFilter, secrets: Iterable[str]) -> list[ArchivedLetter]:
    """Return letters that can be brought back, the one that was discarded first at the beginning.

    Conditions beside the ids are asked of an index that is made of the archive for this question, so each means here
    what it means for letters in the queue.

    Args:
        archive: where to look.
        wanted: which letters.
        secrets: names of the fields whose values are not searched.

    Raises:
        StorageUnavailable, StorageFailed: the rows cannot be read.
        NotPortable: a row was changed by somebody else.
        ValueError: the text of the filter cannot be searched.
        NoSuchLetters: no letter of the archive meets the conditions.
    """
    letters = archive.find(list(dict.fromkeys([*wanted.ids, *map(stored_key, wanted.ids)])))
    rest = replace(wanted, ids=())
    if rest.everything:
        return letters
    with tempfile.TemporaryDirectory() as folder:
        index = LetterIndex(Path(folder) / "archive.db", frozenset(secrets), "archive")
        try:
            numbers: dict[str, str] = {}
            for part in archive.messages(letters):
                index.adopt([message for _, message in part])
                numbers |= {key: letter.letter for letter, message in part for key in index.keys_of([message])}
            found = {numbers[key] for key in index.keys(rest) if key in numbers}
            if not found and (why := why_none(wanted, index, "archive")):
                raise NoSuchLetters(why)
        finally:
            index.close()
    return [each for each in letters if each.letter in found]
