"""What may stand in a set of keys, and what is said about the rest."""

import json
from typing import Any

import pytest

from leveret.auth.keys import KeySetError, read_key_set, secret_key
from support.tokens import OCT, b64, ec_jwk, ed25519, ed_jwk, key_set, oct_jwk, p256, rsa, rsa_jwk, whole_key_set


def test_each_kind_of_key_is_for_one_algorithm() -> None:
    keys = read_key_set(whole_key_set())
    assert {kid: key.algorithm for kid, key in keys.tokens.items()} == {
        "oct": "HS256",
        "ed": "EdDSA",
        "ec": "ES256",
        "rsa": "RS256",
    }
    assert keys.signer is None
    assert list(keys.secrets) == ["former"]
    assert keys.summary() == "oct (HS256), ed (EdDSA), ec (ES256), rsa (RS256), former (secret)"


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


def explained(document: bytes) -> tuple[BaseException | None, str]:
    """What is said about a set, as an error or of the keys that are passed over."""
    try:
        return None, " ".join(read_key_set(document).passed_over)
    except KeySetError as error:
        return error.__cause__, str(error)


BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not JSON"),
    "half a file": (whole_key_set()[:-30], "not JSON"),
    "no UTF-8": (b"\xff\xfe", "not JSON"),
    "nested": (b"[" * 100_000, "not JSON"),
    "a list": (b"[]", '{"keys"'),
    "keys are an object": (b'{"keys": {}}', '{"keys"'),
    "a short oct": (key_set(oct_jwk(b"s" * 31, kid="x")), "key 'x': it has 31 bytes, at least 32"),
    "an oct without k": (key_set({"kid": "x", "kty": "oct"}), "k is not a base64url"),
    "an oct in base64": (key_set({"kid": "x", "kty": "oct", "k": "+/" * 32}), "k is not a base64url"),
    "an oct of a wrong length": (key_set({"kid": "x", "kty": "oct", "k": "A" * 45}), "not an oct key"),
    "HS512": (key_set(oct_jwk(OCT * 2, kid="x", alg="HS512")), "alg 'HS512' does not fit"),
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
"""What only the operator writes, or nobody."""

PASSED_OVER: dict[str, tuple[bytes, str]] = {
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
    "another curve": (
        key_set({"kid": "x", "kty": "EC", "crv": "P-384"}),
        "crv 'P-384' is not supported: use P-256",
    ),
    "kty is a list": (key_set({"kid": "x", "kty": ["oct"]}), "is not supported"),
    "Ed448": (key_set({"kid": "x", "kty": "OKP", "crv": "Ed448", "x": b64(b"x" * 57)}), "crv 'Ed448' is not supported"),
    "X25519": (key_set(ed_jwk(kid="x", crv="X25519")), "crv 'X25519'"),
    "a short Ed25519": (key_set(ed_jwk(kid="x", x=b64(b"x" * 31))), "not an OKP key"),
    "Ed25519 without x": (key_set({"kid": "x", "kty": "OKP", "crv": "Ed25519"}), "not an OKP key"),
    "Ed25519, x is a number": (key_set(ed_jwk(kid="x", x=5)), "not an OKP key"),
    "another key's x": (key_set(ed_jwk(private=True, kid="x", x=ed_jwk(ed25519("other"))["x"])), "key 'x': "),
    "a P-256 key off the curve": (key_set(ec_jwk(kid="x", y=b64(bytes(32)))), "not an EC key"),
    "a P-256 key with a short x": (key_set(ec_jwk(kid="x", x=b64(bytes(31)))), "not an EC key"),
    "a P-256 key without y": (key_set({"kid": "x", "kty": "EC", "crv": "P-256", "x": b64(bytes(32))}), "not an EC key"),
    "another P-256 key's d": (
        key_set({**ec_jwk(private=True, kid="x"), "d": ec_jwk(p256("other"), private=True)["d"]}),
        "not an EC key",
    ),
    "a P-256 key that is said to be larger": (key_set(ec_jwk(kid="x", crv="P-521")), "crv 'P-521' is not supported"),
    "P-256 with ES384": (key_set(ec_jwk(kid="x", alg="ES384")), "alg 'ES384' does not fit: this key is for ES256"),
    "the secp256k1 of coins": (key_set(ec_jwk(kid="x", crv="secp256k1")), "crv 'secp256k1' is not supported"),
    "a kind that comes later": (key_set({"kid": "x", "kty": "AKP", "alg": "ML-DSA-44"}), "kty 'AKP' is not supported"),
    "PS256": (key_set(rsa_jwk(kid="x", alg="PS256")), "alg 'PS256' does not fit: this key is for RS256"),
    "for encryption with OAEP": (key_set(rsa_jwk(kid="x", use="enc", alg="RSA-OAEP")), "does not fit"),
    "for wrapping keys": (key_set(rsa_jwk(kid="x", key_ops=["wrapKey", "encrypt"])), "leaves nothing to do"),
    "RSA of 1024 bits": (key_set(rsa_jwk(rsa(1024), kid="x")), "key 'x': it has 1024 bits, at least 2048"),
    "RSA without n": (key_set({"kid": "x", "kty": "RSA", "e": "AQAB"}), "not an RSA key"),
    "RSA with exponent 1": (key_set(rsa_jwk(kid="x", e="AQ")), "not an RSA key"),
    "RSA with another d": (key_set(_unfit(d=b64(b"\x05" * 256))), "not an RSA key"),
    "alg of another kind": (key_set(ed_jwk(kid="x", alg="HS256")), "alg 'HS256' does not fit: this key is for EdDSA"),
    "for encryption": (key_set(rsa_jwk(kid="x", use="enc")), "use 'enc' does not fit"),
    "key_ops is a text": (key_set(ed_jwk(kid="x", key_ops="sign")), "key_ops is not a list of texts"),
    "key_ops is a number": (key_set(ed_jwk(kid="x", key_ops=1)), "key_ops is not a list of texts"),
    "key_ops for nothing": (key_set(ed_jwk(kid="x", key_ops=["wrapKey"])), "leaves nothing to do"),
    "no key_ops at all": (key_set(ed_jwk(kid="x", key_ops=[])), "leaves nothing to do"),
}
"""What an issuer may publish beside the keys of its tokens."""


@pytest.mark.parametrize(("document", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_set_that_cannot_be_used_is_explained(document: bytes, words: str) -> None:
    with pytest.raises(KeySetError) as caught:
        read_key_set(document)
    assert words in str(caught.value)


@pytest.mark.parametrize(("document", "words"), PASSED_OVER.values(), ids=PASSED_OVER.keys())
def test_what_an_issuer_publishes_beside_its_keys_is_passed_over(document: bytes, words: str) -> None:
    entries = json.loads(document)["keys"]
    keys = read_key_set(json.dumps({"keys": [*entries, ed_jwk(ed25519("good"), kid="good")]}).encode())
    assert "good" in keys.tokens
    (reason,) = keys.passed_over
    assert words in reason


def test_of_a_kid_that_stands_twice_the_first_key_that_can_be_used_holds() -> None:
    for_encryption = rsa_jwk(kid="x", use="enc")
    keys = read_key_set(key_set(for_encryption, ec_jwk(kid="x"), ed_jwk(kid="x"), ed_jwk(ed25519("y"), kid="y")))
    assert keys.summary() == "x (ES256), y (EdDSA)"
    assert keys.passed_over == (
        "key 'x': use 'enc' does not fit: only sig is",
        "key 'x' stands twice: each key needs a kid of its own",
    )


def test_somebody_elses_values_are_shown_short_and_on_one_line() -> None:
    keys = read_key_set(key_set({"kid": "x", "kty": "A\n\u202e" * 1000}))
    assert len(keys.passed_over[0]) < 200
    assert keys.passed_over[0].isprintable()


def test_a_set_as_an_issuer_publishes_it_is_read() -> None:
    keys = read_key_set(
        key_set(
            {**rsa_jwk(kid="sig", use="sig", alg="RS256", x5c=["MIIC"], x5t="abc"), "x5t#S256": "def"},
            rsa_jwk(kid="enc", use="enc", alg="RSA-OAEP", x5c=["MIIC"]),
            ec_jwk(kid="ec", use="sig", alg="ES256", key_ops=["verify"], ext=True),
            rsa_jwk(),
        )
    )
    assert keys.summary() == "sig (RS256), ec (ES256)"
    assert len(keys.passed_over) == 2


@pytest.mark.parametrize(
    ("document", "words"), [*BROKEN.values(), *PASSED_OVER.values()], ids=[*BROKEN.keys(), *PASSED_OVER.keys()]
)
def test_an_explanation_holds_nothing_of_a_key(document: bytes, words: str) -> None:
    cause, text = explained(document)
    assert cause is None
    assert words in text
    try:
        entries = json.loads(document)["keys"]
    except (ValueError, TypeError, RecursionError):
        return
    for entry in entries:
        for name in ("k", "d", "p", "q"):
            if isinstance(entry, dict) and isinstance(entry.get(name), str):
                assert entry[name] not in text


def test_nothing_of_a_key_is_in_its_repr() -> None:
    keys = read_key_set(key_set(oct_jwk(OCT, kid="a", key_ops=["sign"]), ed_jwk(private=True, kid="b")))
    assert repr(keys) == "KeySet(a (HS256, signs), b (EdDSA))"
    assert repr(keys.tokens["b"]) == "SigningKey(EdDSA, kid='b')"
