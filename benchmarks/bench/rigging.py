"""Starts and ends the rig that all runs share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.load import build_load
from bench.rig import Rig
from leveret.devbroker import DevBroker


@contextmanager
def rigged() -> Iterator[Rig]:
    """Start the broker and compile the load generator; end and remove everything when the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leveret-bench-")))
        program = build_load(folder)
        made = Rig(folder, stack.enter_context(DevBroker()), program, stack)
        stack.callback(made.forget)
        yield made
