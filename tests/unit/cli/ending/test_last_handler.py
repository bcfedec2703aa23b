"""Whatever goes wrong in a command, at whatever moment: one line and an exit code, and no traceback."""

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from leveret.cli.ending.last_handler import run_to_end
from leveret.cli.program import Program
from leveret.process.exit_codes import INTERRUPTED, UNFORESEEN

PROGRAM = """
import os, signal, sys, threading
from leveret.cli.ending import last_handler
from leveret.cli.program import Program

def command():
    {body}

sys.exit(last_handler.run_to_end(command, Program("taskmanager")))
"""


def run(body: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(body="\n    ".join(body.splitlines()))
    return subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False, env=variables, timeout=60
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{}['a key']", r"Unforeseen KeyError: 'a key' \(<string>, line \d+\)\. This is a fault of the program; .*"),
        ("assert False", r"Unforeseen AssertionError \(.*"),
        ("raise BaseException('anything')", r"Unforeseen BaseException: anything \(.*"),
        ("raise ExceptionGroup('two', [ValueError('a'), KeyError('b')])", r"Unforeseen ExceptionGroup: two .*"),
        ("raise GeneratorExit", r"Unforeseen GeneratorExit \(.*"),
        ("import no_such_library", r"Unforeseen ModuleNotFoundError: No module named 'no_such_library' \(.*"),
        ("command()", r"Unforeseen RecursionError: maximum recursion depth exceeded.* \(.*"),
        ("raise MemoryError", r"There is not enough memory; what was asked for may have been done"),
        ("bytearray(2**62)", r"There is not enough memory; what was asked for may have been done"),
        ("open('/no/such/file')", r"No such file or directory: /no/such/file; what was asked for may have been done"),
        ("raise OSError('odd')", r"Unforeseen OSError: odd \(.*"),
        (
            "raise ValueError('a\\nok: forged\\x1b[2J\\u202e')",
            r"Unforeseen ValueError: a\\nok: forged\\x1b\[2J\\u202e .*",
        ),
        ("raise ValueError('eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdef')", r"Unforeseen ValueError: \[removed\] .*"),
        ("raise UnicodeError('\\udce4')", r"Unforeseen UnicodeError: \\udce4 .*"),
    ],
)
def test_an_unforeseen_error_is_one_line_and_has_its_own_exit_code(body: str, words: str) -> None:
    done = run(body)
    assert done.returncode == UNFORESEEN
    assert re.fullmatch(rf"taskmanager: {words}\n", done.stderr), done.stderr
    assert done.stdout == ""


def test_who_asks_for_details_gets_the_traceback() -> None:
    done = run("{}['a key']", TASKMANAGER_LOG_LEVEL="debug")
    assert done.returncode == UNFORESEEN
    assert done.stderr.startswith("taskmanager: Unforeseen KeyError: 'a key'")
    assert "Traceback (most recent call last)" in done.stderr


@pytest.mark.parametrize(
    ("body", "code", "errors"),
    [
        ("pass", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('words')", 1, "words\n"),
        ("os.kill(os.getpid(), signal.SIGINT)", INTERRUPTED, ""),
        ("raise KeyboardInterrupt", INTERRUPTED, ""),
        ("print('x'); sys.exit(2)", 2, ""),
    ],
)
def test_other_ends_keep_their_exit_code(body: str, code: int, errors: str) -> None:
    done = run(body)
    assert (done.returncode, done.stderr) == (code, errors)


def test_what_goes_wrong_in_a_thread_or_a_finalizer_is_a_line_too() -> None:
    done = run(
        "class Odd:\n    def __del__(self):\n        raise ValueError('in a finalizer')\n"
        "Odd()\n"
        "thread = threading.Thread(target=lambda: {}['in a thread'], name='t')\nthread.start()\nthread.join()\n"
        "import logging; logging.getLogger('a.library').warning('look\\nhere')"
    )
    assert done.returncode == 0
    first, second, third = done.stderr.splitlines()
    assert first.startswith("taskmanager: Unforeseen ValueError: in a finalizer")
    assert second.startswith("taskmanager: thread t: Unforeseen KeyError: 'in a thread'")
    assert third == r"taskmanager: look\nhere"


@pytest.mark.parametrize(
    "module",
    [
        "leveret.application",
        "leveret.process.garbage",
        "typer",
        "taskmanager.actions",
        "leveret.cli.operating.topology",
        "rich.table",
    ],
)
def test_ctrl_c_while_it_imports_ends_it_without_words(module: str, tmp_path: Path) -> None:
    program = f"""
import os, signal, sys
from taskmanager import cli

class Interrupt:
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt)
sys.argv[1:] = ["topology", "show"]
cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
    )
    assert done.stderr == ""
    assert done.returncode in (-signal.SIGINT, INTERRUPTED)


def test_a_command_may_run_in_another_thread() -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(run_to_end(lambda: None, Program("guestbook"))))
    thread.start()
    thread.join()
    assert codes == [0]
