"""The driver of PostgreSQL is an extra: without it everything else works, and a URL of PostgreSQL says what to do."""

import subprocess
import sys
from pathlib import Path

import pytest

ABSENT = "raise ModuleNotFoundError(\"No module named 'psycopg'\", name='psycopg')"
BROKEN = "raise ImportError('no pq wrapper available.\\nAttempts made: ...')"
INSTALL = "pip install 'leveret[postgres]'"

PROGRAM = """
from pathlib import Path
from leveret.sql import Store, create_engine, metadata
from leveret.sql.schema import Names, Schema, upgrade
names = Names(application="name", setting="DATABASE_URL", upgrade="upgrade", revise="revise")
print(upgrade("sqlite:///app.db", Schema(), names))
try:
    upgrade("postgresql+psycopg://user@127.0.0.1/name", Schema(), names)
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        (ABSENT, "which is not installed"),
        (BROKEN, "which cannot be imported (no pq wrapper available.)"),
    ],
)
def test_sqlite_works_without_the_driver_of_postgresql(tmp_path: Path, driver: str, words: str) -> None:
    (tmp_path / "psycopg.py").write_text(driver)  # found before the installed one, in the working folder
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.splitlines(), done.stderr) == (["True", f"PostgreSQL needs psycopg, {words}: {INSTALL}"], "")
