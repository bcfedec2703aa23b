"""After a fork the child has a copy of each socket, and whatever it did with one would reach the parent's broker."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet


class SocketHolder(Protocol):
    """What holds a socket."""

    def socket_number(self) -> int:
        """The file descriptor, -1 when there is none."""

    def leave_to_parent(self) -> None:
        """Be over in this process, which was forked from the one that connected."""


_held: WeakSet[SocketHolder] = WeakSet()


def watch(holder: SocketHolder) -> None:
    """Take its socket away from it in each child of this process, where processes can be forked."""
    _held.add(holder)


def _in_child() -> None:
    """Put a dead socket in the place of each copy, so that nothing can read or write there; then tell its holder.

    The copy is not only closed: its number would soon stand for another file, and its holder would close that.
    """
    holders = list(_held)
    _held.clear()
    for holder in holders:
        if (number := holder.socket_number()) >= 0:
            ours, other = socket.socketpair()
            other.close()
            os.dup2(ours.fileno(), number, inheritable=False)
            ours.close()
    for holder in holders:
        with suppress(RuntimeError):  # a loop of another thread, in asyncio's debug mode; nothing runs in it any more
            holder.leave_to_parent()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork; the one thing that is done at import
    os.register_at_fork(after_in_child=_in_child)
