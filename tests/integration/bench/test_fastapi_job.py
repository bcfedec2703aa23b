"""The job written by hand in FastAPI gives the guarantees with which it is compared, also with two processes."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

PEER = Path(__file__).resolve().parents[3] / "benchmarks" / "peers" / "fastapi_job.py"
TASKS = "/api/v1/tasks/"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("job") / "job.db"


@pytest.fixture(scope="module")
def peer(database: Path) -> Iterator[tuple[str, str]]:
    """Its address and a token."""
    url = f"sqlite:///{database}"
    token = subprocess.run([sys.executable, PEER, "prepare", url], capture_output=True, text=True, check=True).stdout
    with subprocess.Popen([sys.executable, PEER, "worker", url, "2"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[1], token.strip()
        finally:
            process.terminate()


@pytest.fixture
def ask(peer: tuple[str, str]) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=peer[0], headers={"Authorization": f"Bearer {peer[1]}"}) as client:
        yield client


def counts(database: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(database)) as connection:
        tables = ("tasks", "idempotency_keys")
        tasks, keys = (connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
    return tasks, keys


def test_a_key_has_one_effect_and_one_answer(ask: httpx2.Client, database: Path) -> None:
    before = counts(database)
    first, again = (ask.post(TASKS, json={"title": "once"}, headers={"Idempotency-Key": '"k-1"'}) for _ in range(2))
    assert first.status_code == 201
    assert (again.status_code, again.content) == (201, first.content)
    other = ask.post(TASKS, json={"title": "other"}, headers={"Idempotency-Key": '"k-1"'})
    assert other.status_code == 422
    assert counts(database) == (before[0] + 1, before[1] + 1)


async def test_a_key_that_comes_several_times_at_once_has_one_effect(peer: tuple[str, str], database: Path) -> None:
    before = counts(database)
    headers = {"Authorization": f"Bearer {peer[1]}", "Idempotency-Key": '"k-2"'}
    async with httpx2.AsyncClient(base_url=peer[0], headers=headers) as client:
        answers = await asyncio.gather(*(client.post(TASKS, json={"title": "at once"}) for _ in range(16)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert counts(database) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Idempotency-Key": "k-3", "Authorization": "Bearer nothing"}, {"title": "x"}, 401),
        ({}, {"title": "x"}, 422),
        ({"Idempotency-Key": "k-3"}, {"title": "  "}, 422),
        ({"Idempotency-Key": "k-3"}, {"title": "x", "owner": 2}, 422),
    ],
)
def test_what_is_not_right_changes_nothing(
    ask: httpx2.Client, database: Path, headers: dict[str, str], body: dict[str, object], status: int
) -> None:
    before = counts(database)
    assert ask.post(TASKS, json=body, headers=headers).status_code == status
    assert counts(database) == before
