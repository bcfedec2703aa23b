"""A Redis server for the results of one worker's calls, for those libraries that do not answer through the broker."""

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
"""Seconds until Redis must listen."""

# A shell that ends Redis, and removes its socket ($0), at the end of its own input: a pipe that the kernel closes
# however the worker dies. It has a session of its own: a signal to the worker's group, SIGKILL too, spares it.
GUARD = '"$@" & read -r _; kill -KILL $!; wait; rm -f "$0"'


@contextmanager
def private_redis(url: str, queue: str) -> Iterator[str]:
    """Run a Redis that keeps nothing on disk, and give its address; it ends with this process, `kill -9` included.

    Args:
        url: with the queue, what its address is made of.
        queue: one worker at a time can have it.

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
    """The address of the Redis that belongs to the worker of a queue."""
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
