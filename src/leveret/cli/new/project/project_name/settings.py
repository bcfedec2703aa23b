"""The settings, read from the environment: those of every application, and one of our own."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from leveret import Settings
from leveret.settings import setting


def web_address(text: str) -> str:
    """Check a web address."""
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise ValueError("expected a web address, such as https://hooks.example/invitations")
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectSettings(Settings):
    """The settings; each is PROJECT_NAME_ and its name in the environment.

    Attributes:
        webhook_url: where invitations are sent to; None if they cannot be sent.
    """

    webhook_url: str | None = setting("WEBHOOK_URL", web_address, None, secret=True)
