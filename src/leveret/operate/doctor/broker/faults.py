"""Versions of RabbitMQ with faults that we know of; ``docs/rabbitmq-facts.md`` has their sources."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from leveret.operate.doctor.finding import Finding, unknown, warning, wrong

Version = tuple[int, ...]

OLDEST: Final[Version] = (3, 10)
"""The first version with which this works."""

NEWEST_TRIED: Final[Version] = (4, 3)
"""The newest series on which the tests run."""

_VERSION: Final = re.compile(r"\d+(\.\d+){1,2}")


class Fault(Struct, frozen=True, kw_only=True):
    """A fault of some versions.

    Attributes:
        begin: the first version that has it.
        end: the first version that does not have it any more.
        text: what is wrong with them.
        advice: what to do.
    """

    begin: Version
    end: Version
    text: str
    advice: str


FAULTS: Final = (
    Fault(
        begin=OLDEST,
        end=(4, 0),
        text="this series gets no corrections any more",
        advice="Plan an upgrade to the newest 4.x; all our queues are quorum queues, which come along.",
    ),
    Fault(
        begin=OLDEST,
        end=(4, 0, 1),
        text="the broker believes a header x-death that a caller sends: a forged message can end all retries on a node",
        advice="Let only trusted callers in, or upgrade to 4.0.1 or later. `docs/security.md` says more.",
    ),
    Fault(
        begin=(4, 0),
        end=(4, 1),
        text="replies in the first moments after the node has started may be dropped",
        advice="Nothing is lost: callers ask again. A later version does not do that.",
    ),
    Fault(
        begin=(4, 2, 6),
        end=(4, 2, 7),
        text="counting the messages of a queue needs the permission to configure it",
        advice="Give operators that permission, or use a later version.",
    ),
    Fault(
        begin=(4, 3, 0),
        end=(4, 3, 1),
        text="counting the messages of a queue needs the permission to configure it",
        advice="Give operators that permission, or use 4.3.5 or later.",
    ),
    Fault(
        begin=(4, 3),
        end=(4, 3, 5),
        text="quorum queues have faults that 4.3.3 and 4.3.5 mended: commits that a leader made too early, and "
        "dead-lettering, by which retries come back, that stays stuck",
        advice="Upgrade to 4.3.5 or later.",
    ),
)
"""All faults that we know of, by the version that has them first."""


def read_version(text: str) -> Version | None:
    """Return the numbers of a version such as ``3.10.8`` or ``4.3.0-rc.1``; None if it is not one."""
    found = _VERSION.match(text)
    return tuple(map(int, found[0].split("."))) if found else None


def judge(text: str) -> list[Finding]:
    """Return what is wrong with a version of RabbitMQ; nothing if we know of nothing."""
    version = read_version(text)
    if version is None:
        return [unknown(f"the version {text!r} is not one that we know how to read")]
    if version < OLDEST:
        return [wrong(f"RabbitMQ {text} cannot be used: retries need quorum queues of 3.10", "Upgrade to 4.x.")]
    found = [
        warning(f"RabbitMQ {text}: {fault.text}", fault.advice)
        for fault in FAULTS
        if fault.begin <= version < fault.end
    ]
    if version[:2] > NEWEST_TRIED:
        newest = ".".join(map(str, NEWEST_TRIED))
        found.append(unknown(f"RabbitMQ {text} is newer than {newest}, the newest on which this version was tried"))
    return found
