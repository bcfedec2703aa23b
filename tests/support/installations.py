"""Installations for the doctor's checks, and what they find."""

from __future__ import annotations

from collections.abc import Sequence

from leveret.operate.doctor.finding import Finding
from leveret.operate.doctor.installation import Installation, ManagementLogin
from leveret.operate.doctor.reading import read_settings
from taskmanager.actions import app

SECRET = "a secret of a test, 0123456789 and more"


def installation(management: ManagementLogin | None = None, limit: float = 10.0, **variables: str) -> Installation:
    """Return the Task Manager with settings, named without their prefix."""
    named = {f"{app.prefix}{name}": text for name, text in ({"JWT_SECRET": SECRET} | variables).items()}
    read = read_settings(app.defaults, named)
    return Installation(
        application=app,
        settings=read.settings,
        problems=read.problems,
        lost=read.lost,
        management=management,
        limit=limit,
    )


def states(findings: Sequence[Finding]) -> list[str]:
    return [finding.state for finding in findings]


def only(findings: Sequence[Finding]) -> Finding:
    (finding,) = findings
    return finding
