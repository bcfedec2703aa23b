"""The service outside that sends invitations."""

import asyncio
import json
import urllib.request
from http.client import HTTPException
from urllib.error import HTTPError

from leveret.errors import Conflict, TemporaryError

LIMIT = 10.0
"""Seconds that the service may be silent."""

LATER = (408, 425, 429)
"""Refusals after which the same message may be taken later."""


class Webhook:
    """Sends messages to the service.

    Args:
        url: its address; None if there is none.
    """

    def __init__(self, url: str | None) -> None:
        self._url = url

    async def post(self, message: dict[str, str], *, key: str) -> None:
        """Send a message; the service acts once for each key.

        Raises:
            TemporaryError: the service cannot be reached or has failed; the request is tried again.
            Conflict: it refuses the message, or there is no service; the caller is told so at once.
        """
        if self._url is None:
            raise Conflict("Nothing can be sent: set PROJECT_NAME_WEBHOOK_URL")
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        request = urllib.request.Request(self._url, json.dumps(message).encode(), headers)
        await asyncio.to_thread(_send, request)  # it waits, and must not stop the event loop


def _send(request: urllib.request.Request) -> None:
    try:
        with urllib.request.urlopen(request, timeout=LIMIT):
            pass
    except HTTPError as error:
        error.close()
        if error.code < 500 and error.code not in LATER:
            raise Conflict(f"The service has refused the message: {error.code}") from error
        raise TemporaryError(f"the service has failed: {error.code}") from error
    except (OSError, HTTPException) as error:
        raise TemporaryError(f"the service cannot be reached: {error}") from error
