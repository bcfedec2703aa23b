"""What runs here is named, and what is missing."""

import platform

from leveret.operate.doctor.here.clock import kept
from leveret.operate.doctor.here.settings import usable, watchful
from leveret.operate.doctor.here.versions import extras, libraries, programs
from support.installations import installation, only, states


def test_programs_libraries_and_extras_are_named() -> None:
    examined = installation()
    assert platform.python_version() in only(programs(examined)).text
    assert "msgspec " in only(libraries(examined)).text
    assert "postgres" in only(extras(examined)).text
    assert "all" not in only(extras(examined)).text.split("extras: ")[1].split(", ")


def test_the_clock_is_never_more_than_not_known() -> None:
    assert only(kept(installation())).state in ("ok", "unknown")


def test_settings_are_named_and_their_values_are_not() -> None:
    finding = only(usable(installation(PREFETCH="77")))
    assert finding.text.endswith("JWT_SECRET, PREFETCH")
    assert "77" not in finding.text


def test_every_problem_of_the_settings_is_wrong() -> None:
    assert states(usable(installation(PREFETCH="x", PROCESSES="y"))) == ["wrong", "wrong"]


def test_protections_that_are_off_are_told() -> None:
    assert states(watchful(installation())) == ["ok"]
    assert states(watchful(installation(WATCHDOG="off", QUEUE_LIMIT="off"))) == ["warning", "warning"]
