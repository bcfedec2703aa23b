"""Making keys, for a file with keys; imported only by those who make some, because the libraries are large."""

from __future__ import annotations

import base64
import secrets
from enum import StrEnum
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from leveret.auth.keys import SHORTEST_SECRET

_RSA_BITS: Final = 3072


class KeyType(StrEnum):
    """What kind of key is made: for EdDSA, ES256, RS256 or HS256 tokens."""

    ED25519 = "ed25519"
    P256 = "p256"
    RSA = "rsa"
    OCT = "oct"


def new_key(kind: KeyType, kid: str) -> dict[str, Any]:
    """Make a key that verifies tokens and does not sign yet, as an entry of a file with keys."""
    return {**_make(kind), "kid": kid, "key_ops": ["verify"]}


def secret_entry(secret: bytes, kid: str) -> dict[str, Any]:
    """Write a secret as an entry of a file with keys: its tickets and fingerprints are known as long as it is there."""
    return {**_oct(secret), "kid": kid, "key_ops": ["deriveKey"]}


def _make(kind: KeyType) -> dict[str, Any]:
    if kind is KeyType.ED25519:
        return OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    if kind is KeyType.P256:
        return ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    if kind is KeyType.RSA:
        return RSAAlgorithm.to_jwk(generate_private_key(65537, _RSA_BITS), as_dict=True)
    return _oct(secrets.token_bytes(SHORTEST_SECRET))


def _oct(value: bytes) -> dict[str, Any]:
    return {"kty": "oct", "k": base64.urlsafe_b64encode(value).rstrip(b"=").decode()}
