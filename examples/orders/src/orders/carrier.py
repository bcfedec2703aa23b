"""The carrier that ships orders: another program, reached over HTTP."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Final

from leveret.errors import TemporaryError

LONGEST: Final = 10.0
"""Seconds that one request to the carrier may take."""


class NotDelivered(Exception):
    """The carrier does not deliver this order; asking again would not help."""


class Carrier:
    """Makes labels for parcels.

    Args:
        url: address of the carrier's service.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def label(self, order: int, *, key: str) -> str:
        """Return the tracking number of a label; for one key there is one label, however often it is asked for.

        Raises:
            NotDelivered: the carrier refuses.
            TemporaryError: the carrier cannot be reached, or has failed.
        """
        return await asyncio.to_thread(self._label, order, key)

    def _label(self, order: int, key: str) -> str:
        body = json.dumps({"order": order}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": f'"{key}"'}
        request = urllib.request.Request(f"{self._url}/labels", body, headers)  # noqa: S310 - the setting is http or https
        try:
            with urllib.request.urlopen(request, timeout=LONGEST) as answer:  # noqa: S310 - the same
                return str(json.load(answer)["tracking"])
        except urllib.error.HTTPError as error:
            error.close()  # it holds the connection
            if error.code == 422:
                raise NotDelivered(f"The carrier does not deliver order {order}") from error
            raise TemporaryError(f"the carrier answers {error.code}") from error
        except (OSError, ValueError, KeyError) as error:
            raise TemporaryError(f"the carrier cannot be used: {error}") from error
