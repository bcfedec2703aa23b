"""What follows from an application's name, and what can be given instead."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leveret import App, Context, RetryPolicy, Settings
from leveret.application.database import open_engine
from leveret.errors import SettingsError, Unauthenticated
from leveret.settings import setting, values

SECRET = "s" * 32


@dataclass(frozen=True, kw_only=True, slots=True)
class GuestbookSettings(Settings):
    """Settings of an application, with one of its own."""

    greeting: str = setting("GREETING", values.one_of("hello", "bonjour"), "hello")


def test_everything_follows_from_the_name() -> None:
    app = App("guest-book")
    assert (app.prefix, app.issuer) == ("GUEST_BOOK_", "guest-book")
    settings = app.defaults.updated({})
    assert settings.database_url == "sqlite:///guest-book.db"
    assert settings.secret_file == Path("guest-book.secret")
    assert app.topology(settings).requests == "guest-book.requests"
    assert app.names.setting == "GUEST_BOOK_DATABASE_URL"


def test_each_can_be_given_instead() -> None:
    app = App("guestbook", prefix="GB_", queues="front.desk", database="sqlite:///elsewhere.db", issuer="https://id")
    settings = app.defaults.updated({"GB_PREFETCH": "7", "GUESTBOOK_PREFETCH": "8"})
    assert (settings.prefetch, settings.database_url) == (7, "sqlite:///elsewhere.db")
    assert app.topology(settings).dead_letters == "front.desk.requests.dlq"
    assert app.issuer == "https://id"


def test_the_environment_has_precedence_over_what_the_application_gives() -> None:
    app = App("guestbook", queues="front")
    environ = {"GUESTBOOK_QUEUE_PREFIX": "back", "GUESTBOOK_DATABASE_URL": "sqlite:///other.db"}
    settings = app.defaults.updated(environ)
    assert (settings.queue_prefix, settings.database_url) == ("back", "sqlite:///other.db")


@pytest.mark.parametrize("name", ["", "Guestbook", "guest book", "7up", "-a", "a" * 33, "guest.book", "größe"])
def test_a_name_that_cannot_be_a_prefix_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be an application's name"):
        App(name)


@pytest.mark.parametrize("prefix", ["", "gb_", "GB", "_", "G-B_"])
def test_a_prefix_that_no_variable_can_have_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="cannot be a prefix of settings"):
        App("guestbook", prefix=prefix)


def test_settings_of_its_own_are_read_with_the_others_and_all_problems_are_told_at_once() -> None:
    app = App("guestbook", settings=GuestbookSettings)
    read = app.defaults.updated({"GUESTBOOK_GREETING": "Bonjour"})
    assert isinstance(read, GuestbookSettings)
    assert read.greeting == "bonjour"
    wrong = {"GUESTBOOK_GREETING": "hi", "GUESTBOOK_PREFETCH": "0", "GUESTBOOK_GREETINGS": "x", "OTHER_X": "1"}
    with pytest.raises(SettingsError) as caught:
        app.defaults.updated(wrong)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "GUESTBOOK_GREETINGS",
        "GUESTBOOK_PREFETCH",
        "GUESTBOOK_GREETING",
    ]
    assert "did you mean GUESTBOOK_GREETING?" in caught.value.problems[0]


def test_two_applications_in_one_process_do_not_know_each_other() -> None:
    one, two = App("one"), App("two")
    environ = {"ONE_PREFETCH": "1", "TWO_PREFETCH": "2"}
    assert (one.defaults.updated(environ).prefetch, two.defaults.updated(environ).prefetch) == (1, 2)


def test_what_a_settings_class_decides_itself_has_precedence() -> None:
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Own(Settings):
        queue_prefix: str = setting("QUEUE_PREFIX", values.queue_prefix, "api")

    assert App("guestbook", settings=Own).defaults.queue_prefix == "api"


def test_every_application_answers_health_check() -> None:
    app: App[Any] = App("guestbook")
    app.complete()
    app.complete()
    assert app.find("v1", "health_check").public


def test_its_own_health_check_stays_and_it_may_have_none() -> None:
    own: App[Any] = App("guestbook")

    @own.action("v1", "health_check", public=True)
    def health_check(context: Context) -> str:
        return "fine"

    own.complete()
    assert own.find("v1", "health_check").function is health_check
    without: App[Any] = App("guestbook", health_check=False)
    without.complete()
    assert list(without) == []


def test_a_secret_is_only_demanded_where_it_is_needed() -> None:
    app = App("guestbook")
    environ = {"GUESTBOOK_DATABASE_URL": "postgresql://db/book", "GUESTBOOK_PREFETCH": "0"}
    with pytest.raises(SettingsError) as refused:
        app.defaults.updated(environ, needs_secret=False)
    assert len(refused.value.problems) == 1, "everything else is checked all the same"
    settings = app.defaults.updated({**environ, "GUESTBOOK_PREFETCH": ""}, needs_secret=False)
    with pytest.raises(SettingsError, match="GUESTBOOK_JWT_SECRET: needed with PostgreSQL"):
        app.keyring(settings)


class Undecorated(Settings):
    """Its field would be ignored."""

    greeting: str = "hello"


@pytest.mark.parametrize("kind", [Undecorated, dict, Settings(), None])
def test_a_class_that_is_not_a_record_of_settings_is_refused(kind: Any) -> None:
    with pytest.raises(TypeError, match="cannot be the settings of guestbook: write a subclass"):
        App("guestbook", settings=kind)


def test_texts_name_the_prefix_of_the_application(tmp_path: Path) -> None:
    app = App("guestbook")
    with pytest.raises(SettingsError, match=r"^GUESTBOOK_JWT_SECRET: needed with PostgreSQL"):
        app.defaults.updated({"GUESTBOOK_DATABASE_URL": "postgresql://db/book"})
    settings = app.defaults.updated({"GUESTBOOK_JWT_SECRET": SECRET, "GUESTBOOK_JWT_KEYS": str(tmp_path / "none")})
    with pytest.raises(SettingsError, match=r"^GUESTBOOK_JWT_KEYS: .*`leveret keys add KID` makes it$"):
        app.keyring(settings)


def test_its_tokens_are_its_own() -> None:
    settings = App("one").defaults.updated({"ONE_JWT_SECRET": SECRET})
    token = App("one").keyring(settings).issue("7", timedelta(hours=1))
    assert App("one").keyring(settings).verify(token).subject == "7"
    with pytest.raises(Unauthenticated):
        App("two").keyring(settings).verify(token)


def test_a_relative_folder_of_migrations_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Path\(__file__\)\.parent / \"migrations\""):
        App("guestbook", migrations=Path("migrations"))


def test_the_delays_of_single_actions_have_queues_too() -> None:
    app: App[Any] = App("guestbook")

    @app.action("v1", "sign", writes=True, public=True, retry=RetryPolicy((timedelta(minutes=10),)))
    def sign(context: Context) -> None:
        """Sign."""

    assert "guestbook.requests.retry.10m" in app.topology(app.defaults).retries


async def test_limits_of_an_action_that_contradict_the_settings_are_a_setting_that_cannot_be_used() -> None:
    app: App[Any] = App("guestbook")

    @app.action("v1", "wait", public=True, timeout=timedelta(minutes=3))
    async def wait(context: Context) -> None:
        """Wait."""

    settings = app.defaults.updated({"GUESTBOOK_JWT_SECRET": SECRET})
    with pytest.raises(SettingsError, match=r"v1\.wait"):
        async with app.worker(settings, "test"):
            pass


def test_an_application_that_keeps_nothing_uses_no_database(tmp_path: Path) -> None:
    app: App[Any] = App("guestbook", database=None)
    settings = app.defaults.updated({})

    @app.action("v1", "look", public=True)
    def look(context: Context) -> int:
        return 1

    assert not app.uses_database(settings)
    assert app.uses_database(app.defaults.updated({"GUESTBOOK_DATABASE_URL": f"sqlite:///{tmp_path}/book.db"}))
    assert app.uses_database(app.defaults.updated({"GUESTBOOK_RATE_LIMIT": "10/1m"}))
    assert app.uses_database(app.defaults.updated({"GUESTBOOK_REPLAY": "all"}))
    assert App("guestbook", database="sqlite:///book.db").uses_database(settings)
    app.action("v1", "sign", writes=True)(look)
    assert app.uses_database(settings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deciding(Settings):
    """Settings of an application that decides defaults of every application itself, one of them as it was."""

    prefix: str = "SET_"
    queue_prefix: str = setting("QUEUE_PREFIX", values.queue_prefix, "set")
    database_url: str = setting("DATABASE_URL", values.database_url, "sqlite:///leveret.db", secret=True)


def test_arguments_have_precedence_over_the_class_and_the_class_over_the_name() -> None:
    decided = App("shop", settings=Deciding).defaults
    assert (decided.name, decided.prefix) == ("shop", "SET_")
    assert (decided.queue_prefix, decided.database_url) == ("set", "sqlite:///leveret.db")
    given = App("shop", settings=Deciding, prefix="GIVEN_", queues="given", database="sqlite:///given.db").defaults
    assert (given.prefix, given.queue_prefix, given.database_url) == ("GIVEN_", "given", "sqlite:///given.db")


@pytest.mark.parametrize("url", ["", "mysql://db/shop", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_a_database_that_no_setting_may_name_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^shop cannot have this database: "):
        App("shop", database=url)


@pytest.mark.parametrize("queues", ["", "amq.foo", "a b"])
def test_queues_that_no_setting_may_name_are_refused(queues: str) -> None:
    with pytest.raises(ValueError, match=r"^shop cannot have these queues: "):
        App("shop", queues=queues)


def test_a_database_is_named_as_in_the_environment() -> None:
    assert App("shop", database="postgresql://db/shop").defaults.database_url == "postgresql+psycopg://db/shop"


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubled(Settings):
    """Two fields of one name: the second would be read, and the first never."""

    fetched: int = setting("PREFETCH", values.number(1, 5), 1)


def test_two_fields_with_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="the fields prefetch and fetched of Doubled both are the setting PREFETCH"):
        App("shop", settings=Doubled)


def test_a_database_that_the_environment_names_is_used_also_if_it_is_the_default() -> None:
    app = App("shop")
    assert not app.uses_database(app.defaults.updated({}))
    assert app.uses_database(app.defaults.updated({"SHOP_DATABASE_URL": "sqlite:///shop.db"}))
    assert app.uses_database(app.defaults.updated({"SHOP_DATABASE_URL": "sqlite:///shop.db"}).updated({}))


def on_broker(app: App[Any], *addresses: str, **environ: str) -> Settings:
    named = {f"SHOP_{name}": text for name, text in environ.items()}
    return app.defaults.updated({"SHOP_AMQP_URL": ",".join(addresses), **named})


@pytest.mark.parametrize(
    "addresses", [["amqp://mq"], ["amqp://127.0.0.1", "amqp://10.0.0.7"], ["amqp://localhost.org"]]
)
def test_without_a_database_workers_of_several_machines_need_a_secret_that_is_set(
    addresses: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = App("shop")
    with pytest.raises(SettingsError, match=r"^SHOP_JWT_SECRET: needed without a database, because all workers must"):
        app.keyring(on_broker(app, *addresses))
    app.keyring(on_broker(app, *addresses, JWT_SECRET=SECRET))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["amqp://127.0.0.1", "amqp://localhost:1", "amqp://[::1]/x", "amqp://127.8.0.1"])
def test_a_file_holds_the_secret_of_workers_that_share_the_broker_s_machine(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = App("shop")
    app.keyring(on_broker(app, address))
    assert [each.name for each in tmp_path.iterdir()] == ["shop.secret"]


def test_a_file_holds_the_secret_beside_a_database_whatever_the_broker_is(tmp_path: Path) -> None:
    app = App("shop", database=f"sqlite:///{tmp_path / 'shop.db'}")
    app.keyring(on_broker(app, "amqp://mq"))
    assert (tmp_path / "shop.secret").exists()


def test_letters_of_its_own_health_check_can_be_redriven() -> None:
    app: App[Any] = App("shop")
    app.redriver(app.defaults.updated({"SHOP_JWT_SECRET": SECRET}))
    assert app.find("v1", "health_check").public


def test_an_sqlite_that_is_too_old_for_memory_is_explained_by_the_setting_that_helps() -> None:
    settings = App("shop").defaults
    old = open_engine(settings, needed=False, version=(3, 35, 5))
    with (
        pytest.raises(SettingsError, match=r"^SHOP_DATABASE_URL: needed, such as sqlite:///shop\.db\. .* is 3\.35\.5$"),
        old,
    ):
        pytest.fail("it was opened")
