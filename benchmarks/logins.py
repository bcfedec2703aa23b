"""Measures whether the time of a refused login reveals that its email is known.

    python benchmarks/logins.py [--count N]

Known and unknown emails alternate in one run. Each login is the real action with the real hash on an SQLite file,
without a broker, because the way through a broker would only hide a difference. The script prints both medians, and in
how many of all pairs the known email took longer: 50 % if the time reveals nothing. Chance alone changes that by
82 / sqrt(N) % (two standard deviations).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from leveret.api import Context
from leveret.auth.keyring import ANONYMOUS, Keyring
from leveret.errors import Unauthenticated
from leveret.sql import create_engine
from leveret.sql.schema import upgrade
from leveret.wire.envelope import Request
from taskmanager import usecases
from taskmanager.actions import Services, app
from taskmanager.domain import NewUser
from taskmanager.passwords import Passwords


async def measure(engine: sa.Engine, services: Services, email: str) -> float:
    """Let one login fail, and return how many seconds it took."""
    action, request = app.find("v1", "login"), Request("id", "v1", "login", {"email": email, "password": "wrong"})

    async def transaction(function: Callable[..., Any], *arguments: Any) -> Any:
        with engine.begin() as connection:
            return function(connection, *arguments)

    now = datetime.now(UTC)
    context: Context[Services] = Context(request, ANONYMOUS, services, now, transactions=transaction)
    began = time.perf_counter()
    try:
        await action.call(context, *action.arguments(request.data))
    except Unauthenticated:
        return time.perf_counter() - began
    raise AssertionError("a login with a wrong password succeeded")


async def compare(engine: sa.Engine, services: Services, count: int) -> tuple[list[float], list[float]]:
    """Measure known and unknown emails alternately; each email only once, because the lock would answer otherwise."""
    with services.passwords.place() as place:
        kept = await place.hash("right")
    with engine.begin() as connection:
        for number in range(count):
            usecases.register(connection, NewUser(f"known{number}@example.com"), kept, datetime.now(UTC))
    known, unknown = [], []
    for number in range(count):
        known.append(await measure(engine, services, f"known{number}@example.com"))
        unknown.append(await measure(engine, services, f"other{number}@example.com"))
    return known, unknown


def main() -> None:
    """Compare logins of known and unknown emails, and print the result."""
    parser = argparse.ArgumentParser(description="Time refused logins of known and unknown emails.")
    parser.add_argument("--count", type=int, default=500, help="logins of each kind (default: 500)")
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as folder, Passwords() as passwords:
        url = f"sqlite:///{Path(folder) / 'logins.db'}"
        upgrade(url, app.schema, app.names)
        engine = create_engine(url)
        services = Services(passwords, Keyring(b"s" * 32, issuer="benchmark"), timedelta(hours=1))
        known, unknown = asyncio.run(compare(engine, services, count))
        engine.dispose()
    longer = sum(bisect_left(sorted(unknown), seconds) for seconds in known) / count**2
    for name, times in (("known", known), ("unknown", unknown)):
        print(f"{name:8} median {statistics.median(times) * 1000:.2f} ms of {count}")
    print(f"a known email took longer in {longer:.1%} of all pairs (chance: 50.0 % ± {82 / count**0.5:.1f} %)")


if __name__ == "__main__":
    main()
