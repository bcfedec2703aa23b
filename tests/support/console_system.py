"""The shop of the demonstration with a worker and a console, for a real browser."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from leveret.broker.queues import remove_topology, report_queues
from leveret.cli.command_line import with_target
from leveret.client import BlockingClient
from leveret.errors import LeveretError
from leveret.settings import Settings
from leveret.web.console.building import build_console
from leveret.web.console.security.passwords import hash_password
from leveret.web.console.security.store import ConsoleStore
from leveret.web.console.site import Site
from scripts.console_demo.shop import app
from support.consoles import PASSWORD
from testbed.waiting import wait_until

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 30.0
FAILING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("place_order", {"number": 1, "article": "sofa", "note": "<img src=x onerror=alert(1)>\u202e"}),
    ("place_order", {"number": 2, "article": "sofa"}),
    ("charge_card", {"number": 3, "total": 9.5, "currency": "CHF"}),
    ("print_label", {"number": 4, "street": "Long Lane", "zip_code": "SW1A"}),
)


@contextmanager
def running_console(
    url: str, prefix: str, folder: Path, *, ids: Sequence[str] = (), reports: bool = False
) -> Iterator[str]:
    """Run everything while the block runs, and yield the address; four letters of three causes lie in the queue.

    Their requests have the ids that are given, or random ones. With ``reports`` the worker says what it does.
    """
    variables = shop_variables(url, prefix, folder) | {"SHOP_STATUS_REPORTS": "on" if reports else "off"}
    with running_shop(variables, folder, ids), serving_console(variables, folder) as address:
        yield address


def shop_variables(url: str, prefix: str, folder: Path) -> dict[str, str]:
    """Return the variables of a shop that keeps everything in a folder."""
    return {
        "SHOP_AMQP_URL": url,
        "SHOP_QUEUE_PREFIX": prefix,
        "SHOP_DATABASE_URL": f"sqlite:///{folder / 'shop.db'}",
        "SHOP_RETRY_DELAY": "20ms",
        "SHOP_ENVIRONMENT": "test",
        "XDG_CACHE_HOME": str(folder),
    }


@contextmanager
def running_shop(variables: Mapping[str, str], folder: Path, ids: Sequence[str] = ()) -> Iterator[None]:
    """Run a worker of the shop while the block runs, with four letters of three causes in the queue."""
    app.complete()
    settings = app.defaults.updated(variables)
    command = [
        sys.executable,
        "-m",
        "leveret",
        "worker",
        "scripts.console_demo.shop:app",
        "--app-dir",
        str(ROOT),
        "--migrate",
    ]
    with (folder / "worker.txt").open("wb") as output:
        worker = subprocess.Popen(command, env={**os.environ, **variables}, cwd=folder, stdout=output, stderr=output)
    try:
        _fail(settings, ids)
        yield
    finally:
        worker.terminate()
        worker.wait(LIMIT)
        _run(remove_topology(settings.amqp_url, app.topology(settings)))


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run something in an event loop of another thread: in this one, Playwright has a loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def _fail(settings: Settings, ids: Sequence[str]) -> None:
    """Send the requests that fail, and wait until all of them are letters."""
    topology = app.topology(settings)
    with BlockingClient(settings.amqp_url, topology=topology, name="browser tests", patience=LIMIT) as client:
        wait_until(lambda: _try(client, "stock", {"article": "lamp"}), "an answer of the worker", limit=LIMIT)
        for (action, data), name in zip(FAILING, ids or repeat(None), strict=False):
            _try(client, action, data, name)

    def letters() -> int | None:
        return _run(report_queues(settings.amqp_url, topology))[-1].messages

    wait_until(lambda: letters() == len(FAILING), "the letters of all requests", limit=LIMIT)


def _try(client: BlockingClient, action: str, data: dict[str, Any], name: str | None = None) -> bool:
    try:
        client.call(action, data, id=name, timeout=0.3)
    except LeveretError:
        return False
    return True


@contextmanager
def serving_console(variables: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Serve a console of the shop while the block runs, and yield its address; those of one folder share accounts."""
    app.complete()
    settings = app.defaults.updated(variables)
    store = ConsoleStore(f"sqlite:///{folder / 'console.db'}", time.time)
    store.prepare()
    for name, role in (("ada", "operator"), ("grace", "viewer")):
        store.add_user(name, role, hash_password(PASSWORD))  # type: ignore[arg-type]  # both are roles

    def again(*words: str) -> list[str]:
        named = [f"{name}={value}" for name, value in variables.items()]
        target = ["scripts.console_demo.shop:app", "--app-dir", str(ROOT)]
        return ["env", *named, sys.executable, "-m", "leveret", *with_target(words, target)]

    with tempfile.TemporaryDirectory(dir=folder) as own:
        site = Site(
            app=app, settings=settings, store=store, again=again, index=Path(own) / "letters.db", development=True
        )
        config = uvicorn.Config(build_console(site), port=0, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            wait_until(lambda: server.started, "a server that listens", limit=LIMIT)
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(LIMIT)
            store.close()
