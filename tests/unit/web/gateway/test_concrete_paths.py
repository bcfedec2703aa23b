"""A path without parameters is served at once, and before a path with parameters that fits too."""

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from leveret.web.gateway.concrete_paths import ConcretePaths


async def receive() -> dict[str, object]:
    raise AssertionError("nothing reads the request")


async def send(_message: object) -> None:
    raise AssertionError("nothing answers")


def serving(name: str, served: list[tuple[str, object]]) -> ASGIApp:
    async def serve(scope: Scope, _receive: Receive, _send: Send) -> None:
        served.append((name, scope.get("path_params")))

    return serve


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("http", "/tasks/", ("/tasks/", {})),
        ("http", "/tasks/fields", ("/tasks/fields", {})),
        ("http", "/tasks/7", ("inner", None)),
        ("http", "/tasks", ("inner", None)),
        ("http", "/tasks/{number}", ("inner", None)),
        ("lifespan", "/tasks/", ("inner", None)),
    ],
)
async def test_a_request_goes_to_its_path(kind: str, path: str, expected: tuple[str, object]) -> None:
    served: list[tuple[str, object]] = []
    paths = {name: serving(name, served) for name in ("/tasks/{number}", "/tasks/", "/tasks/fields")}
    scope: Scope = {"type": kind, "path": path}
    await ConcretePaths(serving("inner", served), paths)(scope, receive, send)
    assert served == [expected]
    assert scope.get("endpoint") is (paths[expected[0]] if expected[0] != "inner" else None)


async def test_a_scope_without_a_path_goes_on() -> None:
    served: list[tuple[str, object]] = []
    await ConcretePaths(serving("inner", served), {})({"type": "lifespan"}, receive, send)
    assert served == [("inner", None)]
