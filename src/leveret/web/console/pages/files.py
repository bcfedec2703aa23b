"""The files beside the pages: stylesheet, scripts and icon."""

from __future__ import annotations

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class AssetFiles(StaticFiles):
    """Serves the assets; a browser keeps them, because the address changes with the content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        answer = await super().get_response(path, scope)
        if scope.get("query_string", b"").startswith(b"v="):
            answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer
