"""Collects the deliveries to a test's consumer."""

import asyncio

from leveret.amqp import Channel, Delivery


class DeliveryCollector:
    """Collects deliveries, and waits until there are as many as a test wants."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.batches: list[list[Delivery]] = []
        self._more = asyncio.Event()

    def take(self, batch: list[Delivery]) -> None:
        self.batches.append(batch)
        self._more.set()

    @property
    def deliveries(self) -> list[Delivery]:
        return [delivery for batch in self.batches for delivery in batch]

    async def until(self, count: int) -> list[Delivery]:
        async with asyncio.timeout(20):
            while len(self.deliveries) < count:
                self._more.clear()
                await self._more.wait()
        return self.deliveries
