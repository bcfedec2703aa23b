"""A private RabbitMQ node in a folder of its own, for demonstrations and tests."""

from warren.devbroker.errors import BrokerFailed, BrokerMissing
from warren.devbroker.lasting import LastingBroker
from warren.devbroker.node import DevBroker
from warren.devbroker.probe import answers

__all__ = ["BrokerFailed", "BrokerMissing", "DevBroker", "LastingBroker", "answers"]
