"""How long does a test of an application wait for its test client?

    python benchmarks/testclient.py [--count N]

Measured in one process, after the imports: making a `TestClient`, opening it and the reply to its first call; and its
end. The first one also fills caches of SQLAlchemy, so it is shown apart. All are milliseconds of the wall clock.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

import sqlalchemy as sa

from leveret import App, Context
from leveret.testing import TestClient

metadata = sa.MetaData()
entries = sa.Table("entries", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(50)))


def make_app() -> App:
    """Make an application with one table and one action that writes."""
    app: App = App("measured", tables=metadata)

    @app.action("v1", "sign", writes=True, public=True)
    def sign(context: Context, name: str) -> int:
        return int(context.connection.execute(entries.insert().values(name=name).returning(entries.c.id)).scalar_one())

    return app


async def measure(app: App) -> tuple[float, float]:
    """Return the seconds from nothing to the first reply, and from there to the end."""
    began = time.perf_counter()
    async with TestClient(app) as client:
        await client.call("sign", {"name": "Ada"})
        replied = time.perf_counter()
    return replied - began, time.perf_counter() - replied


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50, help="how many test clients")
    count = parser.parse_args().count
    app = make_app()
    first, *others = [asyncio.run(measure(app)) for _ in range(count + 1)]
    print(f"first test client: {first[0] * 1000:.1f} ms to the first reply, {first[1] * 1000:.1f} ms to end")
    for what, times in zip(("to the first reply", "to end"), zip(*others, strict=True), strict=True):
        usual, slowest = statistics.median(times) * 1000, max(times) * 1000
        print(f"median of {count}: {usual:.1f} ms {what}, slowest {slowest:.1f} ms")


if __name__ == "__main__":
    main()
