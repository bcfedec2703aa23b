"""A client with leveret: reads calls and tells what became of each; see docs/protocol.md."""

from __future__ import annotations

import json
import os
import sys
import uuid
from typing import Any

from leveret import BlockingClient
from leveret.errors import NoAnswer, NotSent, RequestError


def call(client: BlockingClient, asked: dict[str, Any]) -> dict[str, Any]:
    """Make one call; the client asks again by itself when its connection is lost."""
    request_id = asked.get("id") or uuid.uuid4().hex
    try:
        data = client.call(
            asked["action"],
            asked["data"],
            version=asked.get("version", "v1"),
            token=asked.get("auth"),
            id=request_id,
            timeout=asked.get("timeout", 20),
        )
    except RequestError as error:
        details = error.details and dict(error.details)
        return {"outcome": "error", "id": request_id, "code": error.code, "error": error.text, "details": details}
    except NotSent as error:
        return {"outcome": "not_sent", "id": request_id, "error": str(error)}
    except NoAnswer as error:
        return {"outcome": "no_answer", "id": request_id, "error": str(error)}
    return {"outcome": "result", "id": request_id, "data": data}


if __name__ == "__main__":
    with BlockingClient(os.environ["CONFORMANCE_URL"], os.environ["CONFORMANCE_QUEUES"]) as caller:
        for line in sys.stdin:
            print(json.dumps(call(caller, json.loads(line))), flush=True)
