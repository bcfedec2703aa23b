"""What happens in each scene of the comparison, and when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

Deed = Literal["kill", "start", "lock", "unlock", "add", "break", "mend"]
"""What is done to the system: the server is killed or started, the database's lock is taken or released, a second
server is added, a version that fails is deployed, or the right one again."""

COST: Final = 0.02
"""Seconds that a request takes of a server, one at a time."""

CAPACITY: Final = 1 / COST
"""Requests that one server can do in a second."""


class Event(Struct, frozen=True):
    """Something that is done to the system.

    Attributes:
        at: seconds from the beginning of the load.
        deed: what is done.
    """

    at: float
    deed: Deed


class Scene(Struct, frozen=True, kw_only=True):
    """One scene.

    Attributes:
        name: for the command line.
        title: for people.
        seconds: how long requests are sent.
        load: requests a second, as a share of one server's capacity.
        events: what is done meanwhile, in order.
        patience: seconds after which a caller gives up.
        retry_delay: seconds before each retry of a request that failed.
        says: what there is to say about both forms, honestly.
    """

    name: str
    title: str
    seconds: float
    load: float
    says: str
    events: tuple[Event, ...] = ()
    patience: float = 5.0
    retry_delay: float = 1.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.load * CAPACITY

    def shortened(self) -> Scene:
        """Return the scene in a tenth of its time, which shows that it works and measures nothing."""
        events = tuple(Event(event.at / 10, event.deed) for event in self.events)
        return replace(self, seconds=self.seconds / 10, events=events, patience=2.0, retry_delay=0.1)


SCENES: Final = (
    Scene(
        name="normal",
        title="Normal load",
        seconds=20.0,
        load=0.6,
        says="REST is better here: one program less to run, and a request takes one way less. "
        "Who has only this load needs no broker.",
    ),
    Scene(
        name="overload",
        title="Twice the capacity",
        seconds=20.0,
        load=2.0,
        says="Neither form is better. When requests wait as long as their callers have patience, servers work for "
        "callers who have just left: what they have in hand already is done late. A limit on what waits (QUEUE_LIMIT) "
        "or a rate limit refuses the rest at once instead. What waits is at the broker over RabbitMQ, and in the "
        "server's memory over REST.",
    ),
    Scene(
        name="restart",
        title="The server is killed, and started again a second later",
        seconds=20.0,
        load=0.6,
        events=(Event(7.0, "kill"), Event(8.0, "start")),
        says="Over RabbitMQ callers only wait longer: the broker keeps the requests. Over REST they get errors, and "
        "have to ask again themselves, with the same key, almost twice as often in all; who does not ask again has no "
        "answer, and does not know whether the request was done.",
    ),
    Scene(
        name="database",
        title="The database is locked for ten seconds",
        seconds=30.0,
        load=0.6,
        events=(Event(8.0, "lock"), Event(18.0, "unlock")),
        says="In both forms the server waits for the database, and requests are answered when it is back, or their "
        "callers have given up. REST is as good here as long as the server itself is not restarted meanwhile.",
    ),
    Scene(
        name="second-server",
        title="A second server is added under too much load",
        seconds=30.0,
        load=1.4,
        events=(Event(12.0, "add"),),
        says="Over RabbitMQ the second worker takes from the same queue, and no caller has to know of it. Over REST "
        "callers need its address, or a load balancer; here they are told of it at once. Requests that wait "
        "in the first server stay there.",
    ),
    Scene(
        name="deployment",
        title="A bad deployment: an action fails for 30 seconds",
        seconds=50.0,
        load=0.4,
        events=(Event(8.0, "break"), Event(38.0, "mend")),
        says="Callers get errors in both forms. Over RabbitMQ each request that was given up is a dead letter, and one "
        "command carries all of them out when the action is mended. Over REST they exist in the log only, and "
        "their callers have to ask again.",
    ),
)
"""All scenes, in the order in which they are run."""


def chosen(names: Iterable[str]) -> tuple[Scene, ...]:
    """Return the scenes with these names; all of them without any.

    Raises:
        KeyError: there is no such scene.
    """
    by_name = {scene.name: scene for scene in SCENES}
    return tuple(by_name[name] for name in dict.fromkeys(names)) or SCENES
