"""A small server of pages for machines: metrics and health. It runs in threads of its own, beside whatever is watched.

So it answers although an event loop hangs, and says that. Any program can have one: it gets paths and functions.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from msgspec import Struct

from leveret.process.urls import shown_host

logger: Final = logging.getLogger("leveret.pages")

MOST: Final = 8
"""How many connections are served at a time; further ones are closed."""

PATIENCE: Final = 5.0
"""Seconds that a client may take for its request, and for reading the answer."""

TEXT: Final = "text/plain; charset=utf-8"


class Page(Struct, frozen=True):
    """What is answered."""

    body: bytes
    content_type: str = TEXT
    status: int = 200


Pages = Mapping[str, Callable[[str], Page]]
"""A function for each path; it gets the request's Accept header and runs in a thread of the server."""


def text_page(lines: list[str], *, status: int = 200) -> Page:
    """Make a page of lines of text."""
    return Page("".join(f"{line}\n" for line in lines).encode(), status=status)


class PageServer:
    """Serves pages over HTTP until it is closed. It answers GET and HEAD, and nothing else.

    Args:
        host: the address to listen on.
        port: the port; 0 for any that is free.
        pages: a function for each path.

    Attributes:
        address: where it listens, as in a URL: ``127.0.0.1:9100``.

    Raises:
        OSError: the port is in use, or the address is not one of this machine.
    """

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        self._server = _Server((host, port), partial(_Handler, pages))
        self.address = shown_host(host, self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="pages", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, place: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        self._places = threading.BoundedSemaphore(MOST)
        super().__init__(place, handler)

    def server_bind(self) -> None:
        """Bind without a look at the name service, which may hang.

        A port whose last connections are still in TIME_WAIT can be had on POSIX systems: a worker that starts again
        right after its page was read needs it. On Windows the same option would let two programs share a port.
        """
        if os.name == "posix":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- the inherited arguments
        """Say little about a client that has gone."""
        logger.debug("a page could not be sent")


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE

    def __init__(self, pages: Pages, *arguments: Any) -> None:
        self._pages = pages
        super().__init__(*arguments)

    def do_GET(self) -> None:
        make = self._pages.get(self.path.partition("?")[0])
        try:
            page = make(self.headers.get("Accept", "")) if make else self._no_page()
        except Exception:
            logger.exception("the page %s cannot be made", self.path.partition("?")[0])
            page = text_page(["this page cannot be made; the log says why"], status=500)
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    do_HEAD = do_GET  # noqa: N815 -- the name that http.server looks for

    def _no_page(self) -> Page:
        return text_page(["no such page; there are", *sorted(self._pages)], status=404)

    def version_string(self) -> str:
        return "leveret"

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 -- the name of the inherited one
        logger.debug(format, *arguments)
