"""Functions that wait for a condition instead of some time, and functions that look at processes."""

import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path


def wait_until(holds: Callable[[], object], what: str, *, limit: float = 10.0) -> None:
    """Wait until a condition holds; fail with its name if it does not hold within the limit, in seconds."""
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, f"not within {limit:g} s: {what}"
        time.sleep(0.02)  # pause between two looks


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    done = subprocess.run(["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] not in {"", "Z"}


def wait_until_gone(pids: Iterable[int], *, limit: float = 10.0) -> None:
    """Wait until none of the processes runs any more."""
    wanted = list(pids)
    wait_until(lambda: not any(map(is_alive, wanted)), f"the end of the processes {wanted}", limit=limit)


def processes_of(folder: Path) -> list[int]:
    """Return the processes whose environment names the folder, such as a private broker and its children (Linux).

    A process that runs in another root (chroot) sees the folder under another path.
    """
    found = []
    for entry in Path("/proc").iterdir():
        try:
            root = (entry / "root").readlink() if entry.name.isdigit() else None
            if root is None or not folder.is_relative_to(root):
                continue
            if str("/" / folder.relative_to(root)).encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:  # the process has ended meanwhile, or belongs to another user
            continue
    return found


def wait_until_left(folder: Path) -> None:
    """Wait until no process of the folder runs: the system ends a killed broker's own children a moment later."""
    wait_until(lambda: not processes_of(folder), f"the end of the processes of {folder}")


def wait_until_registered(folder: Path, queue: str) -> None:
    """Wait until the private broker in the folder has written a quorum queue to disk, so that it survives a crash."""
    wait_until(
        lambda: any(queue.encode() in file.read_bytes() for file in (folder / "data").rglob("names.dets")),
        f"the queue {queue} in the broker's registry",
    )
