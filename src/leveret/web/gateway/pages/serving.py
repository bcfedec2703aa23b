"""The paths of all pages and documents."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from leveret.application import Application
from leveret.topology import Topology
from leveret.web.gateway.documents import documents_of
from leveret.web.gateway.endpoints import Endpoint
from leveret.web.gateway.fixed import Fixed
from leveret.web.gateway.pages.home import REDOC, SWAGGER, home
from leveret.web.gateway.pages.html import assets, page, tool_page
from leveret.web.gateway.pages.problems import ProblemPages
from leveret.web.gateway.responses import PROBLEM_PAGES

_SWAGGER_STYLES: Final = ("swagger-ui/swagger-ui.css", "swagger.css")
_SWAGGER_SCRIPTS: Final = ("swagger-ui/swagger-ui-bundle.js", "swagger.js")
_REDOC_STYLES: Final = ("redoc.css",)
_REDOC_SCRIPTS: Final = ("redoc/redoc.standalone.js", "redoc.js")


def pages_of(app: Application[Any], topology: Topology | None = None, *, docs: bool = True) -> Mapping[str, Endpoint]:
    """Return what a gateway serves beside the routes, by its paths; each is asked with GET.

    The pages of problems are always there, because answers lead to them.

    Args:
        app: the application; all of its actions are registered.
        topology: names at the broker; by default those of the application without settings.
        docs: whether the documents are served, and the pages that show them.
    """
    problems: dict[str, Endpoint] = {f"{PROBLEM_PAGES}{{code}}": ProblemPages(app)}
    if not docs:
        return {**problems, **{path: each for path, each in assets().items() if path.endswith("/pages.css")}}
    return {
        "/": page(app.name, partial(home, app)),
        **documents_of(app, topology),
        **_tools(app),
        **problems,
        **assets(),
    }


def _tools(app: Application[Any]) -> Mapping[str, Fixed]:
    return {
        SWAGGER: tool_page(f"{app.name}: Swagger UI", _SWAGGER_STYLES, _SWAGGER_SCRIPTS),
        REDOC: tool_page(f"{app.name}: ReDoc", _REDOC_STYLES, _REDOC_SCRIPTS),
    }
