"""Finds out whether a broker answers: by the first step of the handshake, or by its management page."""

import base64
import contextlib
import http.client
import socket
import ssl
import struct

from leveret.process.urls import UrlParts, split_url

__all__ = ["answers", "greeting", "shows_page", "version_at"]

PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
CONNECTION_START = b"\x00\x0a\x00\x0a"
LARGEST_GREETING = 1 << 17
VERSION = b"\x07versionS"  # a name in the field table of server-properties, and the mark of a long string
DEFAULT_PORTS = {"amqp": 5672, "amqps": 5671}


def greeting(host: str, port: int, *, tls: bool = False, limit: float = 5.0) -> bytes | None:
    """Return the payload of the `connection.start` with which a broker answers; None when it does not.

    No credentials are sent, so the certificate is not checked. See AMQP 0-9-1, sections 2.2.4 (opening a connection)
    and 2.3.5 (frames).

    Args:
        host: where to connect to.
        port: where to connect to.
        tls: whether to use TLS.
        limit: seconds that each step may take.
    """
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        stream = stack.enter_context(socket.create_connection((host, port), timeout=limit))
        if tls:
            stream = stack.enter_context(unchecked_tls().wrap_socket(stream, server_hostname=host))
        stream.sendall(PROTOCOL_HEADER)
        reader = stack.enter_context(stream.makefile("rb"))
        head = reader.read(7)
        if len(head) < 7:
            return None
        kind, channel, size = struct.unpack(">BHI", head)
        if (kind, channel) == (1, 0) and size <= LARGEST_GREETING:
            payload = reader.read(size)
            return payload if payload.startswith(CONNECTION_START) and len(payload) == size else None
    return None


def answers(url: str, *, limit: float = 5.0) -> bool:
    """Return whether an AMQP 0-9-1 broker answers at an `amqp://` or `amqps://` address; an open port is not enough.

    Several addresses are separated by commas; one that answers is enough.
    """
    try:
        addresses = [split_url(part, *DEFAULT_PORTS) for part in url.split(",")]
    except ValueError:
        return False
    return any(_answers(address, limit) for address in addresses)


def _answers(address: UrlParts, limit: float) -> bool:
    tls, port = address.scheme == "amqps", address.port or DEFAULT_PORTS[address.scheme]
    return greeting(address.host or "localhost", port, tls=tls, limit=limit) is not None


def version_at(url: str) -> str | None:
    """Return the version of the RabbitMQ at an `amqp://` address, as its greeting tells it; None without an answer."""
    address = split_url(url, "amqp")
    _, found, rest = (greeting(address.host, address.port or DEFAULT_PORTS["amqp"]) or b"").partition(VERSION)
    if not found:
        return None
    length = int.from_bytes(rest[:4])
    return rest[4 : 4 + length].decode(errors="replace")


def shows_page(host: str, port: int, user: str, password: str, *, limit: float = 5.0) -> bool:
    """Return whether RabbitMQ's management page works; just after it opens its port it answers 500 (RabbitMQ 4.3.6).

    Args:
        host: where to connect to.
        port: where to connect to.
        user: who asks; a page that refuses this user works too.
        password: the password of that user.
        limit: seconds that each step may take.
    """
    words = base64.b64encode(f"{user}:{password}".encode()).decode()
    page = http.client.HTTPConnection(host, port, timeout=limit)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(page):
        page.request("GET", "/api/overview", headers={"Authorization": f"Basic {words}"})
        return page.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    return False


def unchecked_tls() -> ssl.SSLContext:
    """Return a TLS context that accepts any certificate; it must not be used to send secrets."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
