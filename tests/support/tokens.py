"""Tokens, good and forged ones, made without the code under test."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

SECRET = b"0123456789abcdef0123456789abcdef"
OTHER_SECRET = b"the secret of last year, 32 bytes"
OCT = b"an oct key of the file, 32 bytes."
ISSUER = "test"
NOW = 1_800_000_000.0

Signer = Callable[[bytes], bytes]


@cache
def ed25519(name: str = "ed") -> Ed25519PrivateKey:
    """A private key, the same for the same name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


@cache
def p256(name: str = "ec") -> ec.EllipticCurvePrivateKey:
    """A private key, the same for the same name."""
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest()[:31]), ec.SECP256R1())


@cache
def rsa(bits: int = 2048) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def oct_jwk(secret: bytes, **members: Any) -> dict[str, Any]:
    return {"kty": "oct", "k": b64(secret), **members}


def ed_jwk(key: Ed25519PrivateKey | None = None, *, private: bool = False, **members: Any) -> dict[str, Any]:
    key = key or ed25519()
    return {**OKPAlgorithm.to_jwk(key if private else key.public_key(), as_dict=True), **members}


def ec_jwk(key: ec.EllipticCurvePrivateKey | None = None, *, private: bool = False, **members: Any) -> dict[str, Any]:
    key = key or p256()
    return {**ECAlgorithm.to_jwk(key if private else key.public_key(), as_dict=True), **members}


def rsa_jwk(key: RSAPrivateKey | None = None, *, private: bool = False, **members: Any) -> dict[str, Any]:
    key = key or rsa()
    written = RSAAlgorithm.to_jwk(key if private else key.public_key(), as_dict=True)
    return {**{name: value for name, value in written.items() if name != "key_ops"}, **members}


def key_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def whole_key_set() -> bytes:
    """Return a key set with a key of each kind, none of which signs, and with a former secret."""
    return key_set(
        oct_jwk(OCT, kid="oct"),
        ed_jwk(kid="ed", alg="EdDSA", use="sig"),
        ec_jwk(kid="ec", alg="ES256", use="sig"),
        rsa_jwk(kid="rsa", key_ops=["verify"]),
        oct_jwk(OTHER_SECRET, kid="former", key_ops=["deriveKey"]),
    )


def hs256(secret: bytes) -> Signer:
    return lambda text: hmac.digest(secret, text, "sha256")


def eddsa(text: bytes) -> bytes:
    return ed25519().sign(text)


def es256(text: bytes) -> bytes:
    """Sign, and return the two numbers, 32 bytes each (RFC 7518, section 3.4)."""
    return b"".join(number.to_bytes(32) for number in decode_dss_signature(es256_der(text)))


def es256_der(text: bytes) -> bytes:
    """Sign, and return the signature in the usual form, which JOSE does not use."""
    return p256().sign(text, ec.ECDSA(hashes.SHA256()))


def rs256(text: bytes) -> bytes:
    return rsa().sign(text, padding.PKCS1v15(), hashes.SHA256())


def pss(text: bytes) -> bytes:
    return rsa().sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | RSAPrivateKey) -> bytes:
    """Return the public key as PEM."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def der(key: Ed25519PrivateKey | RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


HEADERS: dict[str | None, dict[str, Any]] = {
    None: {"alg": "HS256", "typ": "JWT"},
    "oct": {"alg": "HS256", "typ": "JWT", "kid": "oct"},
    "ed": {"alg": "EdDSA", "typ": "JWT", "kid": "ed"},
    "ec": {"alg": "ES256", "typ": "JWT", "kid": "ec"},
    "rsa": {"alg": "RS256", "typ": "JWT", "kid": "rsa"},
}
SIGNERS: dict[str | None, Signer] = {None: hs256(SECRET), "oct": hs256(OCT), "ed": eddsa, "ec": es256, "rsa": rs256}


def good_claims(now: float = NOW) -> dict[str, Any]:
    return {"sub": "7", "iat": int(now), "exp": int(now) + 600, "iss": ISSUER, "aud": ISSUER}


def raw(header: bytes, claims: bytes, signer: Signer) -> str:
    """Return a token with exactly these bytes."""
    text = f"{b64(header)}.{b64(claims)}"
    return f"{text}.{b64(signer(text.encode()))}"


def token(
    kid: str | None = None,
    *,
    header: dict[str, Any] | None = None,
    signer: Signer | None = None,
    now: float = NOW,
    **claims: Any,
) -> str:
    """Return a token of one of the keys with a changed header and claims; `...` removes a member."""
    wanted = {**HEADERS[kid], **(header or {})}, {**good_claims(now), **claims}
    head, body = ({name: value for name, value in part.items() if value is not ...} for part in wanted)
    return raw(json.dumps(head).encode(), json.dumps(body).encode(), signer or SIGNERS[kid])
