"""The scene of a crash: a worker is killed with a request in its hands, and another one answers it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from taskmanager.demo.promises import promise
from taskmanager.demo.story import Exchange, Story

_TITLE = "Survive a crash"


def killed_worker(story: Story) -> None:
    """Kill a worker between its INSERT and its commit."""
    step = story.begin(
        "a worker killed with a request in its hands",
        "The worker has written the task and not committed it when kill -9 ends it. The broker hands the request to "
        "another worker.",
    )
    data = {"title": _TITLE, "simulate_hang": True}
    book = story.stage.book
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(story.receive, step, "create_task", data)
        hang = book.wait(lambda line: line.message == f"simulated hang for {step}", f"'simulated hang for {step}'")
        process = story.stage.crew.kill(hang.worker)
        received = asked.result()
    done = book.wait(lambda line: line.message == f"ok: {step} v1.create_task", f"'ok: {step} v1.create_task'")
    lines = [line for line in book.lines() if line.is_about(step) or f"process {process})" in line.message]
    exchange = Exchange(story.request(step, "create_task", data), received, lines)
    story.show(exchange)
    story.succeeded(exchange)
    promise(done.worker != hang.worker, f"another worker answers than the killed {hang.worker}")
    count = sum(task["title"] == _TITLE for task in story.tasks())
    promise(count == 1, f"exactly one task came of it, not {count}")
    story.screen.verdict(f"{hang.worker} died, {done.worker} answered, and there is 1 task.")
