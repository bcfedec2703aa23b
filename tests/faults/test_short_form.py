"""The fault suite in its short form: every scene, several at a time."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

import faults.scenes  # noqa: F401 -- registers the scenes
from faults import report
from faults.node import Node
from faults.runner import DRAIN, DRAINS, Finding
from faults.scene import REGISTER, Scene
from faults.short_form import running_scenes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and stops processes with POSIX signals")

SEED = secrets.randbelow(10**6)


@pytest.fixture(scope="module")
def findings(request: pytest.FixtureRequest, node: Node) -> Iterator[dict[str, Future[Finding]]]:
    """A future of the finding of each scene whose test was chosen."""

    tests = [test for test in request.session.items if getattr(test, "module", None) is request.module]
    chosen = [str(test.callspec.params["name"]) for test in tests if isinstance(test, pytest.Function)]
    with running_scenes([REGISTER[name] for name in chosen], SEED, node) as futures:
        yield futures


def within_its_own_limits(scene: Scene) -> pytest.MarkDecorator:
    """Have a scene's own limits end it on a busy machine, because its finding names what did not end.

    A test waits for its own scene only, because those before it have ended. The start of the nodes is the fixtures'
    work, and has limits of its own.
    """
    return pytest.mark.timeout(scene.limit + DRAINS * DRAIN, func_only=True)


@pytest.mark.parametrize(
    "name", [pytest.param(scene.name, marks=within_its_own_limits(scene)) for scene in REGISTER.values()]
)
def test_nothing_is_lost_doubled_or_left_behind(name: str, findings: dict[str, Future[Finding]]) -> None:
    finding = findings[name].result()
    assert finding.verdict == "green", report.block(finding, SEED)
