"""A console while the broker or the database is away, and two consoles of one system."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.conftest import Visit
from leveret.client.loop_thread import LoopThread
from support.console_system import running_shop, serving_console, shop_variables
from testbed.postgres import PostgresServer
from testbed.proxy import Proxy

LIVE = 20_000
"""Milliseconds in which a page that is live has to change by itself."""


class Way:
    """The way of one console to a server, which can be closed and opened."""

    def __init__(self, loop: LoopThread, url: str, port: int) -> None:
        parts = urlsplit(url)
        self._loop, self._url = loop, url
        self._proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or port)
        self.open()

    @property
    def url(self) -> str:
        return self._proxy.proxied(self._url)

    def open(self) -> None:
        self._loop.run(self._proxy.listen)

    def close(self) -> None:
        self._loop.run(self._proxy.refuse)


@dataclass
class Pair:
    """Two consoles of one system: of the first one broker and database can be taken away."""

    first: str
    second: str
    to_broker: Way
    to_database: Way


@pytest.fixture(scope="module")
def pair(broker: Any, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder: Path = tmp_path_factory.mktemp("pair")
    loop = LoopThread("ways")
    with postgres.database() as database:
        variables = shop_variables(broker.url, "pair", folder) | {
            "SHOP_DATABASE_URL": database,
            "SHOP_JWT_SECRET": "of this test alone, 32 bytes and more",
            "SHOP_STATUS_REPORTS": "on",
        }
        to_broker, to_database = Way(loop, broker.url, 5672), Way(loop, database, 5432)
        proxied = variables | {"SHOP_AMQP_URL": to_broker.url, "SHOP_DATABASE_URL": to_database.url}
        with (
            running_shop(variables, folder, ids=("one", "two", "three", "four")),
            serving_console(proxied, folder) as first,
            serving_console(variables, folder) as second,
        ):
            yield Pair(first, second, to_broker, to_database)
        to_broker.close()
        to_database.close()
    loop.stop()


@pytest.fixture
def visits(chromium: Browser, pair: Pair) -> Iterator[tuple[Visit, Visit]]:
    """A person at each of the two consoles: an operator and a viewer."""
    contexts = [chromium.new_context(locale="en") for _ in range(2)]
    first, second = (
        Visit(context.new_page(), address, expected="status of 503")
        for context, address in zip(contexts, (pair.first, pair.second), strict=True)
    )
    first.enter("ada")
    second.enter("grace")
    yield first, second
    for visit, context in zip((first, second), contexts, strict=True):
        visit.complaints()
        context.close()


def part(page: Page, name: str) -> Any:
    """What the overview says of the broker or the database."""
    return page.locator(f"dl.parts dt:has-text('{name}') + dd .state")


def test_two_consoles_show_one_operation_live(visits: tuple[Visit, Visit]) -> None:
    ours, theirs = visits
    page = ours.go("/letters")
    for name in ("one", "two"):
        page.check(f"input[name=id][value='{name}']")
    page.click("button[formaction='/redrive']")
    page.fill("#rate", "1/m")
    page.fill("#steps", "all")
    page.click("form[action='/operations'] button")
    expect(page.locator("#count-wanted strong")).to_have_text("1", timeout=LIVE)
    there = theirs.go(urlsplit(page.url).path)
    expect(there.locator("#count-wanted strong")).to_have_text("1", timeout=LIVE)
    page.click("#pause")
    for each in (page, there):
        expect(each.locator("#how")).to_contain_text("paused by ada (console)", timeout=LIVE)


def test_a_note_of_one_console_stands_in_the_other(visits: tuple[Visit, Visit]) -> None:
    ours, theirs = visits
    group = ours.go("/letters").locator("ul.groups li:has-text('TemporaryError')")
    group.locator("summary").click()
    group.locator("[name=note]").fill("the bank is asked")
    group.locator("form button").click()
    expect(group).to_contain_text("the bank is asked")
    expect(theirs.go("/letters").locator("ul.groups")).to_contain_text("the bank is asked")
    expect(theirs.go("/audit").locator("tbody").first).to_contain_text("the bank is asked")


def test_while_the_broker_is_away_the_pages_of_rows_work_and_the_overview_says_so(
    visits: tuple[Visit, Visit], pair: Pair
) -> None:
    visit, other = visits
    letters = visit.go("/letters").locator("tbody tr").count()
    page = visit.go("/")
    expect(part(page, "Broker")).to_have_text("fine", timeout=LIVE)
    pair.to_broker.close()
    try:
        expect(part(page, "Broker")).to_have_text("away", timeout=LIVE)
        expect(part(page, "Database")).to_have_text("fine")
        assert part(other.go("/"), "Broker").inner_text() == "fine"
        page = visit.go("/letters")
        assert "The broker does not answer" in page.locator("main").inner_text()
        assert page.locator("tbody tr").count() == letters, "as they were known last"
        assert visit.go("/audit").locator("tbody tr").count() > 0
        assert visit.go("/operations").locator("tbody tr").count() > 0
        assert "Traceback" not in visit.go("/request?id=one").content()
    finally:
        pair.to_broker.open()
    expect(part(visit.go("/"), "Broker")).to_have_text("fine", timeout=LIVE)


def test_while_the_database_is_away_the_pages_of_queues_work_and_the_overview_says_so(
    visits: tuple[Visit, Visit], pair: Pair
) -> None:
    visit, other = visits
    page = visit.go("/")
    expect(part(page, "Database")).to_have_text("fine", timeout=LIVE)
    pair.to_database.close()
    try:
        expect(part(page, "Database")).to_have_text("away", timeout=LIVE)
        expect(part(page, "Broker")).to_have_text("fine")
        assert part(other.go("/"), "Database").inner_text() == "fine"
        assert visit.go("/letters").locator("tbody tr").count() > 0
        for path in ("/operations", "/audit", "/request?id=one"):
            text = visit.go(path).locator("main").inner_text()
            assert "database does not answer" in text.lower(), f"{path} says what it cannot see: {text}"
    finally:
        pair.to_database.open()
    expect(part(visit.go("/"), "Database")).to_have_text("fine", timeout=LIVE)
    assert visit.go("/audit").locator("tbody tr").count() > 0
