"""A gateway that is not started: it has nothing behind it, and serves what is the same for everybody."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient as Browser

from leveret.web.gateway.building import build_gateway
from leveret.web.gateway.direct import direct_upstream
from leveret.web.gateway.pages.serving import pages_of
from leveret.web.gateway.upstream import LateUpstream


def idle_gateway(application: Any, *, docs: bool = True) -> Browser:
    """Return a caller of such a gateway."""
    opened: Any = direct_upstream
    pages = pages_of(application, docs=docs)
    return Browser(build_gateway(application, LateUpstream(), opened, timeout=1.0, pages=pages))
