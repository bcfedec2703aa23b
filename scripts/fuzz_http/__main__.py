"""Fuzzes the gateway of the Task Manager over RabbitMQ and direct: ``make fuzz-http``."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from leveret.devbroker import DevBroker

_HERE: Final = Path(__file__).resolve().parent
_PROGRAM: Final = _HERE.parents[1] / ".venv-fuzz" / "bin" / "schemathesis"
_LIMIT: Final = 60.0
_FORMS: Final = {"over RabbitMQ": (), "--direct": ("--direct",)}
_ACCOUNT: Final = {"email": "ada@example.org", "password": "correct horse 1"}


def main() -> None:
    """Run schemathesis against both forms; the exit code is 1 if it finds something in one of them."""
    parser = argparse.ArgumentParser(prog="make fuzz-http", description=__doc__)
    parser.add_argument("--examples", type=int, default=50, help="random requests for each route (default: 50)")
    parser.add_argument(
        "--seed", type=int, default=None, help="what the random choices follow from; default: a new one"
    )
    given = parser.parse_args()
    failed = []
    with DevBroker() as broker, tempfile.TemporaryDirectory() as folder:
        for form, options in _FORMS.items():
            sys.stdout.write(f"== the gateway {form}\n")
            sys.stdout.flush()
            with _serving(Path(folder), form.strip("-").split()[-1], broker.url, options) as address:
                tokens = {"with a token": _token(address), "without one": ""}
                ends = {how: _fuzz(address, token, given.examples, given.seed) for how, token in tokens.items()}
            failed += [f"{form}, {how}" for how, end in ends.items() if end]
    if failed:
        sys.exit(f"schemathesis found something: {'; '.join(failed)}")
    sys.stdout.write("schemathesis found nothing in either form.\n")


def _fuzz(address: str, token: str, examples: int, seed: int | None) -> int:
    config = _HERE / ("with_token.toml" if token else "without_token.toml")
    command = [str(_PROGRAM), "--config-file", str(config), "run", f"{address}openapi.json"]
    command += ["--exclude-path-regex", "events$"]  # a stream that does not end
    command += ["--phases", "examples,coverage,fuzzing", "--checks", "all", "--max-examples", str(examples)]
    command += ["--continue-on-failure", "--no-color", "--request-timeout", "30"]
    command += ["--seed", str(seed)] if seed is not None else []
    hooks = {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(_HERE), "FUZZ_TOKEN": token}
    return subprocess.run(command, env={**os.environ, **hooks}, check=False).returncode  # noqa: S603 - ours


@contextmanager
def _serving(folder: Path, name: str, url: str, options: tuple[str, ...]) -> Iterator[str]:
    """Run a gateway, and a worker if it needs one, while the block runs; yield its address."""
    variables = {
        "TASKMANAGER_AMQP_URL": url,
        "TASKMANAGER_DATABASE_URL": f"sqlite:///{folder / name}.db",
        "TASKMANAGER_QUEUE_PREFIX": f"fuzz{len(options)}",
        "TASKMANAGER_RATE_LIMIT": "off",
        "TASKMANAGER_LOG_LEVEL": "warning",
    }
    commands = [["worker", "--migrate"]] if not options else []
    commands.append(["gateway", "--port", "0", *options])
    running = []
    for number, words in enumerate(commands):
        with (folder / f"{name}-{number}.txt").open("wb") as output:
            program = [sys.executable, "-m", "taskmanager", *words]
            environment = {**os.environ, **variables}
            running.append(subprocess.Popen(program, env=environment, cwd=folder, stdout=output, stderr=output))  # noqa: S603
    try:
        address = _address(folder / f"{name}-{len(commands) - 1}.txt")
        _wait_for_health(address)
        yield address
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(_LIMIT)


def _address(output: Path) -> str:
    end = time.monotonic() + _LIMIT
    while not (found := re.search(r"http://\S+", output.read_text())):
        if time.monotonic() > end:
            sys.exit(f"the gateway does not start:\n{output.read_text()}")
        time.sleep(0.05)
    return found[0]


def _wait_for_health(address: str) -> None:
    """Wait until a request is answered: the gateway may listen before a worker consumes."""
    end = time.monotonic() + _LIMIT
    while True:
        try:
            urllib.request.urlopen(f"{address}api/v1/health", timeout=_LIMIT).close()  # noqa: S310 - ours
        except urllib.error.HTTPError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def _token(address: str) -> str:
    """Register a user, and return a token of it."""
    _post(f"{address}api/v1/auth/register", "register")
    return str(_post(f"{address}api/v1/auth/login", "login")["access_token"])


def _post(url: str, key: str) -> dict[str, object]:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    request = urllib.request.Request(url, json.dumps(_ACCOUNT).encode(), headers, method="POST")  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=_LIMIT) as answer:  # noqa: S310 - as above
        found: dict[str, object] = json.load(answer)
        return found


if __name__ == "__main__":
    main()
