"""What would happen to dead letters if they were sent again now: each is tried with today's code, and undone."""

from leveret.operate.what_if.judge import Judge
from leveret.operate.what_if.not_run import why_not_run
from leveret.operate.what_if.opening import open_judge
from leveret.operate.what_if.predictions import PredictedEnd, PredictedGroup, Prediction, grouped

__all__ = ["Judge", "PredictedEnd", "PredictedGroup", "Prediction", "grouped", "open_judge", "why_not_run"]
