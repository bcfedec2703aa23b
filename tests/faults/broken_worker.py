"""A worker that breaks a promise, chosen by its argument: what the ledger must see."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from taskmanager.cli import main
from warren.serving.settle import Unsettled
from warren.sql import SqlTransaction


def ack_before_commit() -> None:
    """Ack each request when it comes, before it is executed."""

    def add(self: Unsettled, tag: int) -> None:
        self._channel.ack(tag)

    def ack(_self: Unsettled, _tags: Sequence[int]) -> None:
        return

    Unsettled.add, Unsettled.ack = add, ack  # type: ignore[method-assign,assignment]  # this is what is broken


def forget_responses() -> None:
    """Keep the effect, and nothing of the request."""

    def save(_self: SqlTransaction, _rows: Sequence[Any]) -> None:
        return

    SqlTransaction.save = save  # type: ignore[method-assign,assignment]  # this is what is broken


if __name__ == "__main__":
    {"ack_before_commit": ack_before_commit, "forget_responses": forget_responses}[sys.argv.pop(1)]()
    main()
