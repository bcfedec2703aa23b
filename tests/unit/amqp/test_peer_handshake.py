"""Logging in to a scripted broker."""

import asyncio
import ssl

import pytest
import trustme
from pamqp import commands

from leveret.amqp import (
    AmqpTimeout,
    ConnectFailed,
    Connection,
    ConnectTimedOut,
    InvalidArgument,
    Limits,
    ProtocolError,
)
from support.amqp_peer import Peer, Talk

QUICK = Limits(connect=0.2, rpc=0.2, confirm=0.2, close=0.2)


async def test_we_say_who_we_are_and_what_we_understand() -> None:
    said: list[commands.Connection.StartOk] = []

    async def script(talk: Talk) -> None:
        said.append(await talk.start())
        talk.send(commands.Connection.Tune(0, 0, 0), channel=0)
        await talk.expect(commands.Connection.TuneOk)
        opened = await talk.expect(commands.Connection.Open)
        assert opened.virtual_host == "a/b"
        talk.send(commands.Connection.OpenOk(), channel=0)
        await talk.hear_goodbye()

    async with Peer.running(script) as peer:
        connection = await Connection.open(peer.url + "a%2fb", name="me")
        await connection.close()
    start_ok = said[0]
    assert (start_ok.mechanism, start_ok.response) == ("PLAIN", "\0guest\0guest")
    assert start_ok.client_properties["connection_name"] == "me"
    assert start_ok.client_properties["capabilities"] == {
        "authentication_failure_close": True,
        "basic.nack": True,
        "connection.blocked": True,
        "consumer_cancel_notify": True,
        "exchange_exchange_bindings": True,
        "publisher_confirms": True,
    }


@pytest.mark.parametrize(
    ("offered", "asked", "agreed"),
    [
        ((0, 0, 0), None, (2047, 131072, 60)),
        ((10, 4096, 30), None, (10, 4096, 30)),
        ((5000, 1048576, 600), None, (2047, 131072, 60)),
        ((10, 131072, 60), 7, (10, 131072, 7)),
        ((10, 131072, 60), 0, (10, 131072, 0)),
    ],
)
async def test_the_smaller_limit_is_agreed_on(
    offered: tuple[int, int, int], asked: int | None, agreed: tuple[int, int, int]
) -> None:
    told: list[commands.Connection.TuneOk] = []

    async def script(talk: Talk) -> None:
        await talk.start()
        talk.send(commands.Connection.Tune(*offered), channel=0)
        told.append(await talk.expect(commands.Connection.TuneOk))
        await talk.expect(commands.Connection.Open)
        talk.send(commands.Connection.OpenOk(), channel=0)
        await talk.hear_goodbye()

    async with Peer.running(script) as peer:
        connection = await Connection.open(peer.url, heartbeat=asked)
        assert (connection.channel_max, connection.frame_max, connection.heartbeat) == agreed
        assert (told[0].channel_max, told[0].frame_max, told[0].heartbeat) == agreed
        await connection.close()


async def test_the_address_may_say_how_often_hearts_beat() -> None:
    async def script(talk: Talk) -> None:
        await talk.greet(beats=60)
        await talk.hear_goodbye()

    async with Peer.running(script) as peer:
        connection = await Connection.open(peer.url + "?heartbeat=9")
        assert connection.heartbeat == 9
        await connection.close()


@pytest.mark.parametrize(
    ("code", "text", "fatal", "says"),
    [
        (403, "ACCESS_REFUSED - Login was refused", True, "password"),
        (530, "NOT_ALLOWED - vhost v not found", True, "vhost"),
        (
            530,
            "NOT_ALLOWED - access to vhost '/' refused for user 'u': connection limit (1) is reached",
            False,
            "limit",
        ),
        (541, "INTERNAL_ERROR", False, "INTERNAL_ERROR"),
    ],
)
async def test_a_refused_log_in_says_why_and_whether_waiting_can_help(
    code: int, text: str, fatal: bool, says: str
) -> None:
    async def script(talk: Talk) -> None:
        await talk.start()
        talk.send(commands.Connection.Close(code, text, 0, 0), channel=0)
        await talk.expect(commands.Connection.CloseOk)

    async with Peer.running(script) as peer:
        with pytest.raises(ConnectFailed, match=says) as caught:
            await Connection.open(peer.url.replace("guest:guest", "me:s3cret"))
    assert caught.value.fatal is fatal
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"AMQP\x00\x01\x00\x00", "AMQP"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "without TLS"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "without TLS"),
        (b"", "hung up"),
    ],
)
async def test_what_does_not_speak_amqp_is_told_as_that(answer: bytes, says: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.reader.readexactly(8)
        talk.send_bytes(answer)
        if answer:
            await talk.drain_until_gone()

    async with Peer.running(script) as peer:
        with pytest.raises(ConnectFailed, match=says):
            await Connection.open(peer.url)


async def test_an_old_protocol_a_foreign_login_and_tiny_frames_are_refused() -> None:
    async def old(talk: Talk) -> None:
        talk.send(commands.Connection.Start(0, 8), channel=0)
        await talk.drain_until_gone()

    async def foreign(talk: Talk) -> None:
        talk.send(commands.Connection.Start(mechanisms="EXTERNAL"), channel=0)
        await talk.drain_until_gone()

    async def tiny(talk: Talk) -> None:
        await talk.start()
        talk.send(commands.Connection.Tune(10, 100, 0), channel=0)
        await talk.drain_until_gone()

    for script, says in ((old, "AMQP 0-8"), (foreign, "EXTERNAL"), (tiny, "100 bytes")):
        async with Peer.running(script) as peer:
            with pytest.raises(ConnectFailed, match=says):
                await Connection.open(peer.url)


async def test_a_broker_that_accepts_and_stays_silent_is_a_timeout_that_names_it() -> None:
    async with Peer.running(Talk.drain_until_gone_quietly) as peer:
        with pytest.raises(ConnectTimedOut, match=rf"127\.0\.0\.1:{peer.port} did not answer") as caught:
            await Connection.open(peer.url, limits=QUICK)
        assert isinstance(caught.value, ConnectFailed)
        assert isinstance(caught.value, AmqpTimeout)
        with pytest.raises(ConnectTimedOut, match=r"0\.05 s"):
            await Connection.open(peer.url + "?connection_timeout=50")


async def test_a_cancelled_log_in_leaves_no_socket_behind() -> None:
    hung_up = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.start()
        await talk.drain_until_gone()
        hung_up.set()

    async with Peer.running(script) as peer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await Connection.open(peer.url)
        await asyncio.wait_for(hung_up.wait(), 5)


async def test_a_port_where_nobody_listens_and_a_name_that_nobody_has_are_told() -> None:
    async with Peer.running(Talk.drain_until_gone_quietly) as peer:
        url = peer.url
    with pytest.raises(ConnectFailed, match=r"Connection refused\. Is RabbitMQ running there") as caught:
        await Connection.open(url)
    assert not caught.value.fatal
    with pytest.raises(ConnectFailed, match="was not found"):
        await Connection.open("amqp://no-such-host.invalid")


@pytest.mark.parametrize("heartbeat", [-1, 65536])
async def test_a_heartbeat_that_amqp_cannot_carry_is_refused_before_connecting(heartbeat: int) -> None:
    with pytest.raises(InvalidArgument, match="heartbeat"):
        await Connection.open("amqp://127.0.0.1:1", heartbeat=heartbeat)


def test_a_limit_of_no_time_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="'rpc'"):
        Limits(rpc=0)


def tls_server(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    return context


async def test_tls_with_a_certificate_of_the_named_ca_is_accepted(tmp_path_factory: pytest.TempPathFactory) -> None:
    ca = trustme.CA()
    cafile = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(cafile))

    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.hear_goodbye()

    async with Peer.running(script, tls=tls_server(ca, "127.0.0.1")) as peer:
        url = peer.url.replace("amqp:", "amqps:")
        connection = await Connection.open(f"{url}?cacertfile={cafile}")
        await connection.close()
    async with Peer.running(script, tls=tls_server(ca, "broker.example")) as peer:
        url = peer.url.replace("amqp:", "amqps:")
        named = f"{url}?cacertfile={cafile}&server_name_indication=broker.example"
        await (await Connection.open(named)).close()


async def test_a_stranger_s_certificate_and_a_wrong_host_name_are_refused(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    ca = trustme.CA()
    cafile = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(cafile))
    async with Peer.running(Talk.drain_until_gone_quietly, tls=tls_server(trustme.CA(), "127.0.0.1")) as peer:
        with pytest.raises(ConnectFailed, match="certificate") as caught:
            await Connection.open(f"{peer.url.replace('amqp:', 'amqps:')}?cacertfile={cafile}")
    assert caught.value.fatal
    async with Peer.running(Talk.drain_until_gone_quietly, tls=tls_server(ca, "other.example")) as peer:
        with pytest.raises(ConnectFailed, match=r"not valid for|match") as caught:
            await Connection.open(f"{peer.url.replace('amqp:', 'amqps:')}?cacertfile={cafile}")
    assert caught.value.fatal


async def test_tls_where_the_broker_speaks_plain_and_missing_files_are_told() -> None:
    async def plain(talk: Talk) -> None:
        talk.send_bytes(b"AMQP\x00\x00\x09\x01")
        await talk.drain_until_gone()

    async with Peer.running(plain) as peer:
        url = peer.url.replace("amqp:", "amqps:")
        with pytest.raises(ConnectFailed, match="TLS"):
            await Connection.open(url)
        with pytest.raises(ConnectFailed, match=r"/nowhere/ca\.pem"):
            await Connection.open(f"{url}?cacertfile=/nowhere/ca.pem")


async def test_a_protocol_error_of_the_handshake_is_kept_as_the_cause() -> None:
    async def script(talk: Talk) -> None:
        talk.send_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await talk.drain_until_gone()

    async with Peer.running(script) as peer:
        with pytest.raises(ConnectFailed) as caught:
            await Connection.open(peer.url)
    assert isinstance(caught.value.__cause__, ProtocolError)
