"""The routes over HTTP: those of the system's first form, and one for everything else that v2 knows."""

from __future__ import annotations

from typing import Final

from taskmanager.actions.registry import app

VERSION: Final = "version"
"""Field of a task in v2 that counts its changes."""

EXPECTED: Final = "expected_version"
"""Field of an input in v2 that says which version the caller has read."""


def declare() -> None:
    """Declare all routes; every action is registered by then."""
    for version in ("v1", "v2"):
        _declare_common(version)
    app.route("PUT /api/v1/tasks/{task_id}", "v1.update_task")
    app.route("GET /api/v1/tasks/{task_id}", "v1.get_task")
    app.route("DELETE /api/v1/tasks/{task_id}", "v1.delete_task", status=204)
    app.route("POST /api/v1/tasks/", "v1.create_task", status=201, location="/api/v1/tasks/{id}")
    app.route("GET /api/v2/tasks/{task_id}", "v2.get_task", etag=VERSION)
    app.route("PUT /api/v2/tasks/{task_id}", "v2.update_task", etag=VERSION, if_match=EXPECTED)
    app.route("DELETE /api/v2/tasks/{task_id}", "v2.delete_task", status=204, if_match=EXPECTED)
    app.route("POST /api/v2/tasks/", "v2.create_task", status=201, etag=VERSION, location="/api/v2/tasks/{id}")
    app.route("GET /api/v2/tasks/fields", "v2.list_tasks", needs=("include",))
    app.route("GET /api/v2/internal/stats", "v2.stats")


def _declare_common(version: str) -> None:
    """Declare what is the same in both versions."""
    at = f"/api/{version}"
    app.route(f"GET {at}/health", f"{version}.health_check")
    app.route(f"POST {at}/auth/register", f"{version}.register", status=201)
    app.route(f"POST {at}/auth/login", f"{version}.login")
    app.route(f"GET {at}/tasks/", f"{version}.list_tasks")
