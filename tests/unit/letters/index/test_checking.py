"""What it means that the queue and the index hold different numbers of letters."""

import pytest

from leveret.letters.index.checking import difference


@pytest.mark.parametrize(
    ("depth", "present", "words"),
    [
        (0, 0, ""),
        (7, 7, ""),
        (8, 7, "the queue holds 8 letters, the index 7: 1 letter is not in the index: older than the stream"),
        (9, 7, "the queue holds 9 letters, the index 7: 2 letters are not in the index: older than the stream"),
        (0, 7, "the queue holds 0 letters, the index 7: 7 letters are not in the queue any more: somebody purged it"),
        (1, 2, "the queue holds 1 letter, the index 2: 1 letter is not in the queue any more: somebody purged it"),
    ],
)
def test_a_difference_is_told_with_its_causes(depth: int, present: int, words: str) -> None:
    found = difference(depth, present)
    assert found.startswith(words)
    assert bool(found) == (depth != present)
