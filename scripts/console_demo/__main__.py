"""Starts a private broker, workers, load with failures of three causes, and the console; Ctrl-C ends all of it."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from leveret.client import BlockingClient
from leveret.devbroker import DevBroker
from leveret.errors import LeveretError
from leveret.observe.recorder.folder import LOCK_SUFFIX, default_folder, files_of
from leveret.process.interrupts import interruptible, undisturbed
from leveret.topology import Topology
from scripts.console_demo.load import send_for_ever

_ROOT = Path(__file__).resolve().parents[2]
_APP = "scripts.console_demo.shop:app"
_LIMIT = 20.0


def main() -> None:
    """Run the demonstration until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make console-demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8807, help="port of the console; 0 for a free one")
    parser.add_argument(
        "--metrics-port", type=int, default=9464, help="port of the first worker's metrics; 0 for a free one"
    )
    parser.add_argument("--workers", type=int, default=2, help="workers; each begins again when shop.py changes")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two requests of the load")
    options = parser.parse_args()
    for name, port in (("--port", options.port), ("--metrics-port", options.metrics_port)):
        if not _is_free(port):
            parser.error(f"port {port} is taken: choose another one with {name}, or 0 for any")
    with interruptible(), suppress(KeyboardInterrupt), ExitStack() as stack:
        try:
            _run(stack, options)
        finally:
            with undisturbed():
                stack.close()
    _say("Everything is stopped, and its folder is removed.")


def _run(stack: ExitStack, options: argparse.Namespace) -> None:
    folder = Path(tempfile.mkdtemp(prefix="console-demo-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    broker = stack.enter_context(DevBroker())
    where = {
        "SHOP_AMQP_URL": broker.url,
        "SHOP_DATABASE_URL": f"sqlite:///{(folder / 'shop.db').as_posix()}",
        "SHOP_RETRY_DELAY": "300ms",  # a part of the queue of retries, so `doctor` compares it
    }
    environment = {
        **os.environ,
        **where,
        "SHOP_ENVIRONMENT": "demonstration",
        "SHOP_STATUS_REPORTS": "on",
        "SHOP_RECORDER": "on",
    }
    password = secrets.token_urlsafe(12)
    for name, role in (("ada", "operator"), ("grace", "viewer")):
        words = ["console", "user", "add", name, "--role", role]
        _command(words, environment, stdin=subprocess.PIPE).communicate(f"{password}\n".encode())
    stack.callback(_remove_recordings, time.time())
    log = folder / "workers.log"
    for number in range(options.workers):
        metrics = ["--metrics-port", str(options.metrics_port)] if number == 0 else []
        with log.open("ab") as output:
            stack.callback(_end, _command(["worker", "--reload", *metrics], environment, output=output))
    console = _command(["console", "--port", str(options.port)], environment)
    stack.callback(_end, console)
    _say(f"Sign in as ada (operator) or grace (viewer), password {password}")
    _say(
        "Commands in another terminal, such as `.venv/bin/leveret letters groups scripts.console_demo.shop:app`, need:"
    )
    _say("  export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in where.items()))
    _say(f"The workers' log: {log}")
    if options.metrics_port:
        _say(f"What the first worker counts: http://127.0.0.1:{options.metrics_port}/metrics")
    client = BlockingClient(broker.url, topology=Topology("shop"), name="console demo", patience=_LIMIT)
    stack.callback(client.close)
    logging.getLogger("leveret").setLevel(logging.ERROR)  # the client warns that there are no queues yet
    client.connect()
    _wait_for_workers(client)
    send_for_ever(client, options.pause)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - a program for people


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


def _remove_recordings(since: float) -> None:
    """Remove the recordings of this demonstration's workers: they stay for an operator, and nobody wants these."""
    for each in files_of(default_folder(), "shop"):
        if each.header.started >= since and not each.alive:
            each.path.unlink(missing_ok=True)
            each.path.with_suffix(LOCK_SUFFIX).unlink(missing_ok=True)


def _command(
    words: Sequence[str],
    environment: dict[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    output: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "leveret", *words, _APP, "--app-dir", str(_ROOT)]
    return subprocess.Popen(  # noqa: S603 - ourselves
        command, env=environment, stdin=stdin, stdout=output, stderr=output, process_group=0
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
