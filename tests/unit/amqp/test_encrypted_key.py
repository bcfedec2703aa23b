"""An encrypted key of the client: the error says so, and nobody is asked for a passphrase."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from leveret.amqp import ConnectFailed, Connection

LIMIT = 60.0


@pytest.fixture(params=[PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def query(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the part of an address that names a certificate with an encrypted key, in each of its two forms."""
    issued = trustme.CA().issue_cert("client.example")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    (tmp_path / "cert.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    encrypted = key.private_bytes(Encoding.PEM, request.param, BestAvailableEncryption(b"correct horse"))
    (tmp_path / "key.pem").write_bytes(encrypted)
    return f"certfile={tmp_path / 'cert.pem'}&keyfile={tmp_path / 'key.pem'}"


async def test_an_encrypted_key_is_refused_in_words(query: str) -> None:
    with pytest.raises(ConnectFailed, match=r"key\.pem: the key is encrypted.*openssl pkey") as caught:
        await Connection.open(f"amqps://127.0.0.1:1/?{query}")
    assert caught.value.fatal


@pytest.mark.skipif(sys.platform != "linux", reason="setsid gives a process a terminal of its own on Linux")
@pytest.mark.parametrize("command", ["queues", "worker"])
def test_nobody_is_asked_for_a_passphrase_on_a_terminal(command: str, query: str, tmp_path: Path) -> None:
    here, terminal = os.openpty()
    environment = {name: text for name, text in os.environ.items() if not name.startswith("TASKMANAGER_")}
    environment["TASKMANAGER_AMQP_URL"] = f"amqps://127.0.0.1:1/?{query}"
    try:
        done = subprocess.run(
            ["/usr/bin/setsid", "--ctty", "--wait", sys.executable, "-P", "-m", "taskmanager", command],
            stdin=terminal,
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env=environment,
            timeout=LIMIT,
            text=True,
        )
        os.set_blocking(here, False)
        with pytest.raises(BlockingIOError):
            os.read(here, 1)
    finally:
        os.close(here)
        os.close(terminal)
    assert done.returncode == 3
    assert "the key is encrypted" in done.stderr
