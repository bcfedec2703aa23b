"""The command line that all peers share, so that each peer's file holds only what its library's documentation shows.

    python benchmarks/peers/PEER.py worker URL QUEUE
    python benchmarks/peers/PEER.py client URL QUEUE COUNT IN_FLIGHT [--size BYTES] [--warm-up N]
    python benchmarks/peers/PEER.py versions

`worker` prints `ready` when it consumes, and runs until it is stopped. `client` makes N echo calls that are in no
figure and then COUNT others, compares each reply with the request and prints one line of JSON; it exits with 1 if a
reply is missing or wrong. `versions` prints the versions of the libraries in use as JSON.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

from tally import Figures, Load

Worker = Callable[[str, str], None]
"""Function that takes URL and QUEUE, calls `ready`, and serves until the process ends."""

Client = Callable[[Load], Figures]


def ready(*, at: str = "") -> None:
    """Print that the worker answers requests from now on, and at which address if that is not the broker's."""
    print(f"ready {at}".strip(), flush=True)


def run(workers: Mapping[str, Worker], client: Client, libraries: Sequence[str]) -> None:
    """Do what the command line asks for.

    Args:
        workers: functions of workers, by the name of the sub-command.
        client: function that makes the calls.
        libraries: distributions whose versions are reported.
    """
    options = _parser(workers).parse_args()
    logging.disable()  # in all peers, because the work is measured, and not the log
    if options.command == "versions":
        print_versions(libraries)
    elif options.command == "client":
        figures = client(
            Load(options.url, options.queue, options.count, options.in_flight, options.size, options.warm_up)
        )
        print(json.dumps(figures._asdict()))
        sys.exit(figures.replies != options.count or figures.wrong > 0)
    else:
        workers[options.command](options.url, options.queue)


def print_versions(libraries: Sequence[str]) -> None:
    """Print the versions of distributions as one JSON object."""
    print(json.dumps({name: version(name) for name in libraries}))


def positive(text: str) -> int:
    """Read a positive number."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def _parser(workers: Mapping[str, Worker]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="one peer of the benchmark")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("versions", help="print the versions of the libraries in use")
    served = [commands.add_parser(name, help="answer the requests of a queue") for name in workers]
    calling = commands.add_parser("client", help="make calls with the library's own client")
    for command in (*served, calling):
        command.add_argument("url", help="amqp://guest:guest@127.0.0.1:PORT/")
        command.add_argument("queue")
    calling.add_argument("count", type=positive, help="calls to make")
    calling.add_argument("in_flight", type=positive, help="calls without a reply at any time")
    calling.add_argument("--size", type=positive, default=64, help="bytes of text in a request (default: 64)")
    calling.add_argument("--warm-up", type=positive, default=0, help="calls before those that count (default: none)")
    return parser
