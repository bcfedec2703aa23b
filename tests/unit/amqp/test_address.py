import pytest

from leveret.amqp import Address, AddressError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://", Address()),
        ("amqp://localhost", Address()),
        ("amqp://h:1/", Address(host="h", port=1)),
        ("amqp://h/%2f", Address(host="h")),
        ("amqp://h/%2F", Address(host="h")),
        ("amqp://h/a%2fb", Address(host="h", vhost="a/b")),
        ("amqp://h/v%C3%B6", Address(host="h", vhost="vö")),
        ("amqp://u:p@h/v", Address(host="h", user="u", password="p", vhost="v")),
        ("amqp://u%40x:p%3A%2F@h", Address(host="h", user="u@x", password="p:/")),
        ("amqp://u:@h", Address(host="h", user="u", password="")),
        ("amqp://[::1]:5673/v", Address(host="::1", port=5673, vhost="v")),
        ("amqps://h", Address(host="h", port=5671, tls=True)),
        ("AMQP://h", Address(host="h")),
        (
            "amqp://h?heartbeat=30&connection_timeout=2500",
            Address(host="h", heartbeat=30, connection_timeout=2.5),
        ),
        (
            "amqps://h?cacertfile=/ca.pem&certfile=/c.pem&keyfile=/k.pem&verify=verify_peer&server_name_indication=n",
            Address(
                host="h", port=5671, tls=True, cafile="/ca.pem", certfile="/c.pem", keyfile="/k.pem", server_name="n"
            ),
        ),
        ("amqps://h?cafile=/ca.pem", Address(host="h", port=5671, tls=True, cafile="/ca.pem")),
    ],
)
def test_an_address_is_read_part_by_part(url: str, expected: Address) -> None:
    assert Address.parse(url) == expected


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "begins with amqp://"),
        ("localhost:5672", "begins with amqp://"),
        ("http://h", "begins with amqp://"),
        ("amqp:h", "begins with amqp://"),
        ("amqp://h:port", "port"),
        ("amqp://h:70000", "port"),
        ("amqp://h:0", "port"),
        ("amqp://h:\u0661", "port"),
        ("amqp://[::1", "host"),
        ("amqp://[h]", "host"),
        ("amqp://a b", "host"),
        ("amqp://a..b", "host"),
        (f"amqp://{'a' * 64}", "host"),
        ("amqp://h/a/b", "%2F"),
        ("amqp://h/%ff", "vhost"),
        ("amqp://%00:p@h", "user"),
        ("amqp://h#frag", "# is %23"),
        ("amqp://h?colour=red", "an option is not known"),
        ("amqp://h?heartbeat=-1", "heartbeat"),
        ("amqp://h?heartbeat=many", "heartbeat"),
        ("amqp://h?heartbeat=70000", "heartbeat"),
        (f"amqp://h?heartbeat={'0' * 12}99999", "heartbeat"),
        (f"amqp://h?heartbeat={'0' * 5000}", "heartbeat"),
        ("amqp://h?connection_timeout=", "connection_timeout"),
        ("amqp://h?connection_timeout=0", "connection_timeout is not a whole number from 1 to 86400000"),
        ("amqp://h?connection_timeout=-1", "connection_timeout"),
        ("amqp://h?cacertfile=/x", "without amqps"),
        ("amqps://h?verify=verify_none", "cannot be turned off"),
        (f"amqp://h/{'v' * 128}", "127"),
    ],
)
def test_what_is_no_address_is_named_and_the_password_is_not_shown(url: str, says: str) -> None:
    with pytest.raises(AddressError, match=says) as caught:
        Address.parse(url.replace("//h", "//user:s3cret@h"))
    assert "s3cret" not in str(caught.value)
    assert caught.value.fatal


def test_an_address_is_shown_without_user_password_and_options() -> None:
    address = Address.parse("amqps://me:s3cret@[::1]:1/a%2fb?heartbeat=5")
    assert str(address) == repr(address) == "amqps://[::1]:1/a%2Fb"
    assert str(Address.parse("amqp://h")) == "amqp://h:5672"
