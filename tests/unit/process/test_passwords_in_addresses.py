"""No part of a password is shown, however it is written in an address: no shown text may contain the marks."""

import asyncio
import traceback
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leveret.amqp import Address, AmqpError, ConnectFailed, Connection, Limits
from leveret.broker.addresses import shown_address, vhost_of
from leveret.broker.connecting import BrokerTrouble
from leveret.broker.management import Administrator, Management, ManagementAddress, ManagementTrouble
from leveret.broker.queues import remove_topology, report_queues
from leveret.client import BlockingClient, Client
from leveret.devbroker import answers
from leveret.errors import NotSent, SettingsError
from leveret.process.urls import split_url
from leveret.settings.values import shown_database
from leveret.topology import Topology
from taskmanager.settings import Settings

MARK = "xq7zw"
CLOSED = "127.0.0.1:1"
"""Return a port on which nobody listens."""

PASSWORDS = [
    MARK,
    f"12/{MARK}",
    f"/{MARK}",
    f"12?{MARK}",
    f"12?heartbeat={MARK}",
    f"12?connection_timeout={MARK}",
    f"12?verify={MARK}",
    f"12#{MARK}",
    f"p#{MARK}",
    f"12@{MARK}",
    f"a@{MARK}/b",
    f"@{MARK}?x=1",
    f"{MARK}@12/{MARK}",
    f"12,{MARK}",
    f"12,{MARK}://x",
    f"{MARK},?x",
    f"{MARK},/x",
    f"{MARK},#x",
    f"12@{MARK}!,x",
    f"@a {MARK},",
    f"a:{MARK}",
    f"[{MARK}",
    f"]{MARK}",
    f"12]/{MARK}",
    f"%ff{MARK}",
    f"%00{MARK}",
    f"100%{MARK}",
    f"\u2100{MARK}",
    f"12\uff0f{MARK}",
    f"\\{MARK}",
    f"a b{MARK}",
    f"\n{MARK}",
    f"\t12/{MARK}",
    f"\x00{MARK}",
    f"\udcff{MARK}",
    f"12;{MARK}",
    f"12/{MARK}\u0661",
]
"""Written into an address as they are, as many people do it."""

PIECES = st.sampled_from(
    [MARK, *"/?#@:,%&=[];\\ +$", "12", "5672", "%2f", "heartbeat=", "\u2100", "\uff20", "\u0661", "\n", "//", "\udcff"]
)
unescaped = st.lists(PIECES, max_size=8).map("".join).map(lambda text: f"{text}{MARK}")


def shown_of(read: Callable[[], object]) -> str:
    """Return everything that is shown of an address: its texts, or the error with its causes, as in a log."""
    try:
        found = read()
    except (ValueError, SettingsError, AmqpError) as error:
        return f"{error} {error!r} {error.args}" + "".join(traceback.format_exception(error))
    return f"{found} {found!r}"


def readings(login: str) -> Iterator[Callable[[], object]]:
    """Return every function that takes an address, called with this login."""
    amqp = [f"amqp://{login}@h.example:5672/v?heartbeat=5", f"amqps://{login}@h.example?cacertfile=/ca"]
    amqp += [f"amqp://{login}@h.example,amqp://{login}@i.example:1/"]
    for url in amqp:
        yield partial(Address.parse, url)
        yield partial(shown_address, url)
        yield partial(vhost_of, url)
        yield partial(split_url, url, "amqp")
        yield partial(Client, url)
        yield partial(BlockingClient, url)
        yield partial(setting, AMQP_URL=url)
    for url in (f"http://{login}@h.example:15672/", f"https://{login}@h.example"):
        yield partial(ManagementAddress.parse, url)
    for url in (
        f"postgresql://{login}@h.example:5432/name",
        f"postgresql+psycopg://{login}@h.example/name",
    ):
        yield partial(setting, DATABASE_URL=url)
        yield partial(shown_setting, url)


def shown_setting(url: str) -> str:
    """Return what the log shows of the database."""
    return shown_database(setting(DATABASE_URL=url).database_url)


def setting(**texts: str) -> Settings:
    """Return the settings of an environment with these variables."""
    texts["JWT_SECRET"] = "s" * 32
    return Settings.from_environment({f"TASKMANAGER_{name}": text for name, text in texts.items()})


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("login", ["user:{}", "{}:word", ":{}", "{}"])
def test_no_password_of_the_table_is_shown(login: str, password: str) -> None:
    for read in readings(login.format(password)):
        assert MARK not in shown_of(read).lower()


@settings(deadline=None)  # the machine may be busy
@given(user=unescaped, password=unescaped)
@example(user="u", password=f"12/{MARK}")
@example(user=MARK, password=f",?{MARK}")
def test_no_random_password_is_shown(user: str, password: str) -> None:
    for login in (f"user:{password}", f"{user}:{password}", f"{user}"):
        for read in readings(login):
            assert MARK not in shown_of(read).lower()


@pytest.mark.parametrize(
    "query", [f"password={MARK}", f"sslpassword={MARK}", f"user={MARK}&password={MARK}", f"{MARK}=1"]
)
def test_what_stands_in_the_options_is_not_shown(query: str) -> None:
    of_database = shown_of(partial(shown_setting, f"postgresql://h.example/name?{query}"))
    assert MARK not in of_database
    known = "postgresql+psycopg://h.example/name" in of_database
    assert known or "parameter 1 behind the ? is not one of libpq" in of_database
    for read in (lambda: Address.parse(f"amqp://h?{query}"), lambda: setting(AMQP_URL=f"amqps://h?{query}")):
        shown = shown_of(read)
        assert MARK not in shown
        assert "an option is not known" in shown


@pytest.mark.parametrize(
    ("password", "written"),
    [
        ("12/x", "/ is written %2F"),
        ("12?x", "? is %3F"),
        ("12#x", "# is %23"),
        ("12@x/y", "@ is %40"),
        ("%ff", "% is %25"),
    ],
)
def test_the_error_says_how_the_sign_is_written(password: str, written: str) -> None:
    with pytest.raises(SettingsError, match="TASKMANAGER_AMQP_URL") as refused:
        setting(AMQP_URL=f"amqp://user:{password}@h/")
    assert written in str(refused.value)


def test_a_sign_that_is_written_so_belongs_to_the_password() -> None:
    address = Address.parse("amqp://user:%2F%3F%23%40%3A%2C%25@h.example:1/v")
    assert (address.password, address.host, address.vhost) == ("/?#@:,%", "h.example", "v")
    assert split_url("http://u:%2F%40@[FE80::1%25Eth0]:1/p?q", "http").host == "fe80::1%Eth0"


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_characters="/?#,@:%[]\x7f", exclude_categories=["Cs"], min_codepoint=33), max_size=20)
)
def test_any_other_sign_may_be_written_as_it_is(password: str) -> None:
    assert Address.parse(f"amqp://user:{password}@h.example").password == password


def test_a_database_address_that_is_not_utf8_is_refused_in_words() -> None:
    url = f"postgresql://user:\udcff{MARK}@h.example/name"
    shown = shown_of(lambda: setting(DATABASE_URL=url))
    assert "expected sqlite:///file.db" in shown
    assert "udcff" not in shown


@pytest.mark.parametrize("password", [MARK, f"%2F{MARK}", f"a b{MARK}", f"%40{MARK}"])
async def test_no_password_is_shown_when_there_is_no_connection(password: str) -> None:
    url, topology = f"amqp://{MARK}:{password}@{CLOSED}/", Topology("t")
    shown = []
    for attempt in (
        lambda: Connection.open(url, limits=Limits(connect=5)),
        lambda: Client(url).connect(),
        lambda: report_queues(url, topology),
        lambda: remove_topology(url, topology),
        lambda: asyncio.to_thread(BlockingClient(url).connect),
    ):
        with pytest.raises((ConnectFailed, NotSent, BrokerTrouble)) as failed:
            await attempt()
        shown.append("".join(traceback.format_exception(failed.value)) + repr(failed.value))
    with pytest.raises(ManagementTrouble) as refused:
        Management(ManagementAddress.parse(f"http://a:{password}@{CLOSED}"), Administrator("a", MARK)).user_tags("a")
    shown.append("".join(traceback.format_exception(refused.value)))
    assert all("127.0.0.1" in each and MARK not in each for each in shown)
    assert not answers(url)
