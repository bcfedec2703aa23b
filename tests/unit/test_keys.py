"""What may stand in a set of keys, and what is said about the rest."""

import json
from typing import Any

import pytest

from support.tokens import OCT, b64, ed25519, ed_jwk, key_set, oct_jwk, rsa, rsa_jwk, whole_key_set
from warren.keys import KeySetError, read_key_set, secret_key


def test_each_kind_of_key_is_for_one_algorithm() -> None:
    keys = read_key_set(whole_key_set())
    assert {kid: key.algorithm for kid, key in keys.tokens.items()} == {"oct": "HS256", "ed": "EdDSA", "rsa": "RS256"}
    assert keys.signer is None
    assert list(keys.secrets) == ["former"]
    assert keys.summary() == "oct (HS256), ed (EdDSA), rsa (RS256), former (secret)"


def test_an_empty_set_leaves_everything_to_the_secret() -> None:
    keys = read_key_set(b'{"keys": []}')
    assert (keys.tokens, keys.signer, keys.secrets, keys.summary()) == ({}, None, {}, "none")


def test_the_first_key_with_sign_signs() -> None:
    both = ["sign", "verify"]
    keys = read_key_set(
        key_set(
            ed_jwk(private=True, kid="a"),
            ed_jwk(ed25519("b"), private=True, kid="b", key_ops=both),
            oct_jwk(OCT, kid="c", key_ops=both),
        )
    )
    assert keys.signer is keys.tokens["b"]
    assert keys.summary() == "a (EdDSA), b (EdDSA, signs), c (HS256)"


@pytest.mark.parametrize(
    "secret", ["-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", "ssh-rsa " + "A" * 32]
)
def test_a_secret_that_is_a_key_of_another_kind_is_refused_at_once(secret: str) -> None:
    with pytest.raises(ValueError, match="looks like a PEM or SSH key") as caught:
        secret_key(secret.encode())
    assert secret not in str(caught.value)


def _unfit(**numbers: Any) -> dict[str, Any]:
    return {**rsa_jwk(private=True, kid="x"), **numbers}


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "no JSON"),
    "half a file": (whole_key_set()[:-30], "no JSON"),
    "no UTF-8": (b"\xff\xfe", "no JSON"),
    "nested": (b"[" * 100_000, "no JSON"),
    "a list": (b"[]", '{"keys"'),
    "keys are an object": (b'{"keys": {}}', '{"keys"'),
    "a key that is a text": (key_set("x"), "key number 1 needs a kid"),  # type: ignore[arg-type]
    "no kid": (key_set(ed_jwk(kid="a"), ed_jwk()), "key number 2 needs a kid"),
    "an empty kid": (key_set(ed_jwk(kid="")), "needs a kid"),
    "kid is a number": (key_set(ed_jwk(kid=1)), "needs a kid"),
    "a long kid": (key_set(ed_jwk(kid="k" * 129)), "needs a kid"),
    "a kid with a line break": (key_set(ed_jwk(kid="a\nb")), "needs a kid"),
    "a kid twice": (key_set(ed_jwk(kid="x"), rsa_jwk(kid="x")), "'x' stands twice"),
    "a kid twice among secrets": (
        key_set(oct_jwk(OCT, kid="x", key_ops=["deriveKey"]), ed_jwk(kid="x")),
        "'x' stands twice",
    ),
    "no kty": (key_set({"kid": "x"}), "key 'x': kty None is not supported"),
    "an elliptic curve": (key_set({"kid": "x", "kty": "EC", "crv": "P-256"}), "kty 'EC' is not supported"),
    "kty is a list": (key_set({"kid": "x", "kty": ["oct"]}), "is not supported"),
    "a short oct": (key_set(oct_jwk(b"s" * 31, kid="x")), "key 'x': it has 31 bytes, at least 32"),
    "an oct without k": (key_set({"kid": "x", "kty": "oct"}), "k is no base64url"),
    "an oct in base64": (key_set({"kid": "x", "kty": "oct", "k": "+/" * 32}), "k is no base64url"),
    "an oct of a wrong length": (key_set({"kid": "x", "kty": "oct", "k": "A" * 45}), "no oct key"),
    "Ed448": (key_set({"kid": "x", "kty": "OKP", "crv": "Ed448", "x": b64(b"x" * 57)}), "crv 'Ed448' is not supported"),
    "X25519": (key_set(ed_jwk(kid="x", crv="X25519")), "crv 'X25519'"),
    "a short Ed25519": (key_set(ed_jwk(kid="x", x=b64(b"x" * 31))), "no OKP key"),
    "Ed25519 without x": (key_set({"kid": "x", "kty": "OKP", "crv": "Ed25519"}), "no OKP key"),
    "Ed25519, x is a number": (key_set(ed_jwk(kid="x", x=5)), "no OKP key"),
    "another key's x": (key_set(ed_jwk(private=True, kid="x", x=ed_jwk(ed25519("other"))["x"])), "key 'x': "),
    "RSA of 1024 bits": (key_set(rsa_jwk(rsa(1024), kid="x")), "key 'x': it has 1024 bits, at least 2048"),
    "RSA without n": (key_set({"kid": "x", "kty": "RSA", "e": "AQAB"}), "no RSA key"),
    "RSA with exponent 1": (key_set(rsa_jwk(kid="x", e="AQ")), "no RSA key"),
    "RSA with another d": (key_set(_unfit(d=b64(b"\x05" * 256))), "no RSA key"),
    "alg of another kind": (key_set(ed_jwk(kid="x", alg="HS256")), "alg 'HS256' does not fit: this key is for EdDSA"),
    "HS512": (key_set(oct_jwk(OCT * 2, kid="x", alg="HS512")), "alg 'HS512' does not fit"),
    "for encryption": (key_set(rsa_jwk(kid="x", use="enc")), "use 'enc' does not fit"),
    "key_ops is a text": (key_set(ed_jwk(kid="x", key_ops="sign")), "key_ops is no list of texts"),
    "key_ops is a number": (key_set(ed_jwk(kid="x", key_ops=1)), "key_ops is no list of texts"),
    "key_ops for nothing": (key_set(ed_jwk(kid="x", key_ops=["wrapKey"])), "leaves nothing to do"),
    "no key_ops at all": (key_set(ed_jwk(kid="x", key_ops=[])), "leaves nothing to do"),
    "a key of tokens as a secret": (
        key_set(oct_jwk(OCT, kid="x", key_ops=["verify", "deriveKey"])),
        "key 'x': deriveKey makes it a secret, and it is a key of tokens too: ",
    ),
    "a key that signs as a secret": (key_set(oct_jwk(OCT, kid="x", key_ops=["sign", "deriveKey"])), "tokens too: "),
    "a secret under another name": (
        key_set(oct_jwk(OCT, kid="x", key_ops=["verify"]), oct_jwk(OCT, kid="y", key_ops=["deriveKey"])),
        "key 'y': deriveKey makes it a secret, and it is a key of tokens too (as 'x')",
    ),
    "a public key as a secret": (key_set(ed_jwk(kid="x", key_ops=["deriveKey"])), "leaves nothing to do"),
    "signing without a private part": (key_set(ed_jwk(kid="x", key_ops=["sign"])), "no private part"),
    "signing with RSA in public": (key_set(rsa_jwk(kid="x", key_ops=["sign"])), "no private part"),
}


@pytest.mark.parametrize(("document", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_set_that_cannot_be_used_is_explained(document: bytes, words: str) -> None:
    with pytest.raises(KeySetError) as caught:
        read_key_set(document)
    assert words in str(caught.value)


@pytest.mark.parametrize(("document", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_an_explanation_holds_nothing_of_a_key(document: bytes, words: str) -> None:
    with pytest.raises(KeySetError) as caught:
        read_key_set(document)
    assert caught.value.__cause__ is None
    try:
        entries = json.loads(document)["keys"]
    except (ValueError, TypeError, RecursionError):
        return
    for entry in entries:
        for name in ("k", "d", "p", "q"):
            if isinstance(entry, dict) and isinstance(entry.get(name), str):
                assert entry[name] not in str(caught.value)


def test_nothing_of_a_key_is_in_its_repr() -> None:
    keys = read_key_set(key_set(oct_jwk(OCT, kid="a", key_ops=["sign"]), ed_jwk(private=True, kid="b")))
    assert repr(keys) == "KeySet(a (HS256, signs), b (EdDSA))"
    assert repr(keys.tokens["b"]) == "Key(EdDSA, kid='b')"
