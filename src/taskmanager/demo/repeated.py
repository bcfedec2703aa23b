"""The scene of idempotency: one id, sent three times, has one effect and one response."""

from __future__ import annotations

from taskmanager.demo.promises import promise
from taskmanager.demo.story import Story


def idempotency(story: Story) -> None:
    """Send one create_task three times."""
    before = len(story.tasks())
    step = story.begin(
        "the same request, three times",
        "A caller who got no answer asks again with the same id: one task, and the stored response, byte for byte.",
    )
    data = {"title": "Order cake, exactly one"}
    first = story.ask(step, "create_task", data, expect=f"ok: {step} v1.create_task")
    again = [story.ask(step, "create_task", data, expect=f"idem-replay: {step} v1.create_task") for _ in range(2)]
    last = again[-1]
    story.show(last)
    story.succeeded(first)
    bodies = {exchange.received.body for exchange in (first, *again)}
    promise(len(bodies) == 1, f"the three responses are the same bytes; got {bodies}")
    wanted = [f"ok: {step} v1.create_task"] + [f"idem-replay: {step} v1.create_task"] * 2
    promise(last.messages == wanted, f"the log says {wanted}; it says {last.messages}")
    tasks = story.tasks()
    promise(len(tasks) == before + 1, f"there is one task more than the {before} before; there are {len(tasks)}")
    story.screen.verdict(
        f"3 requests, 3 times the same {len(last.received.body)} bytes, 1 task: {before} before, {len(tasks)} now."
    )
