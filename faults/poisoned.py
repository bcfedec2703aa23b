"""A worker in whose hands some requests do harm, as a field of their data says; nothing in `src` knows of it.

It is started as a file, like `taskmanager worker`, in the folder of the harm log.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from leveret.amqp import Delivery
from leveret.inbox.batch import Job
from leveret.worker.arrive.intake import Intake
from leveret.worker.run.jobs import Jobs
from leveret.worker.work import Declined, Rejected, Work
from taskmanager.cli import main

COMMAND: Final = (sys.executable, "-P", str(Path(__file__).resolve()), "worker")
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


def poison() -> None:
    """Have requests with the field do harm, when their effect is made and not committed."""
    make_job = Jobs.job

    def make_harmful(self: Jobs, work: Work, run: Callable[[Any], bytes] | None = None, **how: Any) -> Job:
        job, harm = make_job(self, work, run, **how), work.request.data.get(POISON)

        def run_and_harm(connection: Any) -> bytes:
            response = job.run(connection)
            HARMS[harm](f"{harm} {work.request.id}\n")
            return response

        return msgspec.structs.replace(job, run=run_and_harm) if harm in HARMS else job

    Jobs.job = make_harmful  # type: ignore[method-assign]  # see the docstring of this file


def poison_reading() -> None:
    """Have messages with the field kill who reads them, as a defect in a parser does."""
    take = Intake.take

    def take_and_die(self: Intake, delivery: Delivery) -> Work | Rejected | Declined:
        if f'"{POISON}":"{READ}"'.encode() in delivery.body:
            _kill(f"{READ} {delivery.properties.correlation_id}\n")
        return take(self, delivery)

    Intake.take = take_and_die  # type: ignore[method-assign]  # see the docstring of this file


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


if __name__ == "__main__":
    poison()
    poison_reading()
    threading.Thread(target=keep_memory_limit, daemon=True).start()
    main()
