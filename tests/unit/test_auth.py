import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest

from warren.auth import ANONYMOUS, Keyring, Principal, Ticket, is_ticket
from warren.errors import Unauthenticated

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000.0
CLAIMS: dict[str, Any] = {"sub": "7", "iat": int(NOW), "exp": int(NOW) + 600, "iss": "test", "aud": "test"}


def keyring(now: float = NOW, **options: Any) -> Keyring:
    return Keyring(SECRET, issuer="test", clock=lambda: now, **options)


def signed(claims: dict[str, Any], secret: bytes = SECRET, algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(claims, secret, algorithm=algorithm, headers=headers or None)


def changed(**claims: Any) -> str:
    return signed({name: value for name, value in (CLAIMS | claims).items() if value is not ...})


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


FORGED = {
    "nothing": "",
    "blank": "   ",
    "only a scheme": "Bearer ",
    "no token": "password",
    "two parts": "a.b",
    "four parts": signed(CLAIMS) + ".x",
    "another key": signed(CLAIMS, b"x" * 32),
    "unsigned": unsigned(CLAIMS, "none"),
    "unsigned, capital": unsigned(CLAIMS, "None"),
    "HS256 without a signature": unsigned(CLAIMS, "HS256"),
    "HS384": signed(CLAIMS, SECRET + b"x" * 16, "HS384"),
    "HS512": signed(CLAIMS, SECRET * 2, "HS512"),
    "a cut signature": signed(CLAIMS)[:-3],
    "expired": changed(exp=int(NOW) - 31, iat=int(NOW) - 600),
    "without exp": changed(exp=...),
    "without iat": changed(iat=...),
    "without sub": changed(sub=...),
    "without iss": changed(iss=...),
    "without aud": changed(aud=...),
    "empty sub": changed(sub=""),
    "another issuer": changed(iss="other"),
    "another audience": changed(aud="other"),
    "issued in the future": changed(iat=int(NOW) + 100),
    "not yet valid": changed(nbf=int(NOW) + 100),
    "lives too long": changed(exp=int(NOW) + 32 * 86_400),
    "exp is true": changed(exp=True),
    "exp is infinite": changed(exp=float("inf")),
    "nbf is true": changed(nbf=True),
    "a key of its own in the header": signed(CLAIMS, b"x" * 32, jwk={"kty": "oct", "k": "eHh4"}),
    "a key's address in the header": signed(CLAIMS, b"x" * 32, jku="http://localhost/keys"),
    "a ticket": keyring().issue_ticket(Ticket(Principal("7"), "a1", 1)),
    "a ticket without its scheme": keyring().issue_ticket(Ticket(Principal("7"), "a1", 1)).partition(" ")[2],
    "not ascii": "ä.ö.ü",
}


def test_a_token_says_who_calls_with_and_without_a_scheme() -> None:
    token = keyring().issue("7", timedelta(hours=1))
    for auth in (token, f"Bearer {token}", f"bearer  {token}"):
        assert keyring().verify(auth) == Principal("7")


@pytest.mark.parametrize("auth", FORGED.values(), ids=FORGED.keys())
def test_every_forged_token_gets_the_same_answer(auth: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        keyring().verify(auth)
    assert caught.value.text == "Token missing, invalid or expired"


def test_clocks_may_differ_by_half_a_minute() -> None:
    for claims in ({"exp": int(NOW) - 29, "iat": int(NOW) - 600}, {"iat": int(NOW) + 29}, {"nbf": int(NOW) + 29}):
        assert keyring().verify(changed(**claims)) == Principal("7")


def test_a_token_that_was_seen_before_expires_all_the_same() -> None:
    now = [NOW]
    ring = Keyring(SECRET, issuer="test", clock=lambda: now[0])
    token = ring.issue("7", timedelta(seconds=60))
    assert ring.verify(token) == Principal("7")
    now[0] += 60 + 31
    with pytest.raises(Unauthenticated):
        ring.verify(token)


def test_the_cache_of_verdicts_is_bounded_and_right() -> None:
    ring = keyring(cache_size=3)
    tokens = {str(subject): ring.issue(str(subject), timedelta(hours=1)) for subject in range(10)}
    for _ in range(2):
        for subject, token in tokens.items():
            assert ring.verify(token) == Principal(subject)
    assert len(ring._verdicts) == 3


def test_a_ticket_is_for_one_request_and_outlives_tokens() -> None:
    ticket = keyring().issue_ticket(Ticket(Principal("7"), "a1", 2))
    assert is_ticket(ticket)
    assert keyring(NOW + 86_400).read_ticket(ticket, "a1") == Ticket(Principal("7"), "a1", 2)
    for now, request_id in ((NOW, "a2"), (NOW + 8 * 86_400, "a1")):
        with pytest.raises(Unauthenticated):
            keyring(now).read_ticket(ticket, request_id)


def test_a_ticket_of_a_caller_without_a_token_names_nobody() -> None:
    ticket = keyring().issue_ticket(Ticket(ANONYMOUS, "a1", 1))
    assert keyring().read_ticket(ticket, "a1").principal == ANONYMOUS


def test_a_token_is_no_ticket() -> None:
    token = keyring().issue("7", timedelta(hours=1))
    assert not is_ticket(token)
    with pytest.raises(Unauthenticated):
        keyring().read_ticket(f"Ticket {token}", "a1")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match=r"31 bytes; at least 32"):
        Keyring(b"x" * 31, issuer="test")


def test_a_fingerprint_of_a_secret_cannot_be_guessed_without_the_key() -> None:
    other = Keyring(b"y" * 32, issuer="test")
    assert keyring().fingerprint(b"x", keyed=False) == other.fingerprint(b"x", keyed=False)
    assert keyring().fingerprint(b"x", keyed=True) != other.fingerprint(b"x", keyed=True)
