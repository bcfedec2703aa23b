"""The application without a broker: actions run on a real database, as a lane would run them."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from leveret.api import Context
from leveret.auth.keyring import Keyring, Principal
from leveret.sql.event_rows import keep_event
from leveret.wire.envelope import Request
from taskmanager.actions import Services, app
from taskmanager.passwords import Passwords

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Application:
    """Calls actions one by one, each in a transaction of its own; answers are what a caller reads from the JSON."""

    engine: sa.Engine
    services: Services
    now: datetime = NOW
    options: dict[str, Any] = field(default_factory=dict)

    def call(
        self,
        name: str,
        data: dict[str, Any] | None = None,
        *,
        as_user: int | str = "",
        version: str = "v1",
        auth: str = "",
    ) -> Any:
        action = app.find(version, name)
        request = Request("id-1", version, name, data or {}, auth)
        arguments = action.arguments(request.data)

        def context(**more: Any) -> Context[Services]:
            return Context(
                request, Principal(str(as_user)), self.services, self.now, keep_event=keep_event, **self.options, **more
            )

        if action.is_async:
            answer = asyncio.run(action.call(context(transactions=self._in_transaction), *arguments))
        else:
            with self.engine.begin() as connection:
                answer = action.call(context(connection=connection), *arguments)
        return msgspec.json.decode(msgspec.json.encode(answer))

    def with_options(self, **options: Any) -> "Application":
        return replace(self, options=options)

    def register(self, email: str, password: str = "correct horse") -> int:
        return int(self.call("register", {"email": email, "password": password, "full_name": "Somebody"})["id"])

    async def _in_transaction(self, function: Callable[..., Any], *arguments: Any) -> Any:
        with self.engine.begin() as connection:
            return function(connection, *arguments)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(b"k" * 32, issuer="taskmanager")


@pytest.fixture
def services(keyring: Keyring) -> Iterator[Services]:
    with Passwords() as passwords:
        yield Services(passwords, keyring, timedelta(hours=1))


@pytest.fixture
def application(engine: sa.Engine, services: Services) -> Application:
    return Application(engine, services)


@pytest.fixture
def simulating(engine: sa.Engine, services: Services) -> Application:
    """An application whose settings allow simulated errors."""
    return Application(engine, replace(services, allow_simulated_errors=True))
