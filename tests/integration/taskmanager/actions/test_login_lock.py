"""The lock of accounts whose logins fail, on both engines; the clock is the test's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.auth.keyring import Keyring, Principal, Ticket
from leveret.errors import RateLimited, RequestError, Unauthenticated
from support.gate import GateHasher
from taskmanager import usecases
from taskmanager.actions import Services
from taskmanager.passwords import Passwords

from .conftest import NOW, Application

EMAILS = ["ann@example.com", "nobody@example.com", "no email at all"]
"""A known one, an unknown one, and a text that is none."""


@pytest.fixture
def hasher() -> GateHasher:
    return GateHasher()


@pytest.fixture
def application(engine: sa.Engine, keyring: Keyring, hasher: GateHasher) -> Iterator[Application]:
    with Passwords(hasher) as passwords:
        application = Application(engine, Services(passwords, keyring, timedelta(hours=1)))
        application.register("ann@example.com")
        yield application


def log_in(application: Application, email: str, password: str = "wrong", after: float = 0.0, auth: str = "") -> Any:
    """Give the token, or the error: its code, text and details."""
    later = replace(application, now=NOW + timedelta(seconds=after))
    try:
        return later.call("login", {"email": email, "password": password}, auth=auth)
    except RequestError as error:
        return error.code, error.text, error.details


def fail(application: Application, email: str, times: int, after: float = 0.0) -> None:
    for _ in range(times):
        assert log_in(application, email, after=after)[0] == "unauthenticated"


@pytest.mark.parametrize("email", EMAILS)
def test_four_failures_do_not_lock_and_from_the_fifth_on_each_locks_twice_as_long(
    application: Application, email: str
) -> None:
    fail(application, email, 4)
    now = 0.0
    for seconds in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900):
        fail(application, email, 1, after=now)
        code, text, details = log_in(application, email, after=now + seconds - 0.5)
        assert (code, details) == ("rate_limited", {"retry_after": 0.5})
        assert text == "Too many failed logins for this email; ask again in 0.5 s"
        now += seconds


def test_known_and_unknown_emails_get_the_same_answers_in_the_same_order(application: Application) -> None:
    moments = [0, 0, 0, 0, 0, 0, 0.5, 1, 1.5, 3, 3, 7.5]
    seen = {email: [log_in(application, email, after=moment) for moment in moments] for email in EMAILS}
    assert seen[EMAILS[0]] == seen[EMAILS[1]] == seen[EMAILS[2]]
    assert {answer[0] for answer in seen[EMAILS[0]]} == {"unauthenticated", "rate_limited"}


@pytest.mark.parametrize("email", EMAILS)
def test_a_login_costs_one_check_and_the_same_statements_whatever_the_email_and_a_locked_one_no_check(
    application: Application, hasher: GateHasher, engine: sa.Engine, email: str
) -> None:
    statements: list[str] = []
    sa.event.listen(
        engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_: statements.append(statement)
    )
    for number in range(1, 6):
        fail(application, email, 1)
        assert hasher.verified == number
    # An email that is none has no row to look for; whether it is one, the caller knows.
    assert sum("FROM users" in text for text in statements) == 5 * ("@" in email)
    assert sum("login_failures" in text for text in statements) == 6
    assert log_in(application, email)[0] == "rate_limited"
    assert hasher.verified == 5


def test_a_success_clears_the_failures(application: Application) -> None:
    fail(application, "ann@example.com", 4)
    assert log_in(application, "ann@example.com", "correct horse")["token_type"] == "bearer"
    fail(application, "ann@example.com", 5)
    assert log_in(application, "ann@example.com", "correct horse")[0] == "rate_limited"
    assert log_in(application, "ann@example.com", "correct horse", after=1)["token_type"] == "bearer"
    fail(application, "ann@example.com", 4, after=1)


def test_the_lock_of_one_account_is_no_other_ones(application: Application) -> None:
    application.register("bob@example.com")
    fail(application, "ann@example.com", 5)
    assert log_in(application, "bob@example.com", "correct horse")["token_type"] == "bearer"


def test_an_email_is_the_same_account_however_it_is_written(application: Application) -> None:
    for email in ("ann@example.com", " ANN@example.com", "Ann@Example.Com ", "ann@EXAMPLE.com", "ANN@EXAMPLE.COM"):
        fail(application, email, 1)
    assert log_in(application, "ann@example.com")[0] == "rate_limited"


def test_asking_while_it_is_locked_does_not_make_the_lock_longer(application: Application) -> None:
    fail(application, "ann@example.com", 5)
    for _ in range(20):
        assert log_in(application, "ann@example.com", after=0.9)[0] == "rate_limited"
    assert log_in(application, "ann@example.com", "correct horse", after=1)["token_type"] == "bearer"


def test_tokens_of_a_locked_account_go_on_working(application: Application, keyring: Keyring) -> None:
    token = log_in(application, "ann@example.com", "correct horse")["access_token"]
    fail(application, "ann@example.com", 5)
    owner = keyring.verify(token).subject
    assert application.call("create_task", {"title": "t"}, as_user=owner)["owner_id"] == int(owner)


def test_who_renews_a_token_with_a_valid_one_is_not_locked_out_by_the_guesses_of_others(
    application: Application,
) -> None:
    token = log_in(application, "ann@example.com", "correct horse")["access_token"]
    fail(application, "ann@example.com", 5)
    assert log_in(application, "ann@example.com", "correct horse")[0] == "rate_limited"
    assert log_in(application, "ann@example.com", "correct horse", auth=f"Bearer {token}")["token_type"] == "bearer"
    assert log_in(application, "ann@example.com", "correct horse")[0] == "rate_limited", "the lock of others stays"
    for _ in range(5):
        assert log_in(application, "ann@example.com", auth=token)[0] == "unauthenticated"
    assert log_in(application, "ann@example.com", "correct horse", auth=token)[0] == "rate_limited", "no way around"


def test_a_token_of_another_account_or_a_forged_one_opens_no_second_count(
    application: Application, keyring: Keyring
) -> None:
    application.register("bob@example.com")
    bobs = log_in(application, "bob@example.com", "correct horse")["access_token"]
    forged = Keyring(b"another secret, of 32 bytes also", issuer="taskmanager").issue("1", timedelta(hours=1))
    ticket = keyring.issue_ticket(Ticket(Principal("1"), "id-1", 0))
    for email in EMAILS:
        for auth in ("", bobs, forged, ticket, "nonsense"):
            assert log_in(application, email, auth=auth)[0] == "unauthenticated"
        for auth in ("", bobs, forged, ticket, "nonsense"):
            assert log_in(application, email, "correct horse", auth=auth)[0] == "rate_limited"


@pytest.mark.parametrize("email", EMAILS[:2])
def test_guesses_at_the_same_time_cannot_slip_past_the_counter(
    application: Application, hasher: GateHasher, email: str
) -> None:
    with ThreadPoolExecutor(12) as guessers:
        answers = list(guessers.map(lambda _: log_in(application, email)[0], range(40)))
    assert sorted(answers) == ["rate_limited"] * 35 + ["unauthenticated"] * 5
    assert hasher.verified == 5


def test_guesses_are_counted_before_they_are_checked(application: Application, hasher: GateHasher) -> None:
    hasher.closed = True
    with ThreadPoolExecutor(2) as guessers:
        guesses = [guessers.submit(log_in, application, "ann@example.com") for _ in range(2)]
        hasher.wait_for(2)
        with application.engine.begin() as connection:
            assert connection.execute(sa.text("SELECT failures FROM login_failures")).scalar_one() == 2
        hasher.open()
        assert [guess.result()[0] for guess in guesses] == ["unauthenticated"] * 2


def test_no_email_can_be_read_in_the_table(application: Application, engine: sa.Engine) -> None:
    fail(application, "ann@example.com", 1)
    with engine.connect() as connection:
        [account] = connection.execute(sa.text("SELECT account FROM login_failures")).scalars()
    assert len(account) == 16
    other = Keyring(b"another secret, of 32 bytes also", issuer="taskmanager")
    digest = other.fingerprint(b"login ann@example.com", keyed=True)
    assert bytes(account) != digest, "without the secret nobody can try emails"


@pytest.mark.parametrize(
    ("failures", "hours", "left"), [(4, 0.9, 1), (4, 1.1, 0), (5, 1.1, 1), (5, 23.9, 1), (5, 24.1, 0)]
)
def test_failures_are_forgotten_after_an_hour_and_locks_after_a_day(
    application: Application, engine: sa.Engine, failures: int, hours: float, left: int
) -> None:
    fail(application, "made-up@example.com", failures)
    with engine.begin() as connection:
        gone = usecases.forget_failed_logins(connection, NOW + timedelta(hours=hours), 10)
        count = connection.execute(sa.text("SELECT count(*) FROM login_failures")).scalar_one()
    assert (gone, count) == (1 - left, left)


def test_the_clean_up_goes_in_steps(application: Application, engine: sa.Engine) -> None:
    for number in range(5):
        fail(application, f"made-up-{number}@example.com", 1)
    with engine.begin() as connection:
        steps = [usecases.forget_failed_logins(connection, NOW + timedelta(days=2), 2) for _ in range(4)]
    assert steps == [2, 2, 1, 0]


def test_what_finds_no_place_for_hashing_is_not_counted(application: Application) -> None:
    places = [application.services.passwords.place() for _ in range(18)]
    for place in places:
        place.__enter__()
    assert log_in(application, "ann@example.com")[0] == "overloaded"
    for place in places:
        place.__exit__(None, None, None)
    with application.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM login_failures")).scalar_one() == 0


def test_the_errors_of_a_lock_and_of_a_wrong_password_are_no_answers_for_good() -> None:
    assert (RateLimited("").kept, Unauthenticated("").kept) == (False, True)
