"""All cases, in the order in which the bench runs them."""

from typing import Final

from bench.case import Case
from bench.cases import (
    backlog,
    clients,
    echo,
    latency,
    memory,
    mixed,
    observing,
    over_http,
    reading,
    replaying,
    rows,
    scale,
    starting,
    whole_job,
)

ALL: Final[dict[str, Case]] = {
    case.name: case
    for case in (
        echo.CASE,
        clients.CASE,
        whole_job.CASE,
        over_http.CASE,
        reading.CASE,
        replaying.CASE,
        mixed.CASE,
        observing.CASE,
        latency.CASE,
        starting.CASE,
        scale.PROCESSES,
        scale.SIZES,
        scale.IN_FLIGHT,
        scale.CONNECTIONS,
        rows.CASE,
        backlog.CASE,
        memory.CASE,
    )
}
