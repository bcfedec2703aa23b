"""The application: its name, its settings, its tables, and what its actions need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leveret import App, Settings
from leveret.settings import setting
from orders.carrier import Carrier
from orders.tables import metadata


def http_url(text: str) -> str:
    """Read the address of a web service."""
    if not text.startswith(("http://", "https://")):
        raise ValueError(f"{text!r} is not an address: write http://HOST:PORT or https://HOST")
    return text.rstrip("/")


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopSettings(Settings):
    """The settings of every application, and one of its own.

    Attributes:
        carrier_url: address of the carrier's service.
    """

    carrier_url: str = setting("CARRIER_URL", http_url, "http://127.0.0.1:8085")


app: Final = App(
    "orders", settings=ShopSettings, tables=metadata, migrations=Path(__file__).resolve().parent / "migrations"
)


@app.resource
def carrier(settings: ShopSettings) -> Carrier:
    """Make the way to the carrier; each worker process has one."""
    return Carrier(settings.carrier_url)
