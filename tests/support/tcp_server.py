"""A small TCP server in a thread, for tests that need a peer without asyncio."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving_in_thread(server: socketserver.TCPServer) -> Iterator[int]:
    """Serve while the block runs, and yield the server's port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
