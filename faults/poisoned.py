"""A worker in whose hands some requests do harm, as a field of their data says; nothing in `src` knows of it.

It runs in the folder of the harm log: `python -m faults.poisoned`, with a worker's settings.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Final

import msgspec

from faults.working import work
from leveret.api import Action, Api
from leveret.observe import Received, Record, logs
from leveret.process.garbage import live_long
from leveret.process.running import run
from leveret.settings import environment
from taskmanager.actions import Services, TaskContext, app
from taskmanager.settings import Settings

COMMAND: Final = (sys.executable, "-P", "-m", "faults.poisoned")
POISON: Final = "poison"
"""The field; its value is one of the four below."""

RAISE: Final = "raise"
KILL: Final = "kill"
EAT: Final = "eat"
READ: Final = "read"
"""Kills while the message is read; the others do their harm when they run."""

HARM_LOG: Final = "harm.log"

MEMORY_LIMIT: Final = 320 * 2**20
"""Bytes: a process that has ever been larger is killed, as the kernel would. A worker at work needs about 100 MB."""

MOUTHFUL: Final = 8 * 2**20
MOST_EATEN: Final = 2**30
"""Bytes; whatever happens, the machine survives the suite."""

PATIENCE: Final = 30.0
"""Seconds that a request waits for the memory limit to strike before it says that there is none."""


def harm_done(folder: Path) -> Counter[str]:
    """How often each kind of harm was done so far."""
    try:
        return Counter(line.split(" ")[0] for line in (folder / HARM_LOG).read_text().splitlines())
    except FileNotFoundError:
        return Counter()


class PoisonedApi(Api[Services]):
    """The application's actions with a defect: some requests do harm, when their effect is made and not committed."""

    def __iter__(self) -> Iterator[Action]:
        return map(_poisoned, app)

    def find(self, version: str, name: str) -> Action:
        """Return the action, made harmful."""
        return _poisoned(app.find(version, name))


def _poisoned(action: Action) -> Action:
    return action if action.is_async else msgspec.structs.replace(action, function=_harmful(action.function))


def _harmful(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run_and_harm(context: TaskContext, *given: Any, **named: Any) -> Any:
        value, harm = function(context, *given, **named), context.request.data.get(POISON)
        if harm in HARMS:
            HARMS[harm](f"{harm} {context.request.id}\n")
        return value

    return run_and_harm


def die_of_reading(record: Record) -> None:
    """An observer: messages with the field kill who reads them, as a defect in a parser does."""
    if isinstance(record, Received) and f'"{POISON}":"{READ}"'.encode() in record.subject.delivery.body:
        _kill(f"{READ} {record.subject.id}\n")


def _raise(line: str) -> None:
    _write(line)
    raise ZeroDivisionError("a defect that somebody left in an action")


def _kill(line: str) -> None:
    _write(line)
    os.kill(os.getpid(), signal.SIGKILL)


def _eat(line: str) -> None:
    global _last_words  # noqa: PLW0603 -- this process ends by it
    _last_words = line
    eaten: list[bytearray] = []
    while len(eaten) * MOUTHFUL < MOST_EATEN:
        eaten.append(bytearray(b"x") * MOUTHFUL)
        time.sleep(0.002)  # as fast as a leak may be while the limit's keeper gets a turn
    threading.Event().wait(PATIENCE)
    raise RuntimeError(f"no limit for memory: this request took {MOST_EATEN} bytes and lives")


HARMS: Final[dict[Any, Callable[[str], None]]] = {RAISE: _raise, KILL: _kill, EAT: _eat}
_last_words = ""


def keep_memory_limit() -> None:
    """Kill this process when it has grown too large, as the kernel does, with a limit that leaves the machine alone."""
    while _largest() < MEMORY_LIMIT:
        time.sleep(0.01)  # between two looks
    _write(_last_words or "eat -\n")
    os.kill(os.getpid(), signal.SIGKILL)


def _largest() -> int:
    """How large this process has been, in bytes; on Linux getrusage(2) would count who started it too."""
    status = Path("/proc/self/status")
    if status.exists():
        words = status.read_text().split()
        return int(words[words.index("VmHWM:") + 1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _write(line: str) -> None:
    opened = os.open(HARM_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(opened, line.encode())
    os.close(opened)


def main() -> None:
    """Work until SIGTERM."""
    settings = Settings.from_environment(environment())
    logs.configure("worker", level=settings.log_level, form=settings.log_format)
    threading.Thread(target=keep_memory_limit, daemon=True).start()
    live_long()
    run(lambda stop: work(settings, stop, actions=PoisonedApi(), observers=[die_of_reading]))


if __name__ == "__main__":
    main()
