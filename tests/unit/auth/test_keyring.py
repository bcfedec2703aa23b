"""Tokens, tickets and fingerprints, and what a change of keys does to them."""

import threading
import tracemalloc
from datetime import timedelta
from typing import Any

import jwt
import pytest

from leveret.auth.keyring import ANONYMOUS, Keyring, Principal, Ticket, is_ticket
from leveret.auth.keys import NO_KEYS, KeySet, read_key_set
from leveret.errors import Unauthenticated
from support.tokens import (
    ISSUER,
    NOW,
    OTHER_SECRET,
    SECRET,
    ec_jwk,
    ed25519,
    ed_jwk,
    key_set,
    oct_jwk,
    p256,
    rsa,
    rsa_jwk,
    token,
    whole_key_set,
)

HOUR = timedelta(hours=1)
TICKET = Ticket(Principal("7"), "a1", 2)


def keyring(now: float = NOW, *, secret: bytes = SECRET, keys: KeySet = NO_KEYS, **options: Any) -> Keyring:
    return Keyring(secret, issuer=ISSUER, keys=keys, clock=lambda: now, **options)


def knows(*secrets: bytes) -> KeySet:
    """Keys that say which other secrets there are."""
    return read_key_set(
        key_set(*(oct_jwk(secret, kid=f"s{n}", key_ops=["deriveKey"]) for n, secret in enumerate(secrets)))
    )


def test_a_token_says_who_calls_with_and_without_a_scheme() -> None:
    given = keyring().issue("7", HOUR)
    for auth in (given, f"Bearer {given}", f"bearer  {given}"):
        assert keyring().verify(auth) == Principal("7")


def test_a_token_of_the_secret_is_what_others_read_too() -> None:
    given = keyring().issue("7", HOUR)
    assert jwt.get_unverified_header(given) == {"alg": "HS256", "typ": "JWT"}
    now = int(NOW)
    assert jwt.decode(given, SECRET, ["HS256"], audience=ISSUER, options={"verify_iat": False}) == {
        "sub": "7",
        "iat": now,
        "exp": now + 3600,
        "iss": ISSUER,
        "aud": ISSUER,
    }


@pytest.mark.parametrize(
    ("jwk", "algorithm", "public"),
    [
        (ed_jwk(private=True), "EdDSA", ed25519().public_key()),
        (ec_jwk(private=True), "ES256", p256().public_key()),
        (rsa_jwk(private=True), "RS256", rsa().public_key()),
        (oct_jwk(OTHER_SECRET), "HS256", OTHER_SECRET),
    ],
    ids=["Ed25519", "P-256", "RSA", "oct"],
)
def test_the_first_key_that_may_sign_signs_and_its_public_part_verifies(
    jwk: dict[str, Any], algorithm: str, public: Any
) -> None:
    quiet = ed_jwk(ed25519("quiet"), private=True, kid="quiet")
    late = ed_jwk(ed25519("late"), private=True, kid="late", key_ops=["sign"])
    ring = keyring(keys=read_key_set(key_set(quiet, {**jwk, "kid": "new", "key_ops": ["sign", "verify"]}, late)))
    given = ring.issue("7", HOUR)
    assert jwt.get_unverified_header(given) == {"alg": algorithm, "typ": "JWT", "kid": "new"}
    assert jwt.decode(given, public, [algorithm], audience=ISSUER, options={"verify_iat": False})["sub"] == "7"
    parts: dict[str, Any] = {name: jwk[name] for name in ("kty", "k", "crv", "x", "y", "n", "e") if name in jwk}
    reader = keyring(keys=read_key_set(key_set({**parts, "kid": "new"})))
    assert reader.verify(given) == Principal("7")
    with pytest.raises(Unauthenticated):
        keyring().verify(given)


def test_tokens_of_the_secret_stay_good_beside_keys() -> None:
    assert keyring(keys=read_key_set(whole_key_set())).verify(keyring().issue("7", HOUR)) == Principal("7")


def test_a_token_that_was_seen_before_expires_all_the_same() -> None:
    now = [NOW]
    ring = Keyring(SECRET, issuer=ISSUER, clock=lambda: now[0])
    given = ring.issue("7", timedelta(seconds=60))
    assert ring.verify(given) == Principal("7")
    now[0] += 60 + 29
    assert ring.verify(given) == Principal("7")
    now[0] += 1
    with pytest.raises(Unauthenticated):
        ring.verify(given)


def test_verdicts_about_long_tokens_take_little_room_and_are_right() -> None:
    ring, claims = keyring(), {"iat": NOW, "exp": NOW + 60, "iss": ISSUER, "aud": ISSUER, "more": "m" * 5000}
    tokens = [jwt.encode({**claims, "sub": str(number)}, SECRET, "HS256") for number in range(200)]
    tracemalloc.start()
    try:
        for _ in range(2):
            copies = (token[:1] + token[1:] for token in tokens)  # what a delivery brings is nobody else's text
            assert [ring.verify(copy).subject for copy in copies] == [str(number) for number in range(200)]
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(ring._trust.verdicts) == 200
    assert kept < 200 * 1000  # bytes; each token has more than 6000
    with pytest.raises(Unauthenticated):
        ring.verify(tokens[0][:-8] + "AAAAAAAA")


def test_the_cache_of_verdicts_is_bounded_and_right() -> None:
    ring = keyring(cache_size=3)
    tokens = {str(subject): ring.issue(str(subject), HOUR) for subject in range(10)}
    for _ in range(2):
        for subject, given in tokens.items():
            assert ring.verify(given) == Principal(subject)
    assert len(ring._trust.verdicts) == 3


def test_a_refused_token_takes_no_room() -> None:
    ring = keyring()
    for number in range(10):
        with pytest.raises(Unauthenticated):
            ring.verify(token(exp=number))
    assert not ring._trust.verdicts


def test_a_verdict_is_not_believed_any_more_when_its_key_is_gone() -> None:
    ring = keyring(keys=read_key_set(whole_key_set()))
    seen = {kid: token(kid) for kid in (None, "oct", "ed", "ec", "rsa")}
    for given in seen.values():
        assert ring.verify(given) == Principal("7")
    ring.use(read_key_set(key_set(rsa_jwk(kid="rsa"))))
    assert ring.verify(seen[None]) == ring.verify(seen["rsa"]) == Principal("7")
    for gone in ("oct", "ed"):
        with pytest.raises(Unauthenticated):
            ring.verify(seen[gone])


def test_a_kid_that_names_another_key_now_is_no_way_in() -> None:
    ring = keyring(keys=read_key_set(key_set(ed_jwk(kid="ed"))))
    ring.verify(given := token("ed"))
    ring.use(read_key_set(key_set(ed_jwk(ed25519("another"), kid="ed"))))
    with pytest.raises(Unauthenticated):
        ring.verify(given)


def test_keys_that_change_all_the_time_never_disturb_a_token_that_is_good_under_each() -> None:
    ring, ended = keyring(), threading.Event()
    sets = [read_key_set(whole_key_set()), read_key_set(key_set(ed_jwk(kid="ed")))]

    def change() -> None:
        while not ended.is_set():
            for keys in sets:
                ring.use(keys)

    ring.use(sets[0])
    changing = threading.Thread(target=change)
    changing.start()
    try:
        given = token("ed")
        assert all(ring.verify(given) == Principal("7") for _ in range(2000))
    finally:
        ended.set()
        changing.join()


def test_a_ticket_is_for_one_request_and_outlives_tokens() -> None:
    ticket = keyring().issue_ticket(TICKET)
    assert is_ticket(ticket)
    assert keyring(NOW + 86_400).read_ticket(ticket, "a1") == TICKET
    for now, request_id in ((NOW, "a2"), (NOW + 8 * 86_400, "a1")):
        with pytest.raises(Unauthenticated):
            keyring(now).read_ticket(ticket, request_id)


def test_a_ticket_of_a_caller_without_a_token_names_nobody() -> None:
    ticket = keyring().issue_ticket(Ticket(ANONYMOUS, "a1", 0))
    assert keyring().read_ticket(ticket, "a1") == Ticket(ANONYMOUS, "a1", 0)


def test_a_ticket_with_the_largest_id_and_subject_can_be_read() -> None:
    ticket = Ticket(Principal("s" * 64), '"' * 128, 100)
    assert keyring().read_ticket(keyring().issue_ticket(ticket), ticket.request_id) == ticket


def test_a_ticket_from_before_tickets_had_a_kid_is_still_one() -> None:
    ring = keyring()
    claims = jwt.decode(ring.issue_ticket(TICKET).removeprefix("Ticket "), options={"verify_signature": False})
    key = ring._trust.ticket_signer.private
    old = jwt.encode(claims, key, "HS256", headers={"typ": "leveret-ticket+jwt"})
    assert ring.read_ticket(f"Ticket {old}", "a1") == TICKET


@pytest.mark.parametrize("claims", [{"retries": True}, {"retries": -1}, {"retries": "2"}, {"retries": ...}, {"rid": 1}])
def test_a_ticket_that_we_would_not_write_is_refused(claims: dict[str, Any]) -> None:
    ring = keyring()
    ticket = ring.issue_ticket(TICKET).removeprefix("Ticket ")
    said = {**jwt.decode(ticket, options={"verify_signature": False}), **claims}
    said = {name: value for name, value in said.items() if value is not ...}
    key = ring._trust.ticket_signer
    forged = jwt.encode(said, key.private, "HS256", headers={"typ": "leveret-ticket+jwt", "kid": key.kid})
    with pytest.raises(Unauthenticated):
        ring.read_ticket(f"Ticket {forged}", "a1")


def test_other_keys_for_tokens_change_nothing_for_tickets_and_fingerprints() -> None:
    before, after = keyring(), keyring(keys=read_key_set(key_set(ed_jwk(private=True, kid="ed", key_ops=["sign"]))))
    assert after.read_ticket(before.issue_ticket(TICKET), "a1") == TICKET
    assert after.fingerprint(b"x", keyed=True) == before.fingerprint(b"x", keyed=True)


def test_a_key_for_tokens_makes_no_tickets() -> None:
    ring = keyring(keys=read_key_set(key_set(oct_jwk(OTHER_SECRET, kid="oct"))))
    with pytest.raises(Unauthenticated):
        ring.read_ticket(keyring(secret=OTHER_SECRET).issue_ticket(TICKET), "a1")


def test_workers_read_each_others_tickets_while_the_secret_changes() -> None:
    both = knows(SECRET, OTHER_SECRET)
    old, new = keyring(keys=both), keyring(secret=OTHER_SECRET, keys=both)
    for maker, reader in ((old, new), (new, old), (old, old), (new, new)):
        assert reader.read_ticket(maker.issue_ticket(TICKET), "a1") == TICKET
    new.use(NO_KEYS)
    with pytest.raises(Unauthenticated):
        new.read_ticket(old.issue_ticket(TICKET), "a1")


def test_workers_know_each_others_fingerprints_while_the_secret_changes() -> None:
    both = knows(SECRET, OTHER_SECRET)
    old, new = keyring(keys=both), keyring(secret=OTHER_SECRET, keys=both)
    assert new.other_fingerprints(b"x", keyed=True) == (old.fingerprint(b"x", keyed=True),)
    assert old.other_fingerprints(b"x", keyed=True) == (new.fingerprint(b"x", keyed=True),)
    assert new.other_fingerprints(b"x", keyed=False) == keyring().other_fingerprints(b"x", keyed=True) == ()


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match=r"31 bytes; at least 32"):
        Keyring(b"x" * 31, issuer=ISSUER)


def test_a_fingerprint_of_a_secret_cannot_be_guessed_without_the_key() -> None:
    other = keyring(secret=b"y" * 32)
    assert keyring().fingerprint(b"x", keyed=False) == other.fingerprint(b"x", keyed=False)
    assert keyring().fingerprint(b"x", keyed=True) != other.fingerprint(b"x", keyed=True)


def test_a_token_names_roles_and_one_without_names_none() -> None:
    ring = Keyring(SECRET, issuer=ISSUER, clock=lambda: NOW)
    identity = ring.identify(ring.issue("7", timedelta(hours=1), roles=("console:operator",)))
    assert (identity.principal, identity.roles) == (Principal("7"), ("console:operator",))
    assert ring.identify(ring.issue("7", timedelta(hours=1))).roles == ()
    with pytest.raises(Unauthenticated):
        ring.identify("nonsense")


@pytest.mark.parametrize("roles", ["console:operator", ["a", 1], {"console:operator": True}, None])
def test_a_claim_that_is_not_a_list_of_texts_names_no_role(roles: Any) -> None:
    ring = Keyring(SECRET, issuer=ISSUER, clock=lambda: NOW)
    claims = {"sub": "7", "iat": int(NOW), "exp": int(NOW) + 60, "iss": ISSUER, "aud": ISSUER, "roles": roles}
    assert ring.identify(jwt.encode(claims, SECRET, "HS256")).roles == ()
