"""Scenes: a fault, the load that it needs, and how often it has to strike; and the register of all scenes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

from faults.system import Database, System


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The requests and strikes that one run of a scene needs.

    Attributes:
        requests: how many requests have to be sent at least.
        strikes: how often the fault has to strike at least.
        random: source of everything random; made from the seed.
        short: whether this is the short form, of a few seconds.
    """

    requests: int
    strikes: int
    random: Random
    short: bool


SceneFunction = Callable[[System, Plan], Awaitable[None]]
"""Function of a scene: starts workers and a load, strikes, and returns when the load has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One fault, and how it is injected.

    Attributes:
        name: name on the command line.
        title: title in reports.
        run: the function of the scene.
        requests: number of requests that it needs, in full and in the short form.
        strikes: how often the fault has to strike, in full and in the short form.
        database: kind of database.
        own_broker: whether it breaks the broker, or counts what the broker does, so that no other scene may use it.
        heartbeat: heartbeat of the workers' connections, in seconds; None for the default.
        settings: settings of the workers, without ``TASKMANAGER_``.
        limit: seconds that running it in full may take.
        letters_once: whether a due letter that exists twice makes the scene red.
    """

    name: str
    title: str
    run: SceneFunction
    requests: tuple[int, int]
    strikes: tuple[int, int]
    database: Database = "sqlite"
    own_broker: bool = False
    heartbeat: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    limit: float = 900.0
    letters_once: bool = False

    def plan(self, seed: int, *, short: bool) -> Plan:
        """Return the plan of one run."""
        # Only seed and name decide, so that a scene strikes in the same way whether others run before it or not.
        random = Random(f"{self.name} {seed}")  # noqa: S311 -- it has to be repeatable, but not secret
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
) -> Callable[[SceneFunction], SceneFunction]:
    """Register a function as a scene; for the arguments, see `Scene`.

    With ``simulate``, requests may ask for failures (``TASKMANAGER_ALLOW_SIMULATED_ERRORS``).
    """
    chosen = {**({"ALLOW_SIMULATED_ERRORS": "true"} if simulate else {}), **(settings or {})}

    def register(function: SceneFunction) -> SceneFunction:
        if name in REGISTER:
            raise ValueError(f"there is a scene {name} already")
        REGISTER[name] = Scene(
            name=name,
            title=title,
            run=function,
            requests=(requests, short_requests),
            strikes=(strikes, short_strikes),
            database=database,
            own_broker=own_broker,
            heartbeat=heartbeat,
            settings=chosen,
            limit=limit,
            letters_once=letters_once,
        )
        return function

    return register
