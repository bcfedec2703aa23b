"""Runs the checks: each within a limit of time, and none can keep the others from running."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

from msgspec import Struct
from msgspec.structs import replace

from leveret.operate.doctor.finding import Finding, Findings, unknown
from leveret.operate.doctor.installation import Installation
from leveret.operate.threads import in_thread
from leveret.wire.masking import shown

_LONGEST: Final = 1000
"""Characters of a text that are shown."""


def _always(_installation: Installation) -> bool:
    return True


class Check(Struct, frozen=True):
    """One check.

    Attributes:
        room: what it is about. Rooms are examined at the same time, the checks of a room one after the other.
        what: its name, a stable word.
        run: returns what it has found. A plain function runs in a thread of its own.
        needs: the check of the same room without which it makes no sense; None if it stands alone.
        when: whether it has to do with an installation at all; if not, it is left out.
    """

    room: str
    what: str
    run: Callable[[Installation], Findings | Awaitable[Findings]]
    needs: str | None = None
    when: Callable[[Installation], bool] = _always


async def examine(installation: Installation, checks: Sequence[Check]) -> list[Finding]:
    """Run all checks, and return what they have found in the order of the checks. It changes nothing.

    A check that raises or takes too long becomes a finding of the state ``unknown``. One whose need was not found to be
    well is not run, and one finding names all of these.
    """
    wanted = [check for check in checks if check.when(installation)]
    rooms = list(dict.fromkeys(check.room for check in wanted))
    found = await asyncio.gather(
        *(_examine_room(installation, [check for check in wanted if check.room == room]) for room in rooms)
    )
    return [finding for findings in found for finding in findings]


async def _examine_room(installation: Installation, checks: Sequence[Check]) -> list[Finding]:
    found: list[Finding] = []
    left_out: dict[str, list[str]] = {}
    for check in checks:
        if check.needs in left_out:
            left_out[check.needs].append(check.what)
            continue
        findings = await _run(installation, check)
        if findings and all(finding.state in ("wrong", "unknown") for finding in findings):
            left_out[check.what] = []
        found += [_signed(installation, check, finding) for finding in findings]
    for need, names in left_out.items():
        if names:
            text = f"not checked before that is repaired: {', '.join(name.replace('_', ' ') for name in names)}"
            found.append(replace(unknown(text), room=checks[0].room, what=need))
    return found


async def _run(installation: Installation, check: Check) -> Findings:
    try:
        async with asyncio.timeout(installation.limit):
            if inspect.iscoroutinefunction(check.run):
                found: Findings = await check.run(installation)
                return found
            return await in_thread(cast("Callable[[Installation], Findings]", check.run), installation)
    except TimeoutError:
        return [unknown(f"there was no answer within {installation.limit:g} s")]
    except Exception as error:  # whatever it is, the other checks go on
        return [unknown(f"this check failed: {type(error).__name__}: {error}")]


def _signed(installation: Installation, check: Check, finding: Finding) -> Finding:
    return replace(
        finding,
        room=check.room,
        what=check.what,
        text=shown(installation.without_secrets(finding.text), _LONGEST),
        advice=shown(installation.without_secrets(finding.advice), _LONGEST),
    )
