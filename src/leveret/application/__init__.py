"""An application: its actions, and everything that its settings and they make together."""

from leveret.application.application import Application

__all__ = ["Application"]
