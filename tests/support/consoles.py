"""A console of a small application in the test's process, and people who sign in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient as Browser

from leveret import App, Context
from leveret.settings import Settings
from leveret.web.console.building import build_console
from leveret.web.console.security.passwords import hash_password
from leveret.web.console.security.store import ConsoleStore
from leveret.web.console.site import ServingOptions, Site

HOST = "http://127.0.0.1:8807"
SAME_SITE = {"sec-fetch-site": "same-origin"}
PASSWORD = "a password of a test"
_HASH = hash_password(PASSWORD)
HOSTILE = "<script>alert(1)</script>\u202egnp.exe"


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def application() -> App:
    app = App("guestbook", health_check=False)

    @app.action("v1", "sign", writes=True, public=True)
    def sign(context: Context, name: str, age: int = 0) -> str:
        """Write a guest into the book."""
        return name

    @app.action("v1", "read", public=True, deprecated=HOSTILE)
    def read(context: Context, page: int) -> list[str]:
        return [str(page)]

    app.complete()
    return app


def site_in(folder: Path, **options: Any) -> Site:
    """A site whose broker does not answer, with the operator ada and the viewer grace."""
    clock = Hands()
    store = ConsoleStore(f"sqlite:///{folder / 'console.db'}", clock)
    store.prepare()
    store.add_user("ada", "operator", _HASH)
    store.add_user("grace", "viewer", _HASH)
    file = f"sqlite:///{folder / 'guestbook.db'}"
    settings = Settings(name="guestbook", amqp_url="amqp://guest:guest@127.0.0.1:1/", database_url=file)
    return Site(
        app=application(),
        settings=settings,
        store=store,
        options=ServingOptions(**options),
        index=folder / "letters.db",
        clock=clock,
    )


@contextmanager
def browsing(site: Site) -> Iterator[Browser]:
    with Browser(build_console(site), base_url=HOST, headers=SAME_SITE, follow_redirects=False) as browser:
        yield browser
    site.store.close()


def enter(browser: Browser, name: str, password: str = PASSWORD, onward: str = "/") -> Any:
    return browser.post("/sign-in", data={"name": name, "password": password, "next": onward})
