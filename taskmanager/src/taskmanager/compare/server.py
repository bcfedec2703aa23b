"""The system that is compared: the Task Manager with one more action, whose capacity is the same on every machine.

``create_slowly`` creates a task as ``create_task`` does, after a step outside the database that takes a fixed time and
is done one at a time in each process, as if it asked another service. The environment variable ``COMPARE_COST`` is that
time in seconds. With ``COMPARE_BROKEN`` the action fails, as after a bad deployment.
"""

from __future__ import annotations

import asyncio
from typing import Final

import sqlalchemy as sa

from leveret.cli.program import Program
from leveret.settings import environment
from taskmanager import usecases
from taskmanager.actions import TaskContext, app
from taskmanager.actions.registry import caller
from taskmanager.actions.v2 import CreateTaskV2, TaskV2

ACTION: Final = "create_slowly"
PATH: Final = "/api/v2/slow-tasks/"
COST: Final = "COMPARE_COST"
BROKEN: Final = "COMPARE_BROKEN"


def main() -> None:
    """Run the command ``taskmanager`` with this action."""
    given = environment()
    _add_action(float(given[COST]), is_broken=BROKEN in given)
    app.command("taskmanager", module=__name__).run(Program("taskmanager"))


def _add_action(cost: float, *, is_broken: bool) -> None:
    one_at_a_time = asyncio.Semaphore(1)

    @app.action("v2", ACTION, writes=True)
    async def create_slowly(context: TaskContext, wanted: CreateTaskV2) -> TaskV2:
        """Create a task owned by the caller, after a step outside the database."""
        if is_broken:
            raise RuntimeError("this deployment is broken")
        async with one_at_a_time:
            await asyncio.sleep(cost)
        owner, now = caller(context), context.now

        def create(connection: sa.Connection) -> TaskV2:
            return TaskV2.of(usecases.create_task(connection, owner, wanted.task, now))

        return await context.transaction(create)

    app.route(f"POST {PATH}", f"v2.{ACTION}", status=201)


if __name__ == "__main__":
    main()
