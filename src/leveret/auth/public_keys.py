"""Ed25519, P-256 and RSA keys, with PyJWT and cryptography; imported only where there is such a key.

Most installations have no such key, and the two libraries would be a sixth of a worker's memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

_ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    "EdDSA": OKPAlgorithm(),
    "ES256": ECAlgorithm(ECAlgorithm.SHA256),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
}


def read_ed25519(entry: Mapping[str, Any]) -> tuple[Any, Any, str]:
    """Read an OKP key (RFC 8037): what verifies, what signs or None, and the ``x`` that belongs to it.

    Raises:
        ValueError: it is not such a key; the text may repeat its values.
    """
    try:
        key: Any = OKPAlgorithm.from_jwk(dict(entry))
    except (PyJWTError, TypeError) as error:
        raise ValueError(str(error)) from error
    public, private = _parts(key, entry)
    return public, private, OKPAlgorithm.to_jwk(public, as_dict=True)["x"]


def read_p256(entry: Mapping[str, Any]) -> tuple[Any, Any]:
    """Read an EC key on P-256 (RFC 7518, section 6.2): what verifies, and what signs or None.

    Raises:
        ValueError: it is not such a key, or its public part is not that of its private one; the text may repeat its
            values.
    """
    try:
        key: Any = ECAlgorithm.from_jwk(dict(entry))
    except (PyJWTError, TypeError) as error:
        raise ValueError(str(error)) from error
    public, private = _parts(key, entry)
    if isinstance(private, EllipticCurvePrivateKey):
        derived = derive_private_key(private.private_numbers().private_value, SECP256R1()).public_key()
        if derived.public_numbers() != public.public_numbers():
            raise ValueError("another public part")
    return public, private


def read_rsa(entry: Mapping[str, Any]) -> tuple[Any, Any, int]:
    """Read an RSA key (RFC 7518, section 6.3): what verifies, what signs or None, and its size in bits.

    Raises:
        ValueError: it is not such a key; the text may repeat its values.
    """
    try:
        key: Any = RSAAlgorithm.from_jwk(dict(entry))
    except (PyJWTError, TypeError) as error:
        raise ValueError(str(error)) from error
    return *_parts(key, entry), key.key_size


def sign(text: bytes, private: Any, algorithm: str) -> bytes:
    """Return the signature of a text, with ``EdDSA``, ``ES256`` or ``RS256``."""
    return _ALGORITHMS[algorithm].sign(text, private)


def is_signed(text: bytes, signature: bytes, public: Any, algorithm: str) -> bool:
    """Return whether the private part of a key made this signature."""
    return _ALGORITHMS[algorithm].verify(text, public, signature)


def _parts(key: Any, entry: Mapping[str, Any]) -> tuple[Any, Any]:
    return (key.public_key(), key) if "d" in entry else (key, None)
