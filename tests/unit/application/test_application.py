"""What follows from an application's name, and what can be given instead."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leveret import App, Context, RetryPolicy, Settings
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
