"""Paths without parameters, which are found in one step."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class ConcretePaths:
    """Leads requests for paths without parameters to what serves them, and all others on.

    Starlette tries the patterns of all paths one after the other. Most requests are for a path without parameters, so
    they need none of that. Such a path goes before one with parameters that fits too (OpenAPI 3.1, "Paths Object").

    Args:
        inner: serves all other paths.
        paths: all paths, as they were declared, with what serves them.
    """

    def __init__(self, inner: ASGIApp, paths: Mapping[str, ASGIApp]) -> None:
        self._inner = inner
        self._concrete = {path: endpoint for path, endpoint in paths.items() if "{" not in path}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        endpoint = self._concrete.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None:
            await self._inner(scope, receive, send)
            return
        scope["endpoint"], scope["path_params"] = endpoint, {}
        await endpoint(scope, receive, send)
