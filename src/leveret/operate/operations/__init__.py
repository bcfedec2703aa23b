"""Operations: letters are sent again as one piece of work that can be paused, resumed, and taken over by others.

First `plan_redrive` writes down which letters are meant, then `run_redrive` sends them, as often as it takes.
`open_operations` shows how operations stand, and pauses them.
"""

from leveret.operate.operations.operations import Operations, open_operations
from leveret.operate.operations.options import RedriveOptions, read_rate, read_steps
from leveret.operate.operations.planning import OperatedSystem, RedrivePlan, default_wait, plan_redrive
from leveret.operate.operations.records import (
    LetterResult,
    OperationCounts,
    OperationState,
    OperationTrouble,
    OperationView,
    RedriveProgress,
)
from leveret.operate.operations.running import run_redrive
from leveret.operate.operations.targets import FoundTargets, find_targets

__all__ = [
    "FoundTargets",
    "LetterResult",
    "OperatedSystem",
    "OperationCounts",
    "OperationState",
    "OperationTrouble",
    "OperationView",
    "Operations",
    "RedriveOptions",
    "RedrivePlan",
    "RedriveProgress",
    "default_wait",
    "find_targets",
    "open_operations",
    "plan_redrive",
    "read_rate",
    "read_steps",
    "run_redrive",
]
