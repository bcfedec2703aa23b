"""Which requests with an ``Idempotency-Key`` run in this process now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from leveret.web.gateway.problems import HttpProblem
from leveret.web.gateway.reading import HttpCall

_SOON: Final = "1"
"""Seconds after which to ask again."""


class Running:
    """The requests with a key that run now, by caller and key.

    A second one with the same key is refused (draft-ietf-httpapi-idempotency-key-header-07, 2.7). Where it reaches
    another gateway instead, workers execute the request once all the same, and both get the same answer.
    """

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def beginning(self, call: HttpCall) -> Iterator[None]:
        """Let a request run during the block.

        Raises:
            HttpProblem: one with the same key runs.
        """
        if not call.has_key:
            yield
            return
        key = call.token, call.id
        if key in self._keys:
            raise HttpProblem(
                "in_progress",
                f"The request with this Idempotency-Key is still running: ask again in {_SOON} s for its answer",
                headers={"Retry-After": _SOON},
            )
        self._keys.add(key)
        try:
            yield
        finally:
            self._keys.discard(key)
