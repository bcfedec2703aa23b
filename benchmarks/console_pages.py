"""How soon does a page of the console stand in a browser, and how large is it, with many letters?

    PYTHONPATH=benchmarks:tests:. python benchmarks/console_pages.py [--letters N]

It starts a private RabbitMQ, puts letters into queue and stream, serves the console, and loads each page five times in
Chromium. The table has the slowest first paint of the last four: the first one fills the index.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from playwright.sync_api import sync_playwright

from letters.making import publish
from leveret.amqp import Connection
from leveret.broker.declaring import declare
from leveret.devbroker import DevBroker
from leveret.topology import Topology
from leveret.web.console.building import build_console
from leveret.web.console.security.passwords import hash_password
from leveret.web.console.security.store import ConsoleStore
from leveret.web.console.site import Site
from scripts.console_demo.shop import app

PAGES = ("/", "/letters", "/letters?exception=KeyError", "/letters?text=barley7", "/actions", "/try")
ROUNDS = 5
PAINT = """new Promise((done) => {
  const look = () => {
    const found = performance.getEntriesByName("first-contentful-paint")[0];
    if (found) done(found.startTime); else setTimeout(look, 20);
  };
  look();
})"""
PASSWORD = "a password of the bench"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=10_000, help="how many")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, DevBroker() as broker:
        site = make_site(broker.url, Path(folder))
        asyncio.run(fill(broker.url, site.topology, given.letters))
        server = uvicorn.Server(uvicorn.Config(build_console(site), port=0, log_config=None))
        threading.Thread(target=server.run, daemon=True).start()
        while not server.started:
            time.sleep(0.02)
        address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        print(f"| page, with {given.letters:,} letters | first paint | page |\n|---|---|---|")
        for path, seconds, size in measure(address):
            print(f"| `{path}` | {seconds * 1000:.0f} ms | {size / 1000:.0f} KB |")
        server.should_exit = True


def make_site(url: str, folder: Path) -> Site:
    """Make a console with one account."""
    app.complete()
    store = ConsoleStore(f"sqlite:///{folder / 'console.db'}", time.time)
    store.prepare()
    store.add_user("ada", "viewer", hash_password(PASSWORD))
    settings = app.defaults.updated({"SHOP_AMQP_URL": url, "SHOP_DATABASE_URL": f"sqlite:///{folder / 'shop.db'}"})
    app.prepare_database(settings)
    return Site(app=app, settings=settings, store=store, index=folder / "letters.db")


async def fill(url: str, topology: Topology, count: int) -> None:
    """Put the same letters into the queue and into the stream."""
    connection = await Connection.open(url, name="bench of the console")
    try:
        await declare(connection, topology)
        channel = await connection.channel(confirms=True)
        await publish(channel, topology.dead_letters, count)
        await publish(channel, f"{topology.requests}.letters", count)
    finally:
        await connection.close()


def measure(address: str) -> list[tuple[str, float, int]]:
    """Return each page with the slowest first paint in seconds, and its bytes."""
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{address}/sign-in")
        page.fill("#name", "ada")
        page.fill("#password", PASSWORD)
        page.click("button.main")
        page.wait_for_url(f"{address}/")
        for path in PAGES:
            paints = []
            for _ in range(ROUNDS):
                page.goto(address + path)
                paints.append(float(page.evaluate(PAINT)))
            found.append((path, max(paints[1:]) / 1000, len(page.content().encode())))
        browser.close()
    return found


if __name__ == "__main__":
    main()
