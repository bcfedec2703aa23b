"""The page at the root: what this gateway serves, with links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from leveret.api import Route
from leveret.application import Application
from leveret.contracts.statuses import PROBLEMS
from leveret.web.gateway.documents import ASYNCAPI, OPENAPI
from leveret.web.gateway.pages.html import text
from leveret.web.gateway.responses import PROBLEM_PAGES

SWAGGER: Final = "/docs"
"""Path of Swagger UI."""

REDOC: Final = "/redoc"
"""Path of ReDoc."""

_LINKS: Final = (
    (SWAGGER, "Swagger UI", "read the routes, and try them"),
    (REDOC, "ReDoc", "read the routes"),
    (OPENAPI, "OpenAPI 3.1", "the routes, for programs"),
    (ASYNCAPI, "AsyncAPI 3.1", "the same actions over RabbitMQ, for programs"),
)


def home(app: Application[Any]) -> str:
    """Return what stands in the page of an application, all of whose actions are registered."""
    version = f" <small>{text(app.version)}</small>" if app.version else ""
    return (
        f"<h1>{text(app.name)}{version}</h1>{_links()}"
        f"<h2>Routes</h2>{_table(('Route', 'What it does'), _routes(app))}"
        f"<h2>Errors</h2>{_table(('Code', 'What it means'), _codes())}"
    )


def _links() -> str:
    items = "".join(f'<li><a href="{path}">{name}</a><span>{what}</span></li>' for path, name, what in _LINKS)
    return f'<ul class="links">{items}</ul>'


def _routes(app: Application[Any]) -> Iterable[tuple[str, str]]:
    for route in sorted(app.routes, key=lambda each: (each.path, each.method)):
        yield f"<code>{text(route.pattern)}</code>", text(_summary(app, route))


def _summary(app: Application[Any], route: Route) -> str:
    return app.find(route.version, route.name).description.partition("\n")[0]


def _codes() -> Iterable[tuple[str, str]]:
    for code, kind in PROBLEMS.items():
        yield f'<a href="{PROBLEM_PAGES}{code}"><code>{code}</code></a>', f"{int(kind.status)} {text(kind.title)}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{each}</td>' for each in row)}</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
