"""The command `console` over HTTPS: with a certificate of its own, and behind a proxy that has one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from support.certificates import Certificate
from support.command import Commands
from support.tls_proxy import tls_proxy

NAME = "console.example"
PASSWORD = "correct horse battery"
SAME_SITE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path, NAME)


@contextmanager
def encrypted_console(commands: Commands, certificate: Certificate, *, behind_proxy: bool) -> Iterator[int]:
    """Serve a console, by itself or behind a proxy, and yield the port of HTTPS."""
    added = commands.run("console", "user", "add", "ada", "--role", "viewer", given=f"{PASSWORD}\n".encode())
    assert added.returncode == 0
    options = ("--behind-proxy",) if behind_proxy else certificate.options
    host = "127.0.0.1" if behind_proxy else "0.0.0.0"
    console = commands.start("console", "--host", host, "--port", "0", "--name", NAME, *options)
    shown = "http://127.0.0.1:" if behind_proxy else f"https://{NAME}:"
    console.says(f"console of taskmanager: {shown}")
    found = re.search(r":(\d+)/", console.output)
    assert found
    if behind_proxy:
        with tls_proxy(int(found[1]), certificate.server, "192.0.2.7") as port:
            yield port
    else:
        yield int(found[1])
    assert console.stop() == 0


@pytest.mark.parametrize("behind_proxy", [False, True], ids=["own certificate", "behind a proxy"])
def test_a_console_over_https_keeps_its_session_to_https_and_to_its_name(
    commands: Commands, certificate: Certificate, behind_proxy: bool
) -> None:
    with encrypted_console(commands, certificate, behind_proxy=behind_proxy) as port:
        named = {"host": f"{NAME}:{port}"}
        with httpx2.Client(base_url=f"https://127.0.0.1:{port}", verify=certificate.client, headers=named) as browser:
            door = browser.get("/letters?text=sofa")
            assert (door.status_code, door.headers["location"]) == (303, "/sign-in?next=/letters%3Ftext%3Dsofa")
            assert door.headers["strict-transport-security"] == "max-age=31536000"
            account = {"name": "ada", "password": PASSWORD}
            for origin, status in (("http", 403), ("https", 303)):
                sent = {"origin": f"{origin}://{NAME}:{port}"}
                entered = browser.post("/sign-in", data=account, headers=sent)
                assert entered.status_code == status
            cookie = entered.headers["set-cookie"]
            assert cookie.startswith("__Host-taskmanager-console=")
            assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
            assert "Domain" not in cookie
            assert browser.get("/actions").status_code == 200
            with browser.stream("GET", "/live/overview", timeout=20) as live:
                assert live.headers["x-accel-buffering"] == "no"
                assert next(line for line in live.iter_lines() if line.startswith("data:"))
            assert browser.get("/actions", headers={"host": "other.example"}).status_code == 421
            local = browser.get("/sign-in", headers={"host": f"localhost:{port}"})
            assert "strict-transport-security" not in local.headers
            assert local.status_code == (303 if behind_proxy else 421)
            left = browser.post("/sign-out", headers=SAME_SITE)
            assert (left.status_code, left.headers["location"]) == (303, "/sign-in")
            assert browser.get("/actions").status_code == 303


def test_a_certificate_that_cannot_be_used_is_told_as_that(commands: Commands, certificate: Certificate) -> None:
    cert, key = map(str, certificate.files)
    locked = certificate.files[1].with_name("locked.pem")
    private = load_pem_private_key(certificate.issued.private_key_pem.bytes(), None)
    locked.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"horse")))
    for files, said in (
        (("/nowhere.pem", key), "No such file or directory"),
        ((key, key), "the certificate cannot be used"),
        ((cert, str(locked)), "the key is encrypted"),
    ):
        ended = commands.run("console", "--port", "0", "--cert", files[0], "--key", files[1])
        assert ended.returncode == 2
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr
