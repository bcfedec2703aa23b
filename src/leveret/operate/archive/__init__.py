"""The archive: letters that were discarded, kept in the database, from which they can be brought back."""

from leveret.operate.archive.archive import Archive, LetterPlace
from leveret.operate.archive.moving import discard, restore

__all__ = ["Archive", "LetterPlace", "discard", "restore"]
