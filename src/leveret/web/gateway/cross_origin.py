"""Which pages of other origins may call the gateway from a browser (WHATWG Fetch, "CORS protocol")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_ASKED: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "X-Request-Id",
    "traceparent",
    "tracestate",
)
_ANSWERED: Final = (
    "ETag",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Request-Id",
    "Retry-After",
    "X-Request-Id",
)
_REMEMBERED: Final = 600
"""Seconds in which a browser does not ask again."""


def with_origins(served: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Return an application that lets pages of some origins call another one; without origins that one itself.

    Cookies are never sent: callers have tokens. So a page of an origin that is not named can do nothing that a program
    without a browser could not do.
    """
    if not origins:
        return served
    return CORSMiddleware(
        served,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=_ASKED,
        expose_headers=_ANSWERED,
        max_age=_REMEMBERED,
    )


def origin(text: str) -> str:
    """Read an origin, such as ``https://app.example.com``, or ``*`` for any.

    Raises:
        ValueError: it is none; the text says why.
    """
    if text == "*":
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or f"{parts.scheme}://{parts.netloc}" != text:
        raise ValueError(f"{text!r} is not an origin: write scheme, host and port, such as https://app.example.com")
    if "@" in parts.netloc or text != text.lower():
        raise ValueError(f"{text!r} is not an origin as browsers write it: in small letters, without a name")
    return text
