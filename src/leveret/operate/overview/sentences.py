"""What an overview says, in English: a sentence for each kind of finding. Other languages have the same kinds.

A sentence names its values in braces. A value that is a float is a duration in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from leveret.operate.overview.words import shown_seconds

Value: TypeAlias = str | int | float
"""What stands in a sentence; a float is a duration in seconds."""

Forms: TypeAlias = str | tuple[str, str]
"""A sentence; where it counts something, that for one and that for more, with the number as ``n``."""


class Sentence(Struct, frozen=True):
    """What is said of one kind of finding.

    Attributes:
        text: what is wrong.
        advice: what to do.
    """

    text: Forms
    advice: str


SENTENCES: Final[Mapping[str, Sentence]] = {
    "broker_away": Sentence(
        "The broker does not answer: {words}",
        "Start it, or repair the network. Callers wait and ask again; workers go on by themselves. `{doctor}` says "
        "more.",
    ),
    "broker_alarm": Sentence(
        "The broker takes no messages: {words}",
        "Free memory or disk at the broker. Nothing is lost: callers and workers wait and go on.",
    ),
    "database_away": Sentence(
        "The database does not answer: {words}",
        "Repair it; workers put requests back, count no attempt, and go on by themselves.",
    ),
    "database_unfit": Sentence("The database cannot be used: {words}", "`{doctor}` says what to do."),
    "nobody_consumes": Sentence(
        "No worker takes requests", "Start workers: `{worker}`. If some run, their log says why they wait."
    ),
    "nobody_consumes_yet": Sentence(
        "Workers run, and none of them takes requests",
        "Their log says what they wait for: most often a lock in the database, or that it is away. If they were just "
        "stopped, start them: `{worker}`.",
    ),
    "nothing_finished": Sentence(
        "Requests wait, and the workers finish none",
        "Look at what they have in hand below, and at locks in the database.",
    ),
    "waits_long": Sentence(
        "Requests wait too long: one of twenty waited {span} or longer",
        "Start more worker processes, or find out why more requests come than usual.",
    ),
    "waits_longer": Sentence(
        "Requests wait too long: those that come now have to wait about {span}",
        "Start more worker processes, or find out why more requests come than usual.",
    ),
    "nearly_full": Sentence(
        "The queue holds {waiting} of {limit} requests; when it is full, callers are told `overloaded`",
        "Start more worker processes, or find out who sends so much.",
    ),
    "letters_grow": Sentence(
        ("{n} request was given up in the last {span}", "{n} requests were given up in the last {span}"),
        "`{letters}` shows why; repair the cause, then send them again.",
    ),
    "retries_grow": Sentence(
        (
            "{n} attempt failed in the last {span} and is repeated",
            "{n} attempts failed in the last {span} and are repeated",
        ),
        "The workers' log says why, in lines with `retry #`. What still fails after them becomes a letter.",
    ),
    "worker_silent": Sentence(
        "The worker {pid} on {host} does not report any more",
        "It was killed, its machine is away, or it hangs: look at its log. What it had in hand is delivered to others.",
    ),
    "held_long": Sentence(
        "The worker {pid} on {host} has had {action} {id} in hand for {span}",
        "Find out what it waits for: a service without a timeout, or a lock in the database. After {limit} the "
        "watchdog may end that worker.",
    ),
    "versions_differ": Sentence(
        "The workers have different versions: {versions}",
        "While you deploy this is right. Otherwise stop the old ones.",
    ),
    "reports_missing": Sentence(
        "What the workers do cannot be seen: {words}",
        "`{doctor}` says what to do. Requests are served all the same.",
    ),
    "index_missing": Sentence(
        "The letters cannot be searched: {words}",
        "`{doctor}` says what to do. Requests are served all the same.",
    ),
}
"""All kinds of problems."""

BLIND: Final[Mapping[str, str]] = {
    "broker": "queues and workers: the broker does not answer",
    "reports": "workers, rates and durations: {words}",
    "database": "stored requests: the database does not answer",
}
"""All kinds of what cannot be seen."""


def in_english(forms: Forms, values: Mapping[str, Value]) -> str:
    """Return a sentence with its values.

    Raises:
        KeyError: a value is missing.
    """
    text = forms if isinstance(forms, str) else forms[0 if values["n"] == 1 else 1]
    shown = {name: shown_seconds(value) if isinstance(value, float) else value for name, value in values.items()}
    return text.format(**shown)
