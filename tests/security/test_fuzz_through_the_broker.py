"""The same messages gone wild, through a real broker to a real worker process: all end, and it stays as it was."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis.strategies import SearchStrategy

from leveret.amqp import Message, Properties
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.broker.queues import report_queues
from support.command import Commands, RunningCommand
from support.fuzzing import Fuzzer, Sample, fuzzers
from support.memory import memory_of
from support.serving import Caller, calling, into, until

SAMPLES = 5_000
WARM = 1_000
TOGETHER = 100
"""Messages that one fuzzer makes, and that are sent at once."""

MOST_GROWTH = 32 * 1024 * 1024
"""Bytes that the worker may grow between the 1,000th message and the last."""

ENDS = re.compile(r" worker\[\d+\] (?:ok|refused|dead-lettered|idem-replay): ")


@pytest.mark.parametrize("commands", ["sqlite"], indirect=True)
async def test_5_000_messages_gone_wild_each_end_and_the_worker_neither_falls_nor_grows(commands: Commands) -> None:
    commands.variables["MAX_RETRIES"] = "1"
    worker = await asyncio.to_thread(commands.worker)
    token = await asyncio.to_thread(commands.log_in)
    before = ended(worker)
    sent: dict[str, Sample] = {}
    async with calling(commands.settings.amqp_url, commands.topology) as caller:
        own = (await caller.channel.declare_queue("", exclusive=True, durable=False)).name
        await caller.channel.consume(own, into(caller.replies), no_ack=True)
        others = [queue.name for queue in commands.topology.queues]
        grown = 0

        async def each_ends(fuzzer: Fuzzer) -> None:
            nonlocal grown
            samples = {f"z{number}": fuzzer.sample() for number in range(len(sent), len(sent) + TOGETHER)}
            sent.update(samples)
            await publish(caller, samples)
            await until(lambda: ended(worker) - before >= len(sent), f"the end of {len(sent)} messages")
            if len(sent) in (WARM, SAMPLES):
                grown = memory_of(worker.process.pid) - grown

        made = fuzzers([*(8 * [token]), f"Bearer {token}", token[:-2], "", "a.b.c"], wild_replies(own, others))
        await asyncio.to_thread(search, made, each_ends, asyncio.get_running_loop())
        ends = {reply.properties.correlation_id for reply in drain(caller)}
        ends |= {letter.properties.correlation_id for letter in await all_letters(caller)}
        reports = await report_queues(commands.settings.amqp_url, commands.topology)
        assert [report.messages for report in reports] == [0] * len(reports)
        assert reports[0].consumers == 1
        assert (await caller.ask(b"{"))["code"] == "invalid_request"
        await until(lambda: ended(worker) - before > SAMPLES, "the line of the last one, written after its confirm")
        output = worker.output  # before its queues are removed, which it is to notice
    assert grown < MOST_GROWTH, f"{grown} bytes more"
    assert len(ENDS.findall(output)) - before == SAMPLES + 1
    silent = [sample for name, sample in sent.items() if name not in ends]
    assert not [sample for sample in silent if sample.properties["reply_to"]], "neither answer nor letter"
    assert output.count("Traceback") == output.count("lost the broker") == 0
    assert output.count("cannot be read") == 0
    assert ends <= sent.keys()


def search(
    made: SearchStrategy[Fuzzer], holds: Callable[[Fuzzer], Coroutine[Any, Any, None]], loop: asyncio.AbstractEventLoop
) -> None:
    """Have hypothesis choose fuzzers, the same ones in every run; without shrinking, since what was sent is sent."""

    @settings(max_examples=SAMPLES // TOGETHER, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(made)
    def each_holds(fuzzer: Fuzzer) -> None:
        asyncio.run_coroutine_threadsafe(holds(fuzzer), loop).result()

    each_holds()


def wild_replies(own: str, others: list[str]) -> list[str | None]:
    return [None, *(4 * [own, DIRECT_REPLY_TO]), *others, "tasks"]


def ended(worker: RunningCommand) -> int:
    return len(ENDS.findall(worker.output))


async def publish(caller: Caller, samples: dict[str, Sample]) -> None:
    messages = []
    for name, sample in samples.items():
        asked: dict[str, Any] = sample.properties | {"correlation_id": name}
        if headers := asked.get("headers"):
            asked["headers"] = {key: value for key, value in headers.items() if passes(key, value)}
        to = caller.topology
        messages.append(Message(sample.body, to.requests, to.exchange, Properties(**asked), mandatory=True))
    assert await caller.channel.publish_batch(messages) == [None] * len(messages)


def passes(name: str, value: Any) -> bool:
    """Whether the broker takes such a header: it ends whoever sends it a CC of another type, or, 3.10, no number."""
    return name not in ("CC", "BCC") and not re.search(r"\b(nan|inf)\b", repr(value))


def drain(caller: Caller) -> list[Any]:
    return [caller.replies.get_nowait() for _ in range(caller.replies.qsize())]


async def all_letters(caller: Caller) -> list[Any]:
    found = []
    while (got := await caller.channel.get(caller.topology.dead_letters, no_ack=True)) is not None:
        found.append(got.delivery)
    return found
