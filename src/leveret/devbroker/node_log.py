"""What a private RabbitMQ node has printed and logged."""

from pathlib import Path

__all__ = ["log_tail"]


def log_tail(folder: Path, *, lines: int = 25) -> str:
    """Return the last lines of what the node printed and logged, with the names of the files."""
    tails = []
    for path in (folder / "console.log", folder / "node.log"):
        if path.exists():
            tail = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
            tails.append("\n".join([f"{path}:", *(f"  {line}" for line in tail)]))
    return "\n".join(tails)
