"""`STATUS_REPORTS=on`: a worker publishes what it does, and `top` shows it."""

from __future__ import annotations

from support.command import Commands
from testbed.waiting import wait_until


def test_top_shows_the_workers_that_report(commands: Commands) -> None:
    commands.variables |= {"STATUS_REPORTS": "on"}
    worker = commands.worker()

    def shown() -> bool:
        done = commands.run("top", "--once", "--json")
        return f'"pid":{worker.process.pid}' in done.stdout.replace(" ", "")

    wait_until(shown, "the worker in top", limit=30)
    page = commands.run("top", "--once").stdout
    assert "a second  in 0   finished 0   failing 0" in page, "one look tells nothing of how many requests come"
    assert worker.stop() == 0
