"""Which failures an operation goes on from. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from leveret.operate.operations.operations import Claim
from leveret.operate.operations.options import Step
from leveret.operate.operations.records import LetterResult, OperationState
from leveret.sql.operation_rows import OperationLetter


def accepted(claim: Claim, letters: Sequence[OperationLetter], steps: Sequence[Step]) -> set[str]:
    """Return the letters because of which an operation does not stop, because somebody went on after they failed.

    Whoever resumes an operation that stopped accepts all of them. When it was paused, or its process died, those of the
    steps before the newest one that was begun had been accepted.
    """
    if claim.before is OperationState.STOPPED:
        before = len(letters)
    else:
        begun = max((place for place, each in enumerate(letters) if each.state != LetterResult.WANTED), default=0)
        before = next((step.places.start for step in steps if begun in step.places), 0)
    return {each.letter for each in letters[:before] if each.state in (LetterResult.FAILED, LetterResult.SENT)}
