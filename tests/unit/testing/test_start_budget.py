"""What opening a test client costs, in what can be counted: function calls, modules, threads."""

from __future__ import annotations

import subprocess
import sys
import threading

from leveret import App, Context
from leveret.testing import TestClient
from support.call_counter import counting

PROGRAM = """
import sys
from leveret import App
from leveret.testing import TestClient

with TestClient(App("small")) as client:
    client.call("health_check")
print(*sys.modules)
"""


def small_app() -> App:
    app = App("small")

    @app.action("v1", "greet", public=True)
    async def greet(context: Context) -> str:
        return "hello"

    return app


async def test_from_nothing_to_the_first_reply_takes_few_calls_of_functions() -> None:
    app = small_app()
    for _ in range(2):  # the first time fills caches
        with counting() as calls:
            async with TestClient(app) as client:
                assert await client.call("greet") == "hello"
    assert calls.count < 1_700


async def test_a_test_client_has_one_thread_in_an_event_loop_and_none_is_left() -> None:
    before = set(threading.enumerate())
    async with TestClient(small_app()) as client:
        await client.call("greet")
        during = {thread.name for thread in set(threading.enumerate()) - before}
    assert during == {"lane-1"}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lane-")]


def test_neither_alembic_nor_another_database_nor_a_terminal_library_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "sqlalchemy" in loaded
    assert not loaded & {"alembic", "psycopg", "rich"}
