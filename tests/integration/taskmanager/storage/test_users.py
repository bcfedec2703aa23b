import pytest
import sqlalchemy as sa

from leveret.errors import Conflict, InvalidRequest, NotFound
from support.jobs import NOW
from taskmanager import usecases
from taskmanager.domain import Credentials, NewUser, User
from taskmanager.storage import user_queries


def test_a_registered_user_is_found_by_id_and_by_email(connection: sa.Connection) -> None:
    user = usecases.register(connection, NewUser(" Ann@Example.com", "Änn 🐇"), "hash", NOW)
    assert user == User(user.id, "ann@example.com", "Änn 🐇", is_admin=False)
    assert user_queries.find_user(connection, user.id) == user
    assert user_queries.find_user_by_email(connection, "ann@example.com") == user


def test_a_known_email_is_a_conflict_in_whatever_case(connection: sa.Connection, owner: User) -> None:
    with pytest.raises(Conflict, match=r"^User already exists$"):
        usecases.register(connection, NewUser(owner.email.upper()), "other", NOW)
    assert user_queries.count_users(connection) == 1


def test_an_email_taken_by_a_transaction_that_commits_meanwhile_is_a_conflict_too(connection: sa.Connection) -> None:
    assert user_queries.add_user(connection, NewUser("ann@example.com"), "hash", NOW)
    assert user_queries.add_user(connection, NewUser("ann@example.com"), "hash", NOW) is None


def test_credentials_are_found_by_the_email_in_whatever_case(connection: sa.Connection, owner: User) -> None:
    assert usecases.credentials(connection, " OWNER@example.com ") == Credentials(owner.id, "hash")


@pytest.mark.parametrize("email", ["nobody@example.com", "no email", "", "x" * 300, "a@b\n"])
def test_there_are_no_credentials_for_an_unknown_or_impossible_email(connection: sa.Connection, email: str) -> None:
    assert usecases.credentials(connection, email) is None


def test_administrators_are_made_and_unmade_by_email(connection: sa.Connection, owner: User) -> None:
    assert usecases.grant_admin(connection, "Owner@Example.com").is_admin
    found = user_queries.find_user(connection, owner.id)
    assert found is not None
    assert found.is_admin
    assert not usecases.revoke_admin(connection, owner.email).is_admin
    assert user_queries.find_user(connection, owner.id) == owner


def test_nobody_and_no_email_are_told_apart_when_an_administrator_is_made(connection: sa.Connection) -> None:
    with pytest.raises(NotFound, match=r"nobody@example\.com"):
        usecases.grant_admin(connection, "nobody@example.com")
    with pytest.raises(InvalidRequest, match="email"):
        usecases.grant_admin(connection, "nobody")


COMPOSED, DECOMPOSED = "ren\u00e9e@example.com", "Rene\u0301e@example.com"


@pytest.mark.parametrize("first", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("second", [COMPOSED, DECOMPOSED])
def test_an_email_is_the_same_however_a_system_composes_its_letters(
    connection: sa.Connection, first: str, second: str
) -> None:
    user = usecases.register(connection, NewUser(first), "hash", NOW)
    assert user.email == COMPOSED
    with pytest.raises(Conflict):
        usecases.register(connection, NewUser(second), "other", NOW)
    assert usecases.credentials(connection, second) == Credentials(user.id, "hash")
    assert usecases.account_name(second) == COMPOSED
    assert usecases.grant_admin(connection, second).id == user.id


def test_a_row_of_before_is_found_by_the_email_as_it_was_given(connection: sa.Connection) -> None:
    former = NewUser(DECOMPOSED)
    object.__setattr__(former, "email", former.former_email)
    user = user_queries.add_user(connection, former, "hash", NOW)
    assert user is not None
    assert user.email == DECOMPOSED.lower()
    assert usecases.credentials(connection, DECOMPOSED) == Credentials(user.id, "hash")
    assert usecases.revoke_admin(connection, DECOMPOSED).id == user.id
    with pytest.raises(Conflict):
        usecases.register(connection, NewUser(DECOMPOSED), "other", NOW)


def test_emails_that_only_look_alike_are_two_users(connection: sa.Connection) -> None:
    usecases.register(connection, NewUser("anna@example.com"), "hash", NOW)
    usecases.register(connection, NewUser("\u0430nn\u0430@example.com"), "hash", NOW)
    assert user_queries.count_users(connection) == 2
