"""The load generator: compiled where it is needed, and its line of figures read."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path


def compile_load(folder: Path) -> Path:
    """Compile `load.c` into the folder and return the program."""
    program = folder / "load"
    source = Path(__file__).with_name("load.c")
    try:
        subprocess.run(["cc", "-O2", "-o", program, source, "-lrabbitmq"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"cannot compile load.c ({error}): install a C compiler and librabbitmq-dev") from error
    return program


def run_load(program: Path, name: str, arguments: list[str], token: str = "") -> float:
    """Run one round, print its figures under a name, and return the replies per second."""
    environment = {**os.environ, "TOKEN": token}
    command = [str(program), *arguments]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    found = re.match(r"(\d+) replies/s", said.stdout)
    if found is None or " 0 error replies" not in said.stdout:
        raise SystemExit(f"the load on {name} failed: {said.stdout}{said.stderr}")
    print(f"  {name:20} {said.stdout.strip()}", flush=True)
    return float(found[1])
