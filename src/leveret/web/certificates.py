"""Certificates for HTTPS."""

from __future__ import annotations

import ssl

from leveret.errors import SettingsError


def check_certificate(certificate: str | None, key: str | None) -> None:
    """Check that certificate and key can be used, before uvicorn reads them.

    Args:
        certificate: path of a certificate with its chain; None for none.
        key: path of its private key.

    Raises:
        SettingsError: a file cannot be read, the two do not belong together, or the key has a passphrase.
    """
    if certificate is None:
        return

    def refuse() -> str:  # otherwise OpenSSL asks on the terminal
        encrypted = (
            f"{key}: the key is encrypted, and nobody is asked for its passphrase. Use a key without one: "
            "`openssl pkey -in KEY -out NEW` writes it; only its owner may read it"
        )
        raise SettingsError([encrypted])

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=refuse)
    except OSError as error:  # an SSLError is one too
        why = error.strerror if not isinstance(error, ssl.SSLError) else error.reason or "it is not one in PEM form"
        files = f"--cert {certificate}, --key {key}"
        raise SettingsError([f"the certificate cannot be used: {files}: {why}"]) from error
