"""Turns functions into actions: registers them, checks their input, opens their resources."""

from leveret.api.action import Action
from leveret.api.context import Context, Transactions
from leveret.api.data import Secret
from leveret.api.event import LONGEST_EVENT_SUBJECT, LONGEST_TYPE, WATCH, Event, KeptEvent, ReadableEvents
from leveret.api.group import Actions
from leveret.api.hooks import AsyncCallNext, CallNext
from leveret.api.rate_limit import RateLimit
from leveret.api.registration import LONGEST_NAME, LONGEST_VERSION
from leveret.api.registry import Api
from leveret.api.route import Route
from leveret.api.runtime import Opened, Runtime, check_bound

__all__ = [
    "LONGEST_EVENT_SUBJECT",
    "LONGEST_NAME",
    "LONGEST_TYPE",
    "LONGEST_VERSION",
    "WATCH",
    "Action",
    "Actions",
    "Api",
    "AsyncCallNext",
    "CallNext",
    "Context",
    "Event",
    "KeptEvent",
    "Opened",
    "RateLimit",
    "ReadableEvents",
    "Route",
    "Runtime",
    "Secret",
    "Transactions",
    "check_bound",
]
