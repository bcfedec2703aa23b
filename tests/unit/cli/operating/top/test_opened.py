"""What is known of a request is asked for once, and shown when it is there."""

import asyncio

from leveret.cli.operating.top.opened import telling
from leveret.operate.explain import BlindSpot, Explanation


async def test_a_request_is_asked_about_once_and_another_one_anew() -> None:
    asked: list[str] = []
    answer = asyncio.Event()

    async def explain(request_id: str) -> Explanation:
        asked.append(request_id)
        await answer.wait()
        return Explanation(id=request_id, stories=(), blind=(BlindSpot("database", "away"),))

    async with telling(explain) as told:
        assert told(None) == ()
        for _ in range(2):
            assert told("a") == ["asking database and queues ..."]
            await asyncio.sleep(0)
        answer.set()
        for _ in range(3):  # the task wakes, and ends
            await asyncio.sleep(0)
        assert told("a") == ["a: nothing is known of this request.", "What cannot be known:", "  database: away"]
        told(None)
        assert told("b") == ["asking database and queues ..."]
        await asyncio.sleep(0)
    assert asked == ["a", "b"]
