"""How a system does at one moment, and what is wrong with it."""

from leveret.operate.overview.composing import compose
from leveret.operate.overview.history import FlowMoment, flow_history
from leveret.operate.overview.records import Depths, Flow, HiddenPart, Overview, Percentiles, Problem, WorkerLine
from leveret.operate.overview.samples import DepthSample, Durations, HeldRequest, Part, Seen, WorkerSample
from leveret.operate.overview.system import System

__all__ = [
    "DepthSample",
    "Depths",
    "Durations",
    "Flow",
    "FlowMoment",
    "HeldRequest",
    "HiddenPart",
    "Overview",
    "Part",
    "Percentiles",
    "Problem",
    "Seen",
    "System",
    "WorkerLine",
    "WorkerSample",
    "compose",
    "flow_history",
]
