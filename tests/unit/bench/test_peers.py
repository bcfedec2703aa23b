"""The peers of the benchmark: what their clients count, and that each one has the command line that all share."""

import ast
import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

import tally
from tally import Figures, Load, Request, concurrent_calls, windowed_calls
from testbed.waiting import is_alive, wait_until

ROOT = Path(__file__).resolve().parents[3]
PEERS = sorted((ROOT / "benchmarks" / "peers").glob("*_peer.py"))
LOCKED = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "peers.txt").read_text(), re.MULTILINE))
LOAD = Load("url", "queue", count=20, in_flight=4, size=16)


async def right(request: Request) -> object:
    await asyncio.sleep(0)
    return dict(request)


async def of_another(request: Request) -> object:
    return {**request, "id": "another"}


async def never(_request: Request) -> object:
    return await asyncio.Future()


async def broken(_request: Request) -> object:
    raise ConnectionError("lost")


async def figures_of(call: Callable[[Request], Awaitable[object]]) -> Figures:
    return await concurrent_calls(LOAD, call)


async def test_right_replies_are_counted() -> None:
    figures = await figures_of(right)
    assert (figures.replies, figures.wrong, figures.in_flight) == (20, 0, 4)
    assert 0 < figures.p50_ms <= figures.p99_ms <= figures.seconds * 1000 + 0.1


def test_calls_of_the_warm_up_are_checked_and_are_in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def receive(request: Request) -> Request:
        nonlocal now
        warming_up = int(request["id"].rpartition("-")[2]) <= 4
        now += 100.0 if warming_up else 1.0
        return {} if warming_up else request

    monkeypatch.setattr("tally.time.perf_counter", lambda: now)
    figures = windowed_calls(replace(LOAD, warm_up=4, in_flight=1), lambda request: request, receive)
    assert figures == Figures(replies=20, wrong=4, seconds=20.0, in_flight=1, p50_ms=1000.0, p99_ms=1000.0)


async def test_a_reply_with_other_content_is_wrong() -> None:
    assert (await figures_of(of_another)).wrong == 20


async def test_replies_that_do_not_come_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "SILENCE_LIMIT", 0.05)
    assert (await figures_of(never)).replies == 0


async def test_a_call_that_fails_fails_the_run() -> None:
    with pytest.raises(ConnectionError):
        await figures_of(broken)


def test_a_window_is_filled_and_each_reply_belongs_to_its_request() -> None:
    waiting: list[str] = []
    most = 0

    def send(request: Request) -> Request:
        nonlocal most
        waiting.append(request["id"])
        most = max(most, len(waiting))
        return request

    def receive(request: Request) -> Request:
        waiting.remove(request["id"])
        return request

    figures = windowed_calls(LOAD, send, receive)
    assert (figures.replies, figures.wrong, most) == (20, 0, LOAD.in_flight)


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_a_peer_has_the_shared_command_line_and_names_locked_libraries(path: Path) -> None:
    runs = [node for node in ast.walk(ast.parse(path.read_text())) if is_run(node)]
    assert len(runs) == 1
    assert isinstance(runs[0], ast.Call)
    libraries = ast.literal_eval(runs[0].args[2])
    assert libraries
    assert set(libraries) - {"leveret"} <= LOCKED


def is_run(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "command.run"


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and signals of POSIX")
def test_a_redis_and_its_socket_end_with_a_worker_whose_whole_group_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "redis-server"
    program.write_text(f'#!/bin/sh\necho $$ >{tmp_path}/pid\ntouch "$4"\nexec sleep 60\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    hold = "from private_redis import *\nwith private_redis('url', 'queue') as it: print(it, flush=True); input()"
    command = [sys.executable, "-c", hold]
    with subprocess.Popen(
        command, cwd=PEERS[0].parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as worker:
        assert worker.stdout is not None
        socket = Path(worker.stdout.readline().strip().removeprefix("unix://"))
        assert socket.exists()
        os.killpg(worker.pid, signal.SIGKILL)
    wait_until(lambda: not socket.exists(), "the end of the socket")
    assert not is_alive(int((tmp_path / "pid").read_text()))
