"""The step about idempotency: three requests with the same id have one effect and one response."""

from __future__ import annotations

from taskmanager.demo.checks import check
from taskmanager.demo.demonstration import Demonstration


def idempotency(demo: Demonstration) -> None:
    """Send one create_task three times."""
    before = len(demo.tasks())
    step = demo.begin(
        "the same request, three times",
        "A caller that got no answer sends the request again with the same id. One task is created, and each "
        "repetition gets the stored response, byte for byte.",
    )
    data = {"title": "Order cake, exactly one"}
    first = demo.ask(step, "create_task", data, expect=f"ok: {step} v1.create_task")
    again = [demo.ask(step, "create_task", data, expect=f"idem-replay: {step} v1.create_task") for _ in range(2)]
    last = again[-1]
    demo.show(last)
    demo.succeeded(first)
    bodies = {exchange.received.body for exchange in (first, *again)}
    check(len(bodies) == 1, f"the three responses are the same bytes; got {bodies}")
    wanted = [f"ok: {step} v1.create_task"] + [f"idem-replay: {step} v1.create_task"] * 2
    check(last.messages == wanted, f"the log says {wanted}; it says {last.messages}")
    tasks = demo.tasks()
    check(len(tasks) == before + 1, f"there is one task more than the {before} before; now there are {len(tasks)}")
    demo.screen.checked(
        f"3 requests, the same {len(last.received.body)} bytes 3 times, 1 new task: {before} before, {len(tasks)} now."
    )
