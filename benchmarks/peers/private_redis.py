"""A Redis server for the results of one worker's calls, for libraries that do not answer through the broker."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT = 10.0
"""Seconds within which Redis has to listen."""

# A shell that ends Redis and removes its socket ($0) when its input ends. The input is a pipe that the kernel closes
# even if the worker is killed. The shell has a session of its own, so that no signal to the worker's group reaches it.
GUARD = '"$@" & read -r _; kill -KILL $!; wait; rm -f "$0"'


@contextmanager
def private_redis(url: str, queue: str) -> Iterator[str]:
    """Run a Redis that keeps nothing on disk, and yield its address; it ends with this process, even after `kill -9`.

    Args:
        url: the broker's URL; the address is made from it and from the queue.
        queue: the worker's queue; only one worker at a time can use it.

    Raises:
        SystemExit: there is no redis-server, or it does not listen.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("there is no redis-server: install it (Debian: apt-get install redis-server)")
    socket = _socket(url, queue)
    socket.unlink(missing_ok=True)
    server = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, str(socket), *server],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(socket)
        yield redis_address(url, queue)
    finally:
        guard.communicate()


def redis_address(url: str, queue: str) -> str:
    """Return the address of the Redis that belongs to the worker of a queue."""
    return f"unix://{_socket(url, queue)}"


def _socket(url: str, queue: str) -> Path:
    name = hashlib.sha256(f"{url} {queue}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"bench-redis-{name}.sock"


def _wait_for(socket: Path) -> None:
    end = time.monotonic() + LIMIT
    while not socket.exists():
        if time.monotonic() > end:
            raise SystemExit(f"redis-server does not listen at {socket}")
        time.sleep(0.01)
