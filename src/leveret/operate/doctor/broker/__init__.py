"""Checks of the broker: reachable, version, alarms, permissions, queues, policies, workers."""
