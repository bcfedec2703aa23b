"""The client for scripts: the same calls without an event loop of one's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from leveret.amqp import Addresses
from leveret.client.client import DEFAULT_TIMEOUT, FORKED, Client
from leveret.client.dispatch import OnLost
from leveret.client.in_flight import Received
from leveret.client.loop_thread import LoopStopped, LoopThread
from leveret.errors import NoAnswer, NotSent
from leveret.topology import Topology

T = TypeVar("T")


class BlockingClient:
    """A `Client` for programs without an event loop: ``with BlockingClient(url) as client``.

    It may be used from any number of threads; their calls share one connection, which is kept alive between calls by a
    thread of its own. A Ctrl-C gives up the call that waits and leaves the client usable. Inside an event loop it would
    block the loop: use `Client` there.

    A process that is forked needs a client of its own: with this one it is told `NotSent` at once.

    Args:
        address, topology, name, on_lost, patience: as `Client`.

    Raises:
        ValueError: the address is not one.
    """

    def __init__(
        self,
        address: Addresses | str,
        *,
        topology: Topology | None = None,
        name: str = "leveret client",
        on_lost: OnLost = "reask",
        patience: float = 0.0,
    ) -> None:
        self._client = Client(address, topology=topology, name=name, on_lost=on_lost, patience=patience)
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
        """Fail what is in flight, say goodbye to the broker, and be done; closing again does nothing.

        In a process that was forked after `connect` it only forgets the connection, which is the other process's.
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

    def call(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Client.call`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Any:
        """Have an action executed and return its result; arguments and errors are those of `Client.call`."""
        return self._run(lambda: self._client.call(action, data, version=version, token=token, id=id, timeout=timeout))

    def ask(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Client.call`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Received:
        """Like `call`, but return the whole reply and its bytes; an error response is a reply like any other."""
        return self._run(lambda: self._client.ask(action, data, version=version, token=token, id=id, timeout=timeout))

    def send(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Client.call`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> str:
        """Have an action executed some time, without a reply; arguments and errors are those of `Client.send`."""
        return self._run(lambda: self._client.send(action, data, version=version, token=token, id=id, timeout=timeout))

    def _check_process(self) -> None:
        if self._thread is not None and not self._thread.is_ours:
            raise NotSent(f"Nothing was sent: {FORKED}")

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._check_process()
        thread = self._thread
        if thread is None:
            raise NotSent("The client is not connected: use 'with' or connect()")
        try:
            return thread.run(work)
        except LoopStopped as error:
            raise NoAnswer("The client was closed meanwhile; the request may have been executed") from error
