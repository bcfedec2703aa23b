"""Permissions as regular expressions: which names they match."""

import re
from datetime import timedelta

import pytest

from leveret.broker.management import ManagementAddress
from leveret.broker.users import NOTHING, Permissions, caller_permissions, worker_permissions
from leveret.topology import Topology

FOREIGN = [
    "",
    "amq.default",
    "amq.direct",
    "api-direct",
    "apixrequests",
    "api.requests2",
    "my.api.requests",
    "api.other",
]


def matched(pattern: str, names: list[str]) -> list[str]:
    """As RabbitMQ does it: anywhere in the name, so that the anchors have to be in the pattern."""
    return [name for name in names if re.search(pattern, name)]


def test_a_caller_may_write_to_one_exchange_only() -> None:
    topology = Topology()
    names = [topology.exchange, *(queue.name for queue in topology.queues), *FOREIGN]
    may = caller_permissions(topology)
    assert matched(may.write, names) == ["api.direct"]
    assert may.configure == may.read == NOTHING
    assert matched(NOTHING, names) == [""]  # the default exchange is asked for as amq.default


def test_a_caller_with_reply_queues_may_have_those_that_the_broker_names() -> None:
    may = caller_permissions(Topology(), reply_queues=True)
    names = ["amq.gen-JzTY20BRgKO", "amq.generous", "amq.direct", "my.amq.gen-x", "api.requests"]
    assert matched(may.configure, names) == matched(may.read, names) == ["amq.gen-JzTY20BRgKO"]
    assert matched(may.write, [*names, "api.direct"]) == ["api.direct"]


@pytest.mark.parametrize(
    "topology",
    [
        Topology(letters_size=2**30),
        Topology(letters_size=2**30).with_delays([timedelta(milliseconds=5), timedelta(minutes=10), timedelta(days=2)]),
        Topology(
            "my-app.v1", (timedelta(milliseconds=5), timedelta(seconds=1), timedelta(minutes=2)), letters_size=2**30
        ),
    ],
)
def test_a_worker_may_do_what_it_does_with_our_names_only(topology: Topology) -> None:
    may = worker_permissions(topology)
    exchanges = [topology.exchange, topology.letters_exchange]
    streams, letters = [stream.name for stream in topology.streams], topology.dead_letters
    ours = [*exchanges, *(queue.name for queue in topology.queues), *streams]
    assert matched(may.configure, ours) == ours
    assert matched(may.read, ours) == [name for name in ours if name not in (letters, *streams)]
    bound = [topology.requests, letters, topology.letters_stream]
    assert matched(may.write, [*ours, "amq.default"]) == [*exchanges, *bound, "amq.default"]
    foreign = [name for name in FOREIGN if name != "amq.default"] + ["amq.gen-x", f"x{letters}", f"{letters}x"]
    foreign += [f"{topology.requests}.retry.forever", "myxapp.v1.requests"]
    assert [matched(pattern, foreign) for pattern in (may.configure, may.write, may.read)] == [[], [], []]


def test_another_ladder_needs_no_other_permissions() -> None:
    ladder = Topology(delays=(timedelta(seconds=1), timedelta(hours=2)))
    assert worker_permissions(ladder) == worker_permissions(Topology())
    assert isinstance(worker_permissions(ladder), Permissions)


@pytest.mark.parametrize(
    ("url", "shown", "user", "password"),
    [
        ("http://admin:p%40ss@mq.example.com:15672/", "http://mq.example.com:15672/", "admin", "p@ss"),
        ("https://admin@mq.example.com", "https://mq.example.com:15671/", "admin", None),
        ("http://[::1]/api/", "http://[::1]:15672/", None, None),
        ("https://a:b@h/rabbit/api", "https://h:15671/rabbit/", "a", "b"),
    ],
)
def test_the_address_of_the_management_page_is_read_and_shown_without_a_password(
    url: str, shown: str, user: str | None, password: str | None
) -> None:
    address = ManagementAddress.parse(url)
    assert (str(address), repr(address), address.user, address.password) == (shown, shown, user, password)


@pytest.mark.parametrize(
    "url", ["", "mq.example.com", "amqp://a:hush@h/", "http://", "http://a:hush@h:port/", "http://h/?a=hush"]
)
def test_what_is_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"http://|port") as refused:
        ManagementAddress.parse(url)
    assert "hush" not in str(refused.value)
