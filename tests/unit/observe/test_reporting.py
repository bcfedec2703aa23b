"""Reports of child processes over a loopback connection."""

import asyncio
import contextlib

import pytest

from leveret.observe.reporting import connected, receiving
from leveret.observe.reports import ProcessReport, Reports
from leveret.observe.totals import Totals

COUNTED = Totals(requests={"v1.greet": {"ok": 5}})


async def until_known(reports: Reports, count: int) -> None:
    async with asyncio.timeout(10):
        while len(reports.processes()) != count:  # noqa: ASYNC110 -- another task of this loop changes it
            await asyncio.sleep(0)


async def test_a_report_arrives_whole_and_stays_in_the_sum_when_its_process_ends() -> None:
    reports = Reports(1)
    async with receiving(reports) as greeting:
        async with connected(greeting.decode().strip()) as tell:
            tell(ProcessReport(pid=7, totals=COUNTED, database=0.5))
            await until_known(reports, 1)
            assert reports.processes()[0].report == ProcessReport(pid=7, totals=COUNTED, database=0.5)
        await until_known(reports, 0)
        assert reports.totals() == Totals().plus(COUNTED)


async def test_without_the_secret_nothing_is_taken() -> None:
    reports = Reports(1)
    async with receiving(reports) as greeting:
        port = greeting.split()[0].decode()
        async with connected(f"{port} wrong") as tell:
            tell(ProcessReport(pid=7, totals=COUNTED))
            reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
            writer.write(b"also wrong\n")
            assert await reader.read() == b""
            writer.close()
            assert reports.processes() == []


@pytest.mark.parametrize("invitation", ["", "1 secret", "no port"])
async def test_a_process_that_cannot_report_works_on(invitation: str, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(invitation) as tell:
        tell(ProcessReport(pid=7))
    assert "metrics of this process are not reported" in caplog.text


async def test_a_parent_that_is_gone_does_not_disturb() -> None:
    async with contextlib.AsyncExitStack() as parent:
        greeting = await parent.enter_async_context(receiving(Reports(1)))
        async with connected(greeting.decode().strip()) as tell:
            await parent.aclose()
            for _ in range(10):
                tell(ProcessReport(pid=7, totals=COUNTED))
                await asyncio.sleep(0)
