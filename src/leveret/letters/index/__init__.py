"""The index of dead letters: a file that is filled from the stream of letters and answers in milliseconds.

Start with `LetterIndex.open`. The file can be thrown away at any time; the queue stays the truth.
"""

from leveret.letters.index.index import LetterIndex
from leveret.letters.index.records import LetterGroup, LetterPage, LetterRow

__all__ = ["LetterGroup", "LetterIndex", "LetterPage", "LetterRow"]
