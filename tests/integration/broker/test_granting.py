"""Making users at the broker: again without a change, never with anybody else's, and without showing a password."""

import socket
from collections.abc import Iterator

import pytest

from leveret.amqp import ConnectFailed, Connection
from leveret.broker.connecting import BrokerTrouble
from leveret.broker.granting import GrantedUser, apply_users
from leveret.broker.management import Administrator, ManagementAddress
from leveret.broker.users import BrokerUser, Permissions
from leveret.devbroker import answers
from support.broker_users import Operator

FEW = Permissions("^$", "^x$", "^$")


@pytest.fixture
def name(operator: Operator, prefix: str) -> Iterator[str]:
    yield f"{prefix} user/ü"  # a name that has to be quoted in an address
    operator.management.remove_user(f"{prefix} user/ü")


def apply(operator: Operator, *users: BrokerUser, vhost: str = "/") -> list[GrantedUser]:
    return list(apply_users(operator.address, operator.administrator, vhost, users))


def permissions_of(operator: Operator, name: str) -> list[tuple[str, str, str]]:
    found = operator.definitions()["permissions"]
    return [(each["configure"], each["write"], each["read"]) for each in found if each["user"] == name]


async def enters(operator: Operator, name: str, password: str) -> bool:
    try:
        connection = await Connection.open(operator.as_user(name.replace(" ", "%20").replace("/", "%2F"), password))
    except ConnectFailed:
        return False
    await connection.close()
    return True


async def test_a_new_user_gets_a_password_once_and_keeps_it_when_this_is_done_again(
    operator: Operator, name: str
) -> None:
    (made,) = apply(operator, BrokerUser(name, FEW))
    assert made.made
    assert made.password is not None
    assert len(made.password) >= 32
    assert permissions_of(operator, name) == [("^$", "^x$", "^$")]
    assert operator.management.user_tags(name) == ()
    assert apply(operator, BrokerUser(name, FEW)) == [GrantedUser(name, made=False, password=None)]
    assert await enters(operator, name, made.password)
    assert made.password not in repr(made)


async def test_a_password_that_is_given_is_set_and_not_told(operator: Operator, name: str) -> None:
    for password in ("first", "second", "second"):
        (done,) = apply(operator, BrokerUser(name, FEW, password))
        assert done.password is None
        assert await enters(operator, name, password)
    assert not await enters(operator, name, "first")
    assert "second" not in repr(BrokerUser(name, FEW, "second"))


def test_permissions_that_somebody_widened_are_narrowed_again(operator: Operator, name: str) -> None:
    apply(operator, BrokerUser(name, Permissions(".*", ".*", ".*")))
    apply(operator, BrokerUser(name, FEW))
    assert permissions_of(operator, name) == [("^$", "^x$", "^$")]


def test_an_administrator_is_not_turned_into_a_caller_and_nobody_is_made_then(operator: Operator, name: str) -> None:
    before = permissions_of(operator, operator.administrator.user)
    with pytest.raises(BrokerTrouble, match=r"has tags \(administrator\).* choose another name"):
        apply(operator, BrokerUser(name, FEW), BrokerUser(operator.administrator.user, FEW, "taken over"))
    assert operator.management.user_tags(name) is None
    assert permissions_of(operator, operator.administrator.user) == before
    assert answers(operator.url)


def test_a_vhost_that_is_not_there_leaves_no_user(operator: Operator, name: str) -> None:
    with pytest.raises(BrokerTrouble, match="refused PUT /permissions/no%20such/"):
        apply(operator, BrokerUser(name, FEW), vhost="no such")
    assert operator.management.user_tags(name) is None


def test_two_users_of_one_name_are_refused(operator: Operator, name: str) -> None:
    with pytest.raises(BrokerTrouble, match="the names are the same"):
        apply(operator, BrokerUser(name, FEW), BrokerUser(name, FEW))
    assert operator.management.user_tags(name) is None


def test_a_wrong_password_is_told_and_not_shown(operator: Operator, name: str) -> None:
    administrator = Administrator(operator.administrator.user, "hush-hush")
    with pytest.raises(BrokerTrouble, match="the user or the password is wrong") as refused:
        list(apply_users(operator.address, administrator, "/", [BrokerUser(name, FEW)]))
    assert "hush-hush" not in f"{refused.value}{administrator}"


def test_an_address_where_nobody_or_somebody_else_answers_is_told(operator: Operator, name: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = ManagementAddress.parse(f"http://127.0.0.1:{closed.getsockname()[1]}/")
        with pytest.raises(BrokerTrouble, match="Is the management plugin enabled"):
            list(apply_users(nobody, operator.administrator, "/", [BrokerUser(name, FEW)]))
    amqp = ManagementAddress.parse(f"http://127.0.0.1:{operator.amqp.port}/")
    with pytest.raises(BrokerTrouble, match="no answer from"):
        list(apply_users(amqp, operator.administrator, "/", [BrokerUser(name, FEW)]))
