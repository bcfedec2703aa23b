"""A scene: one fault, how much load it needs and how often it has to strike; and the register of all scenes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from faults.stage import Database, Stage


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one run of a scene has to come to.

    Attributes:
        requests: at least so many requests.
        strikes: the fault has to strike at least so often.
        random: decides everything that is random; made of the seed.
        short: the short form, of a few seconds.
    """

    requests: int
    strikes: int
    random: Random
    short: bool


Play = Callable[[Stage, Plan], Awaitable[None]]
"""What a scene does: start a crew and a load, strike, and return when the load has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One fault.

    Attributes:
        name: for the command line.
        title: for people.
        play: what it does.
        requests: how many it needs, in full and in the short form.
        strikes: how often the fault has to strike, in full and in the short form.
        database: the engine.
        own_broker: it breaks the broker, or counts what that does, so no other scene is played on it meanwhile.
        heartbeat: seconds, of the workers' connections; None for the usual one.
        settings: of the workers, without ``TASKMANAGER_``.
        limit: seconds that playing it in full may take.
        letters_once: a due letter that is there twice makes the scene red.
    """

    name: str
    title: str
    play: Play
    requests: tuple[int, int]
    strikes: tuple[int, int]
    database: Database = "sqlite"
    own_broker: bool = False
    heartbeat: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    limit: float = 900.0
    letters_once: bool = False

    def plan(self, seed: int, *, short: bool) -> Plan:
        """Say what one run has to come to."""
        # A seed and a name decide alone: the same scene strikes alike whether others run before it or not.
        random = Random(f"{self.name} {seed}")  # noqa: S311 -- it has to be repeatable, not secret
        return Plan(requests=self.requests[short], strikes=self.strikes[short], random=random, short=short)


REGISTER: Final[dict[str, Scene]] = {}
"""All scenes by name, in the order of their import: see `faults.scenes`."""


def scene(
    name: str,
    *,
    title: str,
    requests: int,
    strikes: int,
    short_requests: int,
    short_strikes: int,
    database: Database = "sqlite",
    own_broker: bool = False,
    heartbeat: int | None = None,
    simulate: bool = False,
    settings: Mapping[str, str] | None = None,
    limit: float = 900.0,
    letters_once: bool = False,
) -> Callable[[Play], Play]:
    """Register a function as a scene: see `Scene` for the arguments.

    With ``simulate`` requests may ask for failures (``TASKMANAGER_ALLOW_SIMULATED_ERRORS``).
    """
    chosen = {**({"ALLOW_SIMULATED_ERRORS": "true"} if simulate else {}), **(settings or {})}

    def register(play: Play) -> Play:
        if name in REGISTER:
            raise ValueError(f"Scene {name} is there already")
        REGISTER[name] = Scene(
            name=name,
            title=title,
            play=play,
            requests=(requests, short_requests),
            strikes=(strikes, short_strikes),
            database=database,
            own_broker=own_broker,
            heartbeat=heartbeat,
            settings=chosen,
            limit=limit,
            letters_once=letters_once,
        )
        return play

    return register
