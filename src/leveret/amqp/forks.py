"""Keeps a forked process away from its parent's sockets: whatever it wrote to its copies would reach the broker."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet


class SocketHolder(Protocol):
    """An object that holds a socket."""

    def socket_number(self) -> int:
        """Return the file descriptor, -1 when there is none."""

    def leave_to_parent(self) -> None:
        """End in this process, which was forked from the one that connected."""


_held: WeakSet[SocketHolder] = WeakSet()


def watch(holder: SocketHolder) -> None:
    """Take the holder's socket away from it in each process that is forked from this one."""
    _held.add(holder)


def _in_child() -> None:
    """Replace each copy by a socket that leads nowhere, and tell its holder.

    Closing the copy would not be enough: the next file that is opened gets its number, and the holder would close that.
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
        with suppress(RuntimeError):  # asyncio's debug mode, for the loop of a thread that does not exist here
            holder.leave_to_parent()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork; nothing else is done at import
    os.register_at_fork(after_in_child=_in_child)
