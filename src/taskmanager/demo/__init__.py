"""The demonstration: real workers on a real broker; each step is shown with its log lines, and checked."""

from taskmanager.demo.play import run_demo
from taskmanager.demo.promises import DemoFailed
from taskmanager.demo.stage import DemoOptions

__all__ = ["DemoFailed", "DemoOptions", "run_demo"]
