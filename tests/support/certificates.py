"""Certificates for doors over HTTPS."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Certificate:
    """A certificate for a name and for this machine, and who trusts it."""

    def __init__(self, folder: Path, name: str) -> None:
        authority = trustme.CA()
        self.issued = authority.issue_cert(name, "127.0.0.1")
        self.files = folder / "cert.pem", folder / "key.pem"
        self.issued.cert_chain_pems[0].write_to_path(str(self.files[0]))
        self.issued.private_key_pem.write_to_path(str(self.files[1]))
        self.client, self.server = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.configure_trust(self.client)
        self.issued.configure_cert(self.server)

    @property
    def options(self) -> tuple[str, ...]:
        """What makes a command use it."""
        return "--cert", str(self.files[0]), "--key", str(self.files[1])
