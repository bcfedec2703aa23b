"""Which faults a version of RabbitMQ has."""

import pytest

from leveret.operate.doctor.broker.faults import judge, read_version


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3.9.29", ["cannot be used"]),
        ("3.10.8", ["no corrections", "x-death"]),
        ("3.13.7", ["no corrections", "x-death"]),
        ("4.0.0", ["x-death", "first moments"]),
        ("4.0.5", ["first moments"]),
        ("4.1.8", []),
        ("4.2.6", ["counting"]),
        ("4.2.7", []),
        ("4.3.0", ["counting", "4.3.3 and 4.3.5"]),
        ("4.3.4", ["4.3.3 and 4.3.5"]),
        ("4.3.5", []),
        ("4.3.6-rc.1", []),
        ("4.4.0", ["newer than 4.3"]),
        ("10.0", ["newer than 4.3"]),
        ("master", ["how to read"]),
    ],
)
def test_a_version_is_judged_by_the_faults_that_it_has(text: str, words: list[str]) -> None:
    found = judge(text)
    assert len(found) == len(words), found
    for word in words:
        assert any(word in finding.text for finding in found), found


def test_a_version_is_compared_as_numbers() -> None:
    assert read_version("3.10.8") == (3, 10, 8)
    assert read_version("4.3") == (4, 3)
    assert read_version("") is None
