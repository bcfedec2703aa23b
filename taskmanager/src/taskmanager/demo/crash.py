"""The step about a crash: a worker is killed while it runs a request, and another worker answers the request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from taskmanager.demo.checks import check
from taskmanager.demo.demonstration import Demonstration, Exchange

_TITLE = "Survive a crash"


def killed_worker(demo: Demonstration) -> None:
    """Kill a worker after its INSERT and before its commit."""
    step = demo.begin(
        "a worker killed while it runs a request",
        "The worker has written the task but not committed it when kill -9 ends it. The broker delivers the request to "
        "another worker.",
    )
    data = {"title": _TITLE, "simulate_hang": True}
    logs = demo.system.logs
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(demo.receive, step, "create_task", data)
        hang = logs.wait(lambda line: line.message == f"simulated hang for {step}", f"'simulated hang for {step}'")
        process = demo.system.workers.kill(hang.worker)
        received = asked.result()
    done = logs.wait(lambda line: line.message == f"ok: {step} v1.create_task", f"'ok: {step} v1.create_task'")
    lines = [line for line in logs.lines() if line.is_about(step) or f"process {process})" in line.message]
    exchange = Exchange(demo.request(step, "create_task", data), received, lines)
    demo.show(exchange)
    demo.succeeded(exchange)
    check(done.worker != hang.worker, f"a worker other than the killed {hang.worker} answers")
    count = sum(task["title"] == _TITLE for task in demo.tasks())
    check(count == 1, f"exactly one task exists, not {count}")
    demo.screen.checked(f"{hang.worker} died, {done.worker} answered, and there is 1 task.")
