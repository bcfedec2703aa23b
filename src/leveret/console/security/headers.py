"""The headers that every answer of the console has."""

from __future__ import annotations

import secrets
from typing import Final

_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self' 'nonce-{nonce}'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types htmx",
)
"""Content Security Policy, level 3, with Trusted Types: htmx is the only one that may make nodes from a text."""

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

_HSTS: Final = "max-age=31536000"


def new_nonce() -> str:
    """Return a nonce for the scripts of one page: 128 random bits."""
    return secrets.token_urlsafe(16)


def security_headers(nonce: str, *, hsts: bool) -> dict[str, str]:
    """Return the headers of an answer.

    Args:
        nonce: that of the page's scripts.
        hsts: whether browsers reach the console by HTTPS, and shall do so from now on with all of that host (RFC 6797).
    """
    policy = "; ".join(_POLICY).format(nonce=nonce)
    secured = {"Strict-Transport-Security": _HSTS} if hsts else {}
    return {"Content-Security-Policy": policy, **_ALWAYS, **secured}
