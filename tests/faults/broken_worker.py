"""A worker that breaks a promise, chosen by its argument: what the ledger must see."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from leveret.sql.connection import Transaction
from leveret.worker.leave.in_hand import InHand
from taskmanager.cli import main

HELD: Final = "held"
"""A file in the worker's folder: it has acked requests and not committed them."""

GO: Final = "go"
"""A file in the worker's folder: from now on it commits."""


def ack_before_commit() -> None:
    """Ack each request when it comes, before it is executed; commit nothing until told to."""
    save_rows = Transaction.save

    def add(self: InHand, tag: int) -> None:
        self._channel.ack(tag)

    def ack(_self: InHand, _tags: Sequence[int]) -> None:
        return

    def save(self: Transaction, rows: Sequence[Any]) -> None:
        if not Path(GO).exists():
            Path(HELD).touch()
            threading.Event().wait()  # for the end of this process
        save_rows(self, rows)

    Transaction.save = save  # type: ignore[method-assign]  # so that it is killed at that very moment
    InHand.add, InHand.ack = add, ack  # type: ignore[method-assign,assignment]  # this is what is broken


def forget_responses() -> None:
    """Keep the effect, and nothing of the request."""

    def save(_self: Transaction, _rows: Sequence[Any]) -> None:
        return

    Transaction.save = save  # type: ignore[method-assign,assignment]  # this is what is broken


if __name__ == "__main__":
    {"ack_before_commit": ack_before_commit, "forget_responses": forget_responses}[sys.argv.pop(1)]()
    main()
