"""Signing keys: the secret, and sets of keys in a file (RFC 7517).

The key determines the algorithm; a token's header never chooses one (RFC 8725, section 3.1).
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable, Container, Mapping
from types import ModuleType
from typing import Any, Final

from msgspec import Struct

from leveret.wire.masking import shown
from leveret.wire.words import counted

SHORTEST_SECRET: Final = 32
"""Bytes; RFC 7518, section 3.2: an HS256 key has at least the hash's size."""

SHORTEST_RSA: Final = 2048
"""Bits (RFC 7518, section 3.3)."""

HS256: Final = "HS256"

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_PEM_OR_SSH: Final = re.compile(rb"-----BEGIN |\A\s*(?:ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-)")
_LONGEST_KID: Final = 128
_TOKENS: Final = {"sign", "verify"}
_DERIVES: Final = "deriveKey"
_OURS: Final = ("sign", _DERIVES)
_LONGEST_VALUE: Final = 40
"""Characters of a value in an error text."""


class KeySetError(ValueError):
    """A set of keys cannot be used. The text says which key and why, and does not repeat anything of a key."""


class SigningKey(Struct, frozen=True):
    """One key, for one algorithm.

    Attributes:
        algorithm: ``HS256``, ``EdDSA``, ``ES256`` or ``RS256``.
        public: the part that verifies; with HS256 the secret itself.
        private: the part that signs, or None.
        kid: its name, or None for the secret.
    """

    algorithm: str
    public: Any
    private: Any = None
    kid: str | None = None

    def __repr__(self) -> str:
        return f"SigningKey({self.algorithm}, kid={self.kid!r})"


def secret_key(secret: bytes, kid: str | None = None) -> SigningKey:
    """Return an HS256 key.

    Raises:
        ValueError: the secret is shorter than 32 bytes, or looks like a key of another kind.
    """
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(f"The JWT secret has {counted(len(secret), 'byte')}; at least {SHORTEST_SECRET} are needed")
    if _PEM_OR_SSH.search(secret):  # whoever has the public part of such a key could sign with it
        raise ValueError("The JWT secret looks like a PEM or SSH key: use random bytes instead")
    return SigningKey(HS256, secret, secret, kid)


def sign(text: bytes, key: SigningKey) -> bytes:
    """Return the signature of a text, by a key that has a private part."""
    if key.algorithm == HS256:
        return hmac.digest(key.private, text, "sha256")
    signature: bytes = _public_keys().sign(text, key.private, key.algorithm)
    return signature


def is_signed(text: bytes, signature: bytes, key: SigningKey) -> bool:
    """Return whether a signature is that of the key; the time that this takes reveals nothing about the right one."""
    if key.algorithm == HS256:
        return hmac.compare_digest(hmac.digest(key.public, text, "sha256"), signature)
    right: bool = _public_keys().is_signed(text, signature, key.public, key.algorithm)
    return right


class KeySet(Struct, frozen=True):
    """The keys beside the secret.

    Attributes:
        tokens: the keys that verify tokens, by their ``kid``.
        signer: the key that signs tokens; None where the secret does.
        secrets: former and coming secrets, by their ``kid``; their tickets and fingerprints are accepted.
        passed_over: one text for each key in the set that is not used here, which says which key and why.
    """

    tokens: Mapping[str, SigningKey]
    signer: SigningKey | None = None
    secrets: Mapping[str, bytes] = {}
    passed_over: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"KeySet({self.summary()})"

    def summary(self) -> str:
        """Return the names of the keys and what each is for: ``2026-12 (EdDSA, signs), 2026-06 (EdDSA)``."""
        parts = [f"{kid} ({key.algorithm}{', signs' * (key is self.signer)})" for kid, key in self.tokens.items()]
        return ", ".join([*parts, *(f"{kid} (secret)" for kid in self.secrets)]) or "none"


NO_KEYS: Final = KeySet({})


def read_key_set(document: bytes) -> KeySet:
    """Read a JWK Set (RFC 7517, section 5).

    ``oct`` is HS256 (at least 32 bytes), ``OKP`` with Ed25519 is EdDSA (RFC 8037), ``EC`` with P-256 is ES256, ``RSA``
    is RS256 (at least 2048 bits). ``key_ops`` says what a key is for: the first key with ``sign`` signs tokens; a key
    without ``key_ops``, or with ``sign`` or ``verify``, verifies tokens; an ``oct`` key with ``deriveKey`` is a former
    or coming secret. A secret is never a key of tokens too, because whoever shares that key could make tickets.

    Keys that an issuer may publish beside those of its tokens are passed over: keys for encryption, of other kinds,
    without a ``kid``, or that cannot be read, and the second key with the same ``kid``. Keys that only the operator of
    this installation writes are an error when they cannot be used: an ``oct`` key, and a key with ``sign`` or
    ``deriveKey``.

    Raises:
        KeySetError: the set or one of these keys cannot be used; the text says which key and why.
    """
    tokens: dict[str, SigningKey] = {}
    secrets: dict[str, bytes] = {}
    signer: SigningKey | None = None
    passed_over: list[str] = []
    for number, entry in enumerate(_entries(document), start=1):
        try:
            kid = _kid(entry, number, known={*tokens, *secrets})
            operations, key = _usable(entry, kid)
        except KeySetError as error:
            if _is_the_operators(entry):
                raise
            passed_over.append(str(error))
            continue
        if operations & _TOKENS:
            tokens[kid] = key
        if _DERIVES in operations:
            secrets[kid] = key.public
        if "sign" in operations and signer is None:
            signer = key
    _keep_apart(tokens, secrets)
    return KeySet(tokens, signer, secrets, tuple(passed_over))


def _usable(entry: Mapping[str, Any], kid: str) -> tuple[set[str], SigningKey]:
    try:
        return _operations(entry), _read_key(entry, kid)
    except KeySetError as error:
        raise KeySetError(f"key {kid!r}: {error}") from None


def _is_the_operators(entry: Any) -> bool:
    """Return whether only our own operator writes such an entry: a secret, or a key that signs here."""
    if not isinstance(entry, dict):
        return False
    operations = entry.get("key_ops")
    return entry.get("kty") == "oct" or (isinstance(operations, list) and any(name in operations for name in _OURS))


def _keep_apart(tokens: Mapping[str, SigningKey], secrets: Mapping[str, bytes]) -> None:
    for kid, secret in secrets.items():
        for token_kid, key in tokens.items():
            if key.public == secret:
                where = "" if token_kid == kid else f" (as {token_kid!r})"
                raise KeySetError(
                    f"key {kid!r}: deriveKey makes it a secret, and it is a key of tokens too{where}: "
                    "whoever shares it could make tickets, so use two keys"
                )


def _entries(document: bytes) -> list[Any]:
    try:
        found = json.loads(document)
    except (ValueError, RecursionError) as error:
        where = f"{error.msg} in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "not readable"
        raise KeySetError(f"this is not JSON: {where}") from None  # the cause holds the document
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise KeySetError('expected a JWK Set: {"keys": [...]}')
    return keys


def _kid(entry: Any, number: int, *, known: Container[str]) -> str:
    kid = entry.get("kid") if isinstance(entry, dict) else None
    if not (isinstance(kid, str) and 0 < len(kid) <= _LONGEST_KID and kid.isprintable()):
        raise KeySetError(f"key number {number} needs a kid: a text of 1 to {_LONGEST_KID} printable characters")
    if kid in known:
        raise KeySetError(f"key {kid!r} stands twice: each key needs a kid of its own")
    return kid


def _read_key(entry: Mapping[str, Any], kid: str) -> SigningKey:
    kty = entry.get("kty")
    reader = _READERS.get(kty) if isinstance(kty, str) else None
    if reader is None:
        raise KeySetError(f"kty {_shown(kty)} is not supported: use oct, OKP with Ed25519, EC with P-256, or RSA")
    try:
        key = reader(entry, kid)
    except KeySetError:
        raise
    except ValueError:
        raise KeySetError(f"its values are not an {kty} key") from None  # the cause may hold them
    if entry.get("alg", key.algorithm) != key.algorithm:
        raise KeySetError(f"alg {_shown(entry['alg'])} does not fit: this key is for {key.algorithm}")
    if entry.get("use", "sig") != "sig":
        raise KeySetError(f"use {_shown(entry['use'])} does not fit: only sig is")
    if "sign" in entry.get("key_ops", ()) and key.private is None:
        raise KeySetError('key_ops says "sign", but it has no private part')
    return key


def _operations(entry: Mapping[str, Any]) -> set[str]:
    """Read ``key_ops`` (RFC 7517, section 4.3)."""
    given = entry.get("key_ops", ["verify"])
    if not (isinstance(given, list) and all(isinstance(operation, str) for operation in given)):
        raise KeySetError("key_ops is not a list of texts")
    useful = set(given) & ({*_TOKENS, _DERIVES} if entry.get("kty") == "oct" else _TOKENS)
    if not useful:
        raise KeySetError(
            f"key_ops {_shown(given)} leaves nothing to do: use sign, verify, or deriveKey for an oct key"
        )
    return useful


def _oct(entry: Mapping[str, Any], kid: str) -> SigningKey:
    text = entry.get("k")
    if not (isinstance(text, str) and _BASE64URL.fullmatch(text)):
        raise KeySetError("k is not a base64url text")
    secret = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(secret) < SHORTEST_SECRET:
        raise KeySetError(f"it has {counted(len(secret), 'byte')}, at least {SHORTEST_SECRET} are needed")
    return secret_key(secret, kid)


def _okp(entry: Mapping[str, Any], kid: str) -> SigningKey:
    if entry.get("crv") != "Ed25519":
        raise KeySetError(f"crv {_shown(entry.get('crv'))} is not supported: use Ed25519")
    public, private, x = _public_keys().read_ed25519(entry)
    if x != entry["x"]:  # not every PyJWT compares them
        raise KeySetError("its x is not the public part of its d")
    return SigningKey("EdDSA", public, private, kid)


def _ec(entry: Mapping[str, Any], kid: str) -> SigningKey:
    if entry.get("crv") != "P-256":
        raise KeySetError(f"crv {_shown(entry.get('crv'))} is not supported: use P-256")
    public, private = _public_keys().read_p256(entry)
    return SigningKey("ES256", public, private, kid)


def _rsa(entry: Mapping[str, Any], kid: str) -> SigningKey:
    public, private, bits = _public_keys().read_rsa(entry)
    if bits < SHORTEST_RSA:
        raise KeySetError(f"it has {bits} bits, at least {SHORTEST_RSA} are needed")
    return SigningKey("RS256", public, private, kid)


def _shown(value: object) -> str:
    return shown(repr(value), _LONGEST_VALUE)


def _public_keys() -> ModuleType:
    from leveret.auth import public_keys  # noqa: PLC0415 - large, and needed only where there is such a key

    return public_keys


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str], SigningKey]]] = {
    "oct": _oct,
    "OKP": _okp,
    "EC": _ec,
    "RSA": _rsa,
}
