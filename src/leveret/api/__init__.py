"""Turns functions into actions: registers them, checks their input, and tells them about their request."""

from leveret.api.action import Action
from leveret.api.context import Context, Transactions
from leveret.api.inputs import Secret
from leveret.api.rate_limit import RateLimit
from leveret.api.registry import LONGEST_NAME, LONGEST_VERSION, Api

__all__ = ["LONGEST_NAME", "LONGEST_VERSION", "Action", "Api", "Context", "RateLimit", "Secret", "Transactions"]
