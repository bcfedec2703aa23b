"""Starts a private broker, workers, load with failures of three causes, and the console; Ctrl-C ends all of it."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from leveret.client import BlockingClient
from leveret.devbroker import DevBroker
from leveret.errors import LeveretError
from leveret.process.interrupts import interruptible, undisturbed
from leveret.topology import Topology
from scripts.console_demo.load import send_for_ever

_ROOT = Path(__file__).resolve().parents[2]
_APP = "scripts.console_demo.shop:app"
_LIMIT = 20.0


def main() -> None:
    """Run the demonstration until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make console-demo", description=__doc__)
    parser.add_argument("--port", default="8807", help="port of the console; 0 for a free one")
    parser.add_argument("--workers", default="2", help="worker processes")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two requests of the load")
    options = parser.parse_args()
    with interruptible(), suppress(KeyboardInterrupt), ExitStack() as stack:
        try:
            _run(stack, options)
        finally:
            with undisturbed():
                stack.close()
    print("Everything is stopped, and its folder is removed.")  # noqa: T201 - a program for people


def _run(stack: ExitStack, options: argparse.Namespace) -> None:
    folder = Path(tempfile.mkdtemp(prefix="console-demo-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    broker = stack.enter_context(DevBroker())
    environment = {
        **os.environ,
        "SHOP_AMQP_URL": broker.url,
        "SHOP_DATABASE_URL": f"sqlite:///{(folder / 'shop.db').as_posix()}",
        "SHOP_RETRY_DELAY": "300ms",
        "SHOP_ENVIRONMENT": "demonstration",
        "SHOP_STATUS_REPORTS": "on",
        "SHOP_LETTERS_STREAM": "256MiB",
        "SHOP_RECORDER": "on",
    }
    password = secrets.token_urlsafe(12)
    for name, role in (("ada", "operator"), ("grace", "viewer")):
        words = ["console", "user", "add", name, "--role", role]
        _command(words, environment, stdin=subprocess.PIPE).communicate(f"{password}\n".encode())
    workers = _command(["worker", "--processes", options.workers, "--log-level", "error"], environment)
    stack.callback(_end, workers)
    console = _command(["console", "--port", options.port], environment)
    stack.callback(_end, console)
    print(f"Sign in as ada (operator) or grace (viewer), password {password}", flush=True)  # noqa: T201 - as above
    client = BlockingClient(broker.url, topology=Topology("shop"), name="console demo", patience=_LIMIT)
    stack.callback(client.close)
    client.connect()
    _wait_for_workers(client)
    send_for_ever(client, options.pause)


def _wait_for_workers(client: BlockingClient) -> None:
    """Call until a worker answers: before, the queues do not exist."""
    give_up = time.monotonic() + _LIMIT
    while True:
        try:
            client.call("stock", {"article": "lamp"}, timeout=1.0)
        except LeveretError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)
        else:
            return


def _command(
    words: Sequence[str], environment: dict[str, str], *, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "leveret", *words, _APP, "--app-dir", str(_ROOT)]
    return subprocess.Popen(command, env=environment, stdin=stdin, process_group=0)  # noqa: S603 - ourselves


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
