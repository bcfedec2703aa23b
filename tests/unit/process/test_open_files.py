"""How many connections a process may have."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from leveret.process.open_files import allow_connections
soft, hard, count = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(allow_connections(count), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "count", "expected"),
    [
        (1000, 2000, 500, "None 1000 2000"),
        (1000, 2000, 1500, "None 1700 2000"),
        (1000, 2000, 1800, "None 2000 2000"),
        (1000, 2000, 1801, "1800 2000 2000"),
        (1000, 2000, 10_000, "1800 2000 2000"),
    ],
)
def test_the_limit_is_raised_as_far_as_it_may_be(soft: int, hard: int, count: int, expected: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(soft), str(hard), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
