"""The programs of the pages about resources and about several files do what the pages say."""

from __future__ import annotations

import importlib
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from leveret.errors import Forbidden, NotFound
from leveret.testing import TestClient
from support.pages import file_name, program, python_blocks

RESOURCES, FILES = "docs/how-to/resources.md", "docs/how-to/several-files.md"


@contextmanager
def modules(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """Write the programs of a page into a folder, and import them."""
    programs = [block for block in python_blocks() if block[0].startswith(f"{page}#")]
    names = [file_name(*block).removesuffix(".py") for block in programs]
    for name, (_, code) in zip(names, programs, strict=True):
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        for name in names:
            sys.modules.pop(name, None)


def test_the_test_of_the_page_passes_and_resources_last_for_many_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with modules(RESOURCES, tmp_path, monkeypatch) as found:
        (test,) = (module for name, module in found.items() if name.endswith("_2"))
        test.test_an_invitation_is_sent()
        post, outbox = found["post"], test.Outbox()
        caches: list[Any] = []

        class Watched(post.Cache):  # type: ignore[misc, name-defined]  # the page's, which is imported by its name
            def close(self) -> None:
                caches.append(self)

        monkeypatch.setattr(post, "Cache", Watched)
        with TestClient(post.app, resources={post.Mailer: outbox}) as client:
            assert [client.call("invite", {"email": "a@example.com"}) for _ in range(2)] == [1, 2]
        assert [cache.sent for cache in caches] == [{"a@example.com": 2}], "it is closed when the worker has stopped"
        mailer = post.mailer(post.app.defaults)
        assert (mailer.host, mailer.sender) == ("localhost", "post@example.com")


async def test_the_hooks_of_the_page_refuse_and_measure(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "visits")
    with program(f"{RESOURCES}#3") as space:
        async with TestClient(space["app"]) as client:
            assert await client.call("wait") == "done"
            answers: Counter[object] = Counter()
            for _ in range(24):
                await client.advance("1h")
                try:
                    answers[await client.call("visit", {"name": "Ada"})] += 1
                except Forbidden as error:
                    answers[error.text] += 1
    assert answers == {"Come back in the morning": 6, "Hello Ada": 18}
    assert [record.message[:16] for record in caplog.records if record.name == "visits"] == ["v1.wait took 0.0"]


async def test_the_lifespan_of_the_page_is_the_services() -> None:
    with program(f"{RESOURCES}#4") as space:
        async with TestClient(space["app"]) as client:
            assert await client.call("day") == space["date"].today().isoformat()


def test_the_files_of_the_page_are_one_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with modules(FILES, tmp_path, monkeypatch) as found:
        app, books = found["library"].app, found["books"]
        with TestClient(app) as client:
            assert client.call("find_book", {"number": 1}) == {"number": 1, "title": "Emma"}
            assert client.call("find_book", {"number": 1}, version="v2") == "shelf 1"
            with pytest.raises(NotFound):
                client.call("find_book", {"number": 3})
            assert client.call("open", version="v2") is True
        assert "deprecated action v2.open was called by an anonymous caller: use v2.find_book" in caplog.messages
        with pytest.raises(ValueError, match=r"v1\.find_book is registered twice: books\.find_book and books"):
            app.include(books.actions)
