"""One check cannot keep the others from being run, whatever it does."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from leveret.operate.doctor.examining import Check, examine
from leveret.operate.doctor.finding import Finding, Findings, ok, unknown, warning, wrong
from leveret.operate.doctor.installation import Installation
from support.installations import installation


def check(room: str, what: str, *findings: Finding, needs: str | None = None) -> Check:
    return Check(room, what, lambda _: findings, needs)


async def found(*checks: Check, limit: float = 10.0, url: str = "") -> list[tuple[str, str, str, str]]:
    findings = await examine(installation(limit=limit, AMQP_URL=url), checks)
    return [(finding.room, finding.what, finding.state, finding.text) for finding in findings]


async def test_findings_come_in_the_order_of_the_checks() -> None:
    assert await found(
        check("a", "one", ok("x"), warning("y", "do")),
        check("b", "two", ok("z")),
        check("a", "three", wrong("w", "do")),
    ) == [
        ("a", "one", "ok", "x"),
        ("a", "one", "warning", "y"),
        ("a", "three", "wrong", "w"),
        ("b", "two", "ok", "z"),
    ]


async def test_a_check_that_raises_is_a_finding_and_the_next_one_runs() -> None:
    def fail(_: Installation) -> Findings:
        raise RuntimeError("no idea")

    assert await found(Check("a", "one", fail), check("a", "two", ok("x"))) == [
        ("a", "one", "unknown", "this check failed: RuntimeError: no idea"),
        ("a", "two", "ok", "x"),
    ]


async def test_a_check_that_hangs_ends_at_its_limit() -> None:
    async def wait(_: Installation) -> Findings:
        await asyncio.Event().wait()
        return []

    released = threading.Event()
    try:
        began = time.monotonic()
        shown = await found(
            Check("a", "one", wait),
            Check("a", "two", lambda _: [ok("late")] if released.wait(60) else []),
            check("a", "three", ok("x")),
            limit=0.05,
        )
    finally:
        released.set()
    assert [state for *_, state, _ in shown] == ["unknown", "unknown", "ok"]
    assert "no answer within 0.05 s" in shown[0][3]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("need", [wrong("away", "do"), unknown("away")])
async def test_what_makes_no_sense_is_not_run_and_named_once(need: Finding) -> None:
    shown = await found(
        check("a", "there", need),
        check("a", "time_zone", ok("x"), needs="there"),
        check("a", "two", ok("x"), needs="there"),
        check("b", "there", ok("x")),
        check("b", "three", ok("y"), needs="there"),
    )
    assert shown[1] == ("a", "there", "unknown", "not checked before that is repaired: time zone, two")
    assert [text for *_, text in shown[2:]] == ["x", "y"]


async def test_a_warning_does_not_keep_others_from_being_run() -> None:
    shown = await found(check("a", "there", warning("odd", "do")), check("a", "two", ok("x"), needs="there"))
    assert len(shown) == 2


async def test_a_check_that_has_nothing_to_do_with_it_is_left_out() -> None:
    assert await found(Check("a", "one", lambda _: [ok("x")], when=lambda _: False)) == []


async def test_no_secret_of_the_settings_is_shown_whatever_a_check_says() -> None:
    one = check("a", "one", wrong("the password hush-hush", "use hush-hush"))
    ((*_, text),) = await found(one, url="amqp://ada:hush-hush@localhost/")
    assert text == "the password [removed]"
    two = check("a", "one", ok("s3cr\u202eet"))
    assert (await found(two))[0][3] == "s3cr\\u202eet"
