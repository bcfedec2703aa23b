"""Child processes that end together, and always before the process that started them or with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ProcessGroup", "kill"]

# A shell that waits for the end of its input and then signals its whole group; until then it ignores other signals. The
# input is a pipe that only this process holds, and the kernel closes it however this process dies.
WATCH = 'trap "" INT QUIT TERM; read -r _; kill -s {signal} 0'
# A shell that waits for the end of its input and then removes a folder, several times because processes that are killed
# at the same moment may still write there. It is in a group of its own, so that it is not killed with them.
REMOVE = 'trap "" HUP INT QUIT TERM; read -r _; for pause in 1 2 4; do sleep $pause; rm -rf -- "$1"; done'


class ProcessGroup:
    """Child processes that end together.

    They end when `end` is called, and on POSIX also when this process ends for any reason, even by `kill -9`. Ctrl-C in
    the terminal does not reach them: it reaches this process, which then ends them. A process that was forked from this
    one without `exec` holds the pipe too, and keeps them alive as long as it lives.

    Args:
        orphan_signal: the signal that the processes get when this process has died; its name without `SIG`.
    """

    def __init__(self, *, orphan_signal: str = "KILL") -> None:
        self._orphan_signal = orphan_signal
        self._watch: subprocess.Popen[bytes] | None = None
        self._remover: subprocess.Popen[bytes] | None = None
        self._members: list[subprocess.Popen[bytes]] = []

    def start(
        self, command: Sequence[str], *, environment: Mapping[str, str], output: Path, user: str | None = None
    ) -> subprocess.Popen[bytes]:
        """Start one more process in the group, in the folder of its output file and with an empty standard input.

        Args:
            command: the program and its arguments.
            environment: the whole environment of the process.
            output: the file to which standard output and standard error are appended.
            user: the user to run it as, with the group of the same name; for root only, and not on Windows.

        Raises:
            OSError: the program cannot be started.
        """
        with output.open("ab") as stream:
            if sys.platform == "win32":
                process = subprocess.Popen(  # noqa: S603 - no shell, and the caller looked the program up
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                    cwd=output.parent,
                    env=environment,
                    creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
                )
            else:
                process = subprocess.Popen(  # noqa: S603 - no shell, and the caller looked the program up
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                    cwd=output.parent,
                    env=environment,
                    process_group=self._leader(),
                    user=user,
                    group=user,
                    extra_groups=None if user is None else [],
                )
        self._members.append(process)
        return process

    def remove_when_orphaned(self, folder: Path) -> None:
        """Have a folder removed when this process dies before it has called `end`; on POSIX only."""
        if sys.platform != "win32" and self._remover is None:
            self._remover = subprocess.Popen(  # noqa: S603 - a fixed text, which takes the folder as an argument
                ["/bin/sh", "-c", REMOVE, "sh", str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                process_group=0,
            )

    def end(self) -> None:
        """Kill every process of the group and wait until all are gone; without processes this does nothing."""
        if self._remover is not None:
            kill(self._remover)
            self._remover.communicate()
            self._remover = None
        for process in self._members:
            kill(process)
        self._members.clear()
        if self._watch is None:
            return
        if sys.platform != "win32":
            # The shell is not reaped yet, so no other group can have its number.
            os.killpg(self._watch.pid, signal.SIGKILL)
        self._watch.communicate()
        self._watch = None

    def _leader(self) -> int:
        """Return the id of the shell that leads the group; start the shell if there is none."""
        if self._watch is None:
            self._watch = subprocess.Popen(  # noqa: S603 - a fixed text and the name of a signal
                ["/bin/sh", "-c", WATCH.format(signal=self._orphan_signal)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                process_group=0,
            )
        return self._watch.pid


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill one process, on Windows with the processes that it started, and wait until it is gone."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a program of Windows itself
    else:
        process.kill()
    process.wait()
