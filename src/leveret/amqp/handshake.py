"""How a connection is opened: name look-up, socket, TLS, log-in, agreement on sizes (AMQP 0-9-1 section 2.2.4)."""

from __future__ import annotations

import asyncio
import ipaddress
import platform
import socket
import ssl
from importlib.metadata import PackageNotFoundError, version
from typing import cast

import msgspec
from pamqp.commands import Connection

from leveret.amqp.address import Address
from leveret.amqp.errors import ConnectFailed, ConnectionLost, ProtocolError
from leveret.amqp.frames import PROTOCOL_HEADER
from leveret.amqp.link import Link
from leveret.amqp.message import FieldTable
from leveret.amqp.methods import build, encode_method, encode_start_ok
from leveret.amqp.questions import Questions

CHANNEL_MAX = 2047
FRAME_MAX = 131072
FRAME_MIN = 4096
HEARTBEAT = 60
"""Seconds between heartbeats, when neither the caller nor the address gives a number."""

_CAPABILITIES: FieldTable = {
    "publisher_confirms": True,
    "exchange_exchange_bindings": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}


class Agreement(msgspec.Struct, frozen=True):
    """What both sides agreed on. `heartbeat` is in seconds, 0 for none."""

    server_properties: FieldTable
    frame_max: int
    channel_max: int
    heartbeat: int


async def look_up(address: Address) -> tuple[Address, ...]:
    """Look up the host, and return the address once for each of its IP addresses, in the resolver's order (RFC 6724).

    Raises:
        ConnectFailed: The name was not found.
    """
    if address.number is not None or _is_number(address.host):
        return (address,)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it cannot be the name of a host"
        raise ConnectFailed(f"{address}: the host name {address.host!r} was not found ({why})") from error
    numbers = dict.fromkeys(str(place[0]) for *_, place in found)
    return tuple(msgspec.structs.replace(address, number=number) for number in numbers)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def dial(address: Address, link: Link) -> None:
    """Open the socket for `link`, encrypted if the address says so.

    Raises:
        ConnectFailed: The connection was refused, or the certificate is not valid; the text says what to do.
    """
    context = _tls_context(address) if address.tls else None
    name = (address.server_name or address.host) if context else None
    host = address.number or address.host
    try:
        await link.loop.create_connection(lambda: link, host, address.port, ssl=context, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        raise ConnectFailed(
            f"{address}: the broker's certificate is not trusted: {error.verify_message}. Name its CA with "
            "cacertfile=, or connect with the host name that is in the certificate",
            fatal=True,
        ) from error
    except ssl.SSLError as error:
        raise ConnectFailed(
            f"{address}: TLS failed: {error.reason or error}. Is this the broker's TLS port?"
        ) from error
    except OSError as error:
        why = "Connection refused" if isinstance(error, ConnectionRefusedError) else error.strerror or error
        raise ConnectFailed(f"{address}: {why}. Is RabbitMQ running there, and is the port right?") from error


def _tls_context(address: Address) -> ssl.SSLContext:
    """Return a context that checks certificates and host names, as ssl.create_default_context does."""

    def refuse() -> str:  # otherwise OpenSSL asks on the terminal, and blocks the event loop meanwhile
        raise ConnectFailed(
            f"{address}: {address.keyfile or address.certfile}: the key is encrypted, and nobody is asked for its "
            "passphrase. Use a key without one: `openssl pkey -in KEY -out NEW` writes it; only its owner may read it",
            fatal=True,
        )

    try:
        context = ssl.create_default_context(cafile=address.cafile)
        if address.certfile:
            context.load_cert_chain(address.certfile, address.keyfile, password=refuse)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(filter(None, (address.cafile, address.certfile, address.keyfile)))
        raise ConnectFailed(f"{address}: cannot use the certificate files {files}: {error}", fatal=True) from error
    return context


async def log_in(address: Address, link: Link, questions: Questions, name: str, heartbeat: int) -> Agreement:
    """Log in, agree on sizes and heartbeats, and open the vhost.

    Raises:
        ProtocolError: The broker does not speak AMQP 0-9-1.
        ConnectFailed: The broker does not offer PLAIN logins.
        ConnectionLost: The broker refused, or closed the connection.
    """
    # The header is sent here and not in `connection_made`: its answer may come before anybody waits for it.
    greeting = "the broker's greeting (connection.start)"
    start = await questions.ask(lambda: link.write(PROTOCOL_HEADER), greeting, Connection.Start)
    _check_start(start)
    start_ok = encode_start_ok(_client_properties(name), address.user, address.password)
    tune = await questions.ask(lambda: link.write(start_ok), "the log-in (connection.start-ok)", Connection.Tune)
    agreed = _agree(start, tune, heartbeat)
    link.reader.frame_max = agreed.frame_max
    tune_ok = Connection.TuneOk(agreed.channel_max, agreed.frame_max, agreed.heartbeat)
    link.write(encode_method(0, tune_ok))
    opening = encode_method(0, build(Connection.Open, virtual_host=address.vhost))
    await questions.ask(lambda: link.write(opening), f"connection.open of vhost {address.vhost!r}", Connection.OpenOk)
    return agreed


def _version() -> str:
    try:
        return version("leveret")
    except PackageNotFoundError:  # the source tree is not installed
        return "unknown"


def _client_properties(name: str) -> FieldTable:
    return {
        "product": "leveret",
        "version": _version(),
        "platform": f"{platform.python_implementation()} {platform.python_version()}",
        "connection_name": name,
        "capabilities": _CAPABILITIES,
    }


def _check_start(start: Connection.Start) -> None:
    if (start.version_major, start.version_minor) != (0, 9):
        raise ProtocolError(f"the peer speaks AMQP {start.version_major}-{start.version_minor}, not 0-9-1", 501)
    mechanisms: object = start.mechanisms  # annotated as text in pamqp, but bytes when they are not UTF-8
    names = mechanisms.split() if isinstance(mechanisms, str) else []
    if "PLAIN" not in names:
        raise ConnectFailed(f"the broker does not offer PLAIN logins, only {mechanisms!r}", fatal=True)


def _agree(start: Connection.Start, tune: Connection.Tune, heartbeat: int) -> Agreement:
    """Return the smaller of each two limits, where 0 means no limit; a heartbeat of 0 on our side stays 0."""
    frame_max = min(tune.frame_max or FRAME_MAX, FRAME_MAX)
    if frame_max < FRAME_MIN:
        raise ProtocolError(f"the broker wants frames of at most {frame_max} bytes; AMQP requires {FRAME_MIN}", 501)
    return Agreement(
        server_properties=cast("FieldTable", start.server_properties),
        frame_max=frame_max,
        channel_max=min(tune.channel_max or CHANNEL_MAX, CHANNEL_MAX),
        heartbeat=min(heartbeat, tune.heartbeat) if tune.heartbeat else heartbeat,
    )


def refused(address: Address, error: ConnectionLost) -> ConnectFailed:
    """Return the error for a connection that ended during the handshake; its text says what to do."""
    where, words = str(address), error.text
    temporary = any(word in words for word in ("limit", "down", "maximum"))
    match error.reply_code:
        case 403:
            text = f"{where}: user or password is wrong, or this user may not log in from here: {words}"
        case 530:
            text = f"{where}: the vhost {address.vhost!r} cannot be used: {words}"
        case _ if isinstance(error, ProtocolError):
            how = "with" if address.tls else "without"
            text = f"{where}: {words}. Is this the port where the broker speaks AMQP {how} TLS?"
        case _:
            text = f"{where}: {words} during the log-in"
    failed = ConnectFailed(text, fatal=error.reply_code in (403, 530) and not temporary)
    failed.__cause__ = error
    return failed
