"""Turns functions into actions: registers them, checks their input, and tells them about their request."""

from leveret.api.action import Action
from leveret.api.context import Context, Transactions
from leveret.api.data import Secret
from leveret.api.group import Actions
from leveret.api.rate_limit import RateLimit
from leveret.api.registration import LONGEST_NAME, LONGEST_VERSION
from leveret.api.registry import Api

__all__ = [
    "LONGEST_NAME",
    "LONGEST_VERSION",
    "Action",
    "Actions",
    "Api",
    "Context",
    "RateLimit",
    "Secret",
    "Transactions",
]
