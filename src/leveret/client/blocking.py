"""The client for scripts: the same calls, without an event loop in the program."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from leveret.amqp import Addresses
from leveret.client.blocking_caller import BlockingCaller
from leveret.client.caller import DEFAULT_TIMEOUT
from leveret.client.client import FORKED, Client
from leveret.client.loop_thread import LoopStopped, LoopThread
from leveret.client.transport import OnLost
from leveret.errors import NoAnswer, NotSent
from leveret.topology import Topology

T = TypeVar("T")


class BlockingClient(BlockingCaller):
    """A `Client` for programs without an event loop: ``with BlockingClient(url) as client``.

    `BlockingCaller.call` is how: by name, or by an action's function.

    Any number of threads may use it. Their calls share one connection, which a thread of the client keeps alive between
    calls. Ctrl-C ends the call that waits, and the client can be used again afterwards. Inside an event loop it would
    block the loop: use `Client` there.

    A forked process needs a client of its own: in it, this one raises `NotSent` at once.

    Args:
        address, queues, topology, name, on_lost, patience: as for `Client`.

    Raises:
        ValueError: the address is not valid.
        TypeError: both ``queues`` and ``topology`` are given.
    """

    def __init__(
        self,
        address: Addresses | str,
        queues: Topology | str | None = None,
        *,
        topology: Topology | None = None,
        name: str = "leveret client",
        on_lost: OnLost = "reask",
        patience: float = 0.0,
    ) -> None:
        self._client = Client(address, queues, topology=topology, name=name, on_lost=on_lost, patience=patience)
        super().__init__(self._client, self._run_in_thread)
        self._name = name
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None

    def __enter__(self) -> Self:
        return self.connect()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def connect(self) -> Self:
        """Connect; ``with`` does it.

        Raises:
            NotSent: there is no connection; the text says what to do.
            RuntimeError: it is connected already.
        """
        self._check_process()
        with self._lock:
            if self._thread is not None:
                raise RuntimeError("The client is connected already")
            thread = LoopThread(self._name)
            try:
                thread.run(self._client.connect)
            except BaseException:
                thread.stop()
                raise
            self._thread = thread
        return self

    def close(self) -> None:
        """Fail the calls in flight and close the connection; closing again does nothing.

        In a process that was forked after `connect` it only forgets the connection, which belongs to the other process.
        """
        if self._thread is not None and not self._thread.is_ours:
            self._thread = None
            return
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            try:
                thread.run(self._client.close)
            finally:
                thread.stop()

    def send(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> str:
        """Send a request without waiting for a reply; arguments and errors are those of `Client.send`."""
        return self._run(lambda: self._client.send(action, data, version=version, token=token, id=id, timeout=timeout))

    def _check_process(self) -> None:
        if self._thread is not None and not self._thread.is_ours:
            raise NotSent(f"Nothing was sent: {FORKED}")

    def _run_in_thread(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._check_process()
        thread = self._thread
        if thread is None:
            raise NotSent("The client is not connected: use 'with' or connect()")
        try:
            return thread.run(work)
        except LoopStopped as error:
            raise NoAnswer("The client was closed meanwhile; the request may have been executed") from error
