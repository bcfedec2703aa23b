"""The routes over HTTP: those of the system's first form, and one for everything else that v2 knows."""

from __future__ import annotations

from taskmanager.actions.registry import app


def declare() -> None:
    """Declare all routes; every action is registered by then."""
    for version in ("v1", "v2"):
        _declare_common(version)
    app.route("GET /api/v2/tasks/fields", "v2.list_tasks", needs=("include",))
    app.route("GET /api/v2/internal/stats", "v2.stats")


def _declare_common(version: str) -> None:
    """Declare what both versions have."""
    at = f"/api/{version}"
    app.route(f"GET {at}/health", f"{version}.health_check")
    app.route(f"POST {at}/auth/register", f"{version}.register", status=201)
    app.route(f"POST {at}/auth/login", f"{version}.login")
    app.route(f"GET {at}/tasks/", f"{version}.list_tasks")
    app.route(f"POST {at}/tasks/", f"{version}.create_task", status=201)
    app.route(f"GET {at}/tasks/{{task_id}}", f"{version}.get_task")
    app.route(f"PUT {at}/tasks/{{task_id}}", f"{version}.update_task")
    app.route(f"DELETE {at}/tasks/{{task_id}}", f"{version}.delete_task", status=204)
