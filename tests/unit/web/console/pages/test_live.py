"""Live parts of pages: they end with the session, and the role of an account is that of now."""

from pathlib import Path
from types import SimpleNamespace

from starlette.requests import Request

from leveret.sql import create_engine
from leveret.web.console.pages.live import live_part
from leveret.web.console.security.store import ABSOLUTE
from leveret.web.console.security.tables import users
from leveret.web.console.site import Site
from support.consoles import Hands


class Part:
    """The text of a part, which changes each time."""

    def __init__(self) -> None:
        self.made = 0

    async def __call__(self) -> str:
        self.made += 1
        assert self.made < 5, "the part is still made"
        return str(self.made)


def request_in(site: Site, token: str) -> Request:
    visitor = site.store.find_session(token)
    cookie = f"{site.cookie}={token}".encode()
    app = SimpleNamespace(state=SimpleNamespace(site=site))
    return Request({"type": "http", "headers": [(b"cookie", cookie)], "app": app, "state": {"visitor": visitor}})


async def test_a_live_part_ends_when_its_session_is_ended_elsewhere(site: Site) -> None:
    token = site.store.begin_session("ada", "operator", own=True)
    parts = aiter(live_part(request_in(site, token), Part(), 0.0).body_iterator)
    await anext(parts)
    site.store.end_sessions_of("ada")
    assert [part async for part in parts] == []


async def test_a_live_part_ends_with_the_longest_time_of_its_session(site: Site) -> None:
    token = site.store.begin_session("ada", "operator", own=True)
    parts = aiter(live_part(request_in(site, token), Part(), 0.0).body_iterator)
    await anext(parts)
    assert isinstance(site.clock, Hands)
    site.clock.now += ABSOLUTE
    assert [part async for part in parts] == []


def test_a_session_has_the_role_that_its_account_has_now(site: Site, tmp_path: Path) -> None:
    token = site.store.begin_session("ada", "operator", own=True)
    engine = create_engine(f"sqlite:///{tmp_path / 'console.db'}")
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(users.update().where(users.c.name == "ada").values(role="viewer"))
    engine.dispose()
    visitor = site.store.find_session(token)
    assert visitor is not None
    assert visitor.role == "viewer"
