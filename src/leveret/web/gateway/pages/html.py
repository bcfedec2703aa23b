"""How a page is put together: its frame, its headers, and the files that it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from leveret.web.gateway.fixed import FOREVER, Fixed
from leveret.wire.masking import printable

ASSETS: Final = Path(__file__).parent / "assets"
"""The files that pages need. None of them is fetched from elsewhere."""

_FILES: Final[Mapping[str, str]] = {
    "pages.css": "text/css",
    "swagger.css": "text/css",
    "swagger.js": "text/javascript",
    "redoc.css": "text/css",
    "redoc.js": "text/javascript",
    "swagger-ui/swagger-ui.css": "text/css",
    "swagger-ui/swagger-ui-bundle.js": "text/javascript",
    "redoc/redoc.standalone.js": "text/javascript",
}

_STRICT: Final = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_TOOL: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    "connect-src 'self'; worker-src blob:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
"""Both tools write styles into their pages; ReDoc searches in a worker that it makes itself."""


def text(value: str) -> str:
    """Return a text as it stands in a page."""
    return escape(printable(value))


@cache
def asset(name: str) -> str:
    """Return the address of a file, which changes with its content."""
    digest = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()
    return f"/docs/assets/{digest[:12]}/{name}"


def assets() -> Mapping[str, Fixed]:
    """Return the files of all pages, by their paths."""
    return {asset(name): Fixed((ASSETS / name).read_bytes, kind, caching=FOREVER) for name, kind in _FILES.items()}


def page(title: str, body: Callable[[], str]) -> Fixed:
    """Return a page of ours.

    Args:
        title: of the page, as text.
        body: makes what stands in it, as HTML.
    """
    return Fixed(lambda: _frame(title, ("pages.css",), f"<main>{body()}</main>").encode(), _HTML, _headers(_STRICT))


def tool_page(title: str, styles: Sequence[str], scripts: Sequence[str]) -> Fixed:
    """Return a page of a tool that shows the OpenAPI document.

    Args:
        title: of the page, as text.
        styles: names of its style sheets.
        scripts: names of its scripts.
    """
    loaded = "".join(f'<script src="{asset(name)}"></script>' for name in scripts)
    body = f'<div id="tool"><noscript>This page needs JavaScript. <a href="/">What is here</a></noscript></div>{loaded}'
    return Fixed(lambda: _frame(title, styles, body).encode(), _HTML, _headers(_TOOL))


_HTML: Final = "text/html"


def _headers(policy: str) -> Mapping[str, str]:
    return {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}


def _frame(title: str, styles: Sequence[str], body: str) -> str:
    sheets = "".join(f'<link rel="stylesheet" href="{asset(name)}">' for name in styles)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{text(title)}</title>{sheets}</head><body>{body}</body></html>\n"
    )
