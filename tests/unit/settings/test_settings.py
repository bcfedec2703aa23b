"""Which variables an application reads, which it leaves to others, and what errors tell of secret ones."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from leveret.errors import SettingsError
from leveret.settings import Settings, setting, values


def one_letter(text: str) -> str:
    if len(text) > 1:
        raise ValueError(f"only {text[:1]} would fit, and {text[1:]} is left")
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop(Settings):
    """Settings of an application whose own names look like those of others."""

    prefix: str = "SHOP_"
    test_mode: bool = setting("TEST_MODE", values.truth, False)  # noqa: FBT003 - it is the default
    smtp_host: str = setting("SMTP_SERVICE_HOST", str, "localhost")
    currency: str = setting("CURRENCY", str, "EUR")
    pin: int = setting("PIN", values.number(1000, 9999), 1000, secret=True)
    letter: str = setting("LETTER", one_letter, "a", secret=True)


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        Shop.from_environment({f"SHOP_{name}": text for name, text in environ.items()})
    return list(refused.value.problems)


def test_a_name_that_is_known_is_read_whatever_it_looks_like() -> None:
    read = Shop.from_environment({"SHOP_TEST_MODE": "yes", "SHOP_SMTP_SERVICE_HOST": "10.0.0.7"})
    assert (read.test_mode, read.smtp_host) == (True, "10.0.0.7")


def test_the_settings_of_an_application_with_a_longer_prefix_are_left_to_it() -> None:
    others = {"SHOP_EU_AMQP_URL": "nonsense", "SHOP_NORTH_EU_PREFETCH": "0", "SHOP_EU_LOG_LEVEL": "loud"}
    assert Shop.from_environment(others) == Shop()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AMPQ_URL", "AMQP_URL"),
        ("RETRY_DELAYS", "RETRY_DELAY"),
        ("JWT_SECRETS", "JWT_SECRET"),
        ("QUEUE_PREFX", "QUEUE_PREFIX"),
        ("_AMQP_URL", "AMQP_URL"),
    ],
)
def test_a_misspelt_name_is_refused_also_with_underscores(name: str, meant: str) -> None:
    assert problems(**{name: "1"}) == [f"SHOP_{name}: no such setting, did you mean SHOP_{meant}?"]


def test_an_own_setting_behind_another_prefix_is_refused_without_a_wrong_hint() -> None:
    assert problems(EU_CURRENCY="USD") == [
        "SHOP_EU_CURRENCY: no such setting; if it is another application's, give one of the two another prefix"
    ]


def test_the_record_knows_what_an_environment_has_set() -> None:
    read = Shop.from_environment({"SHOP_CURRENCY": "EUR"})
    assert read.given == {"currency"}
    assert read.updated({"SHOP_PREFETCH": "9"}).given == {"currency", "prefetch"}
    assert read == Shop()
    assert "given" not in repr(read)


def test_the_value_of_a_secret_setting_is_not_in_the_text_of_its_error() -> None:
    assert problems(PIN="hunter2secret") == ["SHOP_PIN: the value is not a whole number from 1000 to 9999"]
    [quoted] = problems(PIN="'1234'")
    assert "1234" not in quoted
    assert "leave the quotation marks out" in quoted


def test_a_part_of_a_secret_value_is_not_shown_either() -> None:
    assert problems(LETTER="hunter2") == ["SHOP_LETTER: the value cannot be used; it is secret, so it is not shown"]


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (values.number(1, 5), "hunter2secret"),
        (values.size(1024, 2048), "hunter2secret"),
        (values.one_of("a", "b"), "hunter2secret"),
        (values.truth, "hunter2secret"),
        (values.rate_limit, "hunter2/secret"),
        (values.unless_off(values.number(1, 5)), "hunter2secret"),
        (values.queue_prefix, "hunter 2 secret"),
    ],
)
def test_no_reader_shows_a_secret_value(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        values.without_value(read)(text)
    assert "hunter" not in str(refused.value)
    assert "secret'" not in str(refused.value)
